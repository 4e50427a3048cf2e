-- name: one
SELECT 1 AS one;

-- name: aggregates with nothing in them
SELECT count(*), sum(a), avg(a), max(b) FROM nums WHERE false;

-- name: average as text
SELECT avg(a) AS avg_32, CAST(avg(b) AS numeric(10, 3)) AS avg_107 FROM nums WHERE a < 100;

-- name: outer reference in an aggregate
SELECT a, (SELECT sum(o.a + i.b) FROM nums i WHERE i.a = o.a) FROM nums o ORDER BY a;

-- name: correlated having
SELECT t, sum(DISTINCT a) AS s FROM nums GROUP BY t HAVING EXISTS (SELECT 1 FROM nums b WHERE sum(DISTINCT nums.a) = b.a);

-- name: bit and boolean aggregates
SELECT bit_and(a) AS band, bit_xor(a) AS bxor, bool_and(b > 0) AS bland, every(NOT (t IS NULL)) FROM nums;

-- name: array aggregate with order
SELECT array_agg(a ORDER BY b, a DESC), array_agg(DISTINCT t ORDER BY t DESC NULLS LAST) FROM nums;

-- name: string aggregate of expression
SELECT string_agg(DISTINCT t, ',' ORDER BY t), string_agg(a::text, ':') FILTER (WHERE a > 1) FROM nums;

-- name: variance family
SELECT var_pop(a::numeric), var_samp(a), stddev_pop('NaN'::numeric), regr_count(b, a), regr_r2(b, a), regr_avgx(b, a), regr_sxy(b, a) FROM nums;

-- name: grouping function
SELECT a, t, grouping(a, t), sum(b), count(*), max(b) FROM nums GROUP BY GROUPING SETS ((a, t), ROLLUP (a), ()) HAVING grouping(a) = 0 ORDER BY 1, 2;

-- name: nested grouping sets
SELECT sum(b) FROM nums GROUP BY GROUPING SETS ((), GROUPING SETS (a, CUBE (a, t)), ROLLUP (t, a));

-- name: group by a constant and an expression
SELECT a % 2, count(*) FROM nums GROUP BY a % 2, () ORDER BY a % 2;

-- name: window frames of every kind
SELECT sum(b) OVER (ORDER BY a ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE GROUP), sum(b) OVER (ORDER BY a RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE NO OTHERS),
       last_value(a) OVER (PARTITION BY t ORDER BY a GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM nums;

-- name: window by expression
SELECT a, lag(a, 2, 0) OVER (ORDER BY t, a), lead(a * 2, 1, 0) OVER (ORDER BY a DESC NULLS LAST), ntile(3) OVER (ORDER BY b, t) FROM nums;

-- name: window in order by only
SELECT a FROM nums ORDER BY rank() OVER (ORDER BY b), a;

-- name: window over subquery
SELECT * FROM (SELECT count(*) OVER (PARTITION BY t ORDER BY a) + sum(b) OVER (PARTITION BY t ORDER BY a) AS total, count(*) OVER (PARTITION BY t) AS fourcount FROM nums) sub WHERE total <> fourcount;

-- name: join using three ways
SELECT * FROM nums j1 LEFT JOIN nums j2 USING (a, t) INNER JOIN nums j3 ON (j1.b = j3.a);

-- name: join alias with columns
SELECT x.i, x.j FROM (nums AS p(i, j, k) JOIN nums AS q(i, m, n) USING (i)) AS x(i, j);

-- name: lateral in a function
SELECT n.a, g FROM nums n, generate_series(1, n.a) g WHERE g < 3;

-- name: lateral left join on true
SELECT n.a, x.s FROM nums n LEFT JOIN LATERAL (SELECT n.a + m.b AS s FROM nums m WHERE m.a = n.a LIMIT 1) x ON true;

-- name: in and not in with nulls
SELECT a FROM nums WHERE a IN (1, 2, NULL) OR a NOT IN (SELECT b FROM nums WHERE b IS NOT NULL);

-- name: scalar subquery in case
SELECT CASE WHEN (SELECT count(*) FROM nums) > 10 THEN 'many' ELSE (SELECT min(t) FROM nums) END;

-- name: all and some
SELECT a > SOME (SELECT b FROM nums), a = ALL (SELECT b FROM nums), a <> ALL (VALUES (1), (2)) FROM nums;

-- name: exists with limit
SELECT 1 WHERE EXISTS (SELECT a FROM nums OFFSET 1 LIMIT 1);

-- name: union of types
SELECT 1.1 AS two UNION SELECT 2 UNION ALL SELECT 2.0::float8 ORDER BY 1;

-- name: intersect in parentheses
(((SELECT a FROM nums))) INTERSECT (((SELECT b FROM nums) UNION SELECT 3)) EXCEPT SELECT 7;

-- name: set operation with order and limit in arms
(SELECT a FROM nums ORDER BY a LIMIT 1) UNION ALL (SELECT b FROM nums ORDER BY b DESC LIMIT 1);

-- name: values as a scalar subquery
SELECT (VALUES (1)), (TABLE only_one) FROM (VALUES (1), (2)) v(x);

-- name: with in a subquery in a with
WITH q1 AS (WITH q2 AS (SELECT a FROM nums) SELECT * FROM q2 WHERE a IN (WITH q3 AS (SELECT 1 AS x) SELECT x FROM q3)) SELECT count(*) FROM q1;

-- name: with shadowed by an inner with
WITH q AS (SELECT 1 AS x) SELECT (WITH q AS (SELECT 2 AS x) SELECT x FROM q), x FROM q;

-- name: recursive with two terms
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 10), u AS (SELECT n * 2 AS m FROM t) SELECT sum(m) FROM u;

-- name: recursive forward reference
WITH RECURSIVE y AS (SELECT n FROM x), x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT * FROM y;

-- name: recursive breadth first
WITH RECURSIVE t(a, b) AS (SELECT a, b FROM nums WHERE a = 1 UNION ALL SELECT n.a, n.b FROM nums n JOIN t ON n.a = t.b) SEARCH BREADTH FIRST BY a, b SET o SELECT * FROM t ORDER BY o;

-- name: recursive cycle with marks
WITH RECURSIVE t(a, b) AS (SELECT a, b FROM nums UNION ALL SELECT n.a, n.b FROM nums n JOIN t ON n.a = t.b) CYCLE a, b SET is_cycle TO 'Y' DEFAULT 'N' USING path SELECT a, is_cycle, path FROM t;

-- name: row of a subquery
SELECT (SELECT ROW(a, b) FROM nums LIMIT 1), ROW(1, 2, 3) IS NOT NULL, ROW(1, NULL) IS NULL, ROW(1, 2) IS DISTINCT FROM ROW(1, 3);

-- name: fields of an anonymous composite
SELECT (r).a, (r).b FROM (SELECT n AS r FROM nums n) s WHERE ((r).t) IS NULL;

-- name: array slices
SELECT ('{1,2,3,4}'::int[])[2:3], (ARRAY[[1, 2], [3, 4]])[2][1], ('{1,2,3}'::int[])[:2], (ARRAY[1, 2])[1:][1];

-- name: array comparisons
SELECT ARRAY[1, 2] || 3, 0 || ARRAY[1], ARRAY[1, 2] @> ARRAY[1], '{1,2}'::int[] && '{2}', 1 = ANY ('{1,2}'), ARRAY[1] < ARRAY[2], array_fill(0, ARRAY[2, 2]), array_cat('{1}', '{2}');

-- name: text search operators
SELECT 'fat cats'::tsvector @@ 'fat & cats'::tsquery, 'a <-> b'::tsquery, to_tsvector('english', 'x') || to_tsvector('simple', 'y'), strip('a:1'::tsvector);

-- name: strings of every kind
SELECT E'\x41', U&'d!0061t\+000061' UESCAPE '!', B'01', X'1F', 'it''s', $$dollar$$, N'national', 'a'
    'b';

-- name: string functions
SELECT char_length('abc'), octet_length('abc'), bit_length('abc'), lower('A') || upper('b'), trim(leading 'x' FROM 'xxa'), ltrim(' a'), rtrim('a '), substring('abc' SIMILAR 'a#"b#"c' ESCAPE '#'),
       substr('abc', 2), strpos('abc', 'c'), to_hex(255), repeat('ab', 2), split_part('a,b', ',', -1), quote_ident('A'), ascii('x'), to_ascii('x'), parse_ident('a.b');

-- name: date arithmetic
SELECT date '2024-03-01' - date '2024-02-01', timestamp '2024-01-01' + 2 * interval '1 day', interval '1' year, interval '1-2' year to month, interval(0) '1.5 seconds', '1 day'::interval second,
       extract(epoch FROM timestamptz '2024-01-01'), date_part('dow', date '2024-01-01'), timestamp 'now', 'tomorrow'::date > 'yesterday'::date, timezone('UTC', now());

-- name: date output
SELECT to_char(timestamp '2024-01-02 03:04:05', 'YYYY-MM-DD HH24:MI:SS'), to_char(interval '15h', 'HH24:MI'), to_char(-1.5, 'S9.99'), to_number('1,234.5', '9G999D9'), to_timestamp('2024', 'YYYY');

-- name: numeric specials
SELECT 'infinity'::numeric, '-inf'::float8, 'nan'::numeric > 1, 1.0 / 3, 5 / 2, 5 % -3, -5 / 2, 1e-3, width_bucket(5.35, 0.024, 10.06, 5), random() < 1, round(-2.5), numeric '1e10'::int8;

-- name: conditionals
SELECT nullif(1, 1), coalesce(NULL, 2), greatest(1, NULL, 3), least('a', 'b'), CASE WHEN NULL THEN 1 END, (CASE 1 WHEN 1 THEN 'a' END) COLLATE "C";

-- name: type names with spaces
SELECT 1::double precision, 'x'::character varying(3), '1'::bit varying, '10:00'::time with time zone, '2024-01-01'::timestamp(3) without time zone, 1::dec(4, 1), 1::smallint, 'a'::national character(2), '{}'::integer ARRAY;

-- name: function style casts
SELECT int8(1.5), float4('1'), text(1), date('2024-01-01'), bool('t'), jsonb('{}'), uuid('b5cb7a0e-0001-4000-8000-000000000000');

-- name: limits by parameter and expression
SELECT a FROM nums ORDER BY a LIMIT $1 OFFSET $2 + 1;

-- name: distinct on several
SELECT DISTINCT ON (t, a % 2) t, a FROM nums ORDER BY t, a % 2, b DESC;

-- name: select star twice
SELECT *, n.*, a AS again FROM nums n;

-- name: whole row comparison
SELECT count(*) FROM nums x JOIN nums y ON x = y WHERE x IS NOT NULL;

-- name: whole row functions
SELECT row_to_json(n), to_jsonb(n) ->> 't', n::text, hash_record(n), num_nonnulls(n.*), count(n) OVER () FROM nums n;

-- name: attribute notation of a function
SELECT n.row_to_json, n.to_jsonb FROM nums n;

-- name: row type of a relation
SELECT NULL::nums, (json_populate_record(NULL::nums, '{"a": 1}')).a, (jsonb_populate_recordset(NULL::nums, '[{"a": 1}]')).*;

-- name: sums of series
SELECT sum(i) FROM generate_series(1, 1000) i WHERE i % 3 = 0 OR i % 5 = 0;

-- name: primes
SELECT n FROM generate_series(2, 100) n WHERE NOT EXISTS (SELECT 1 FROM generate_series(2, floor(sqrt(n))::int) d WHERE n % d = 0);

-- name: calendar by weekday
SELECT d::date, to_char(d, 'Day'), extract(week FROM d) FROM generate_series(date '2024-01-01', date '2024-01-31', '1 day') AS t(d) WHERE extract(isodow FROM d) < 6;

-- name: unpivot by lateral values
SELECT n.t, v.k, v.x FROM nums n CROSS JOIN LATERAL (VALUES ('a', n.a), ('b', n.b)) AS v(k, x);

-- name: unpivot by json
SELECT n.t, j.key, j.value FROM nums n, jsonb_each_text(to_jsonb(n)) AS j;

-- name: count of words by json
SELECT jsonb_object_agg(w, c) FROM (SELECT w, count(*) AS c FROM regexp_split_to_table('a b a', ' ') w GROUP BY w) s;

-- name: running product
SELECT a, exp(sum(ln(abs(a) + 1)) OVER (ORDER BY a)) FROM nums;

-- name: exponential moving average
WITH RECURSIVE o AS (SELECT a, b, row_number() OVER (ORDER BY a) AS n FROM nums), e AS (SELECT n, b::numeric AS ema FROM o WHERE n = 1 UNION ALL SELECT o.n, 0.5 * o.b + 0.5 * e.ema FROM e JOIN o ON o.n = e.n + 1) SELECT * FROM e;

-- name: knapsack of subsets
WITH RECURSIVE s(last, items, w) AS (SELECT 0, ARRAY[]::int[], 0 UNION ALL SELECT n.a, s.items || n.a, s.w + n.b FROM s JOIN nums n ON n.a > s.last WHERE s.w + n.b <= 10) SELECT items FROM s ORDER BY w DESC LIMIT 1;

-- name: pairs without repetition
SELECT x.a, y.a FROM nums x, nums y WHERE x.a < y.a AND (x.b, x.t) IS DISTINCT FROM (y.b, y.t);

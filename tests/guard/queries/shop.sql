-- name: customers by region
SELECT region, count(*) AS customers FROM customers GROUP BY region ORDER BY customers DESC, region;

-- name: average order value
SELECT avg(total)::numeric(12, 2), min(total), max(total), sum(total) FROM orders WHERE status <> 'cancelled';

-- name: orders of the last thirty days
SELECT * FROM orders WHERE ordered_at >= now() - interval '30 days' ORDER BY ordered_at DESC LIMIT 50;

-- name: orders a day
SELECT date_trunc('day', ordered_at) AS day, count(*) FROM orders GROUP BY day ORDER BY day;

-- name: orders a day in a zone
SELECT (ordered_at AT TIME ZONE 'Europe/Berlin')::date AS day, count(*) FROM orders GROUP BY 1 ORDER BY 1;

-- name: day of week
SELECT to_char(ordered_at, 'Dy') AS day, extract(isodow FROM ordered_at) AS n, count(*) FROM orders GROUP BY 1, 2 ORDER BY n;

-- name: hour buckets
SELECT date_part('hour', ordered_at) AS hour, count(*) FROM orders GROUP BY 1 ORDER BY 1;

-- name: fifteen minute bins
SELECT date_bin('15 minutes', at, timestamptz '2024-01-01') AS bin, avg(reading) FROM measurements GROUP BY bin ORDER BY bin;

-- name: repeat purchase rate
SELECT round(100.0 * count(*) FILTER (WHERE n > 1) / count(*), 1) FROM (SELECT customer_id, count(*) AS n FROM orders GROUP BY 1) AS c;

-- name: first and last order
SELECT customer_id, min(ordered_at), max(ordered_at), max(ordered_at) - min(ordered_at) AS span FROM orders GROUP BY customer_id;

-- name: latest order of each customer
SELECT c.full_name, o.* FROM customers c LEFT JOIN LATERAL (
    SELECT id AS order_id, total FROM orders WHERE customer_id = c.id ORDER BY ordered_at DESC LIMIT 1) o ON true;

-- name: inactive customers
SELECT c.id FROM customers c WHERE NOT EXISTS (
    SELECT FROM orders o WHERE o.customer_id = c.id AND o.ordered_at > current_date - 90);

-- name: retention cohorts
WITH cohort AS (
    SELECT customer_id, date_trunc('month', min(ordered_at)) AS born FROM orders GROUP BY customer_id
), activity AS (
    SELECT DISTINCT o.customer_id, c.born,
           (extract(year FROM age(date_trunc('month', o.ordered_at), c.born)) * 12
            + extract(month FROM age(date_trunc('month', o.ordered_at), c.born)))::int AS n
    FROM orders o JOIN cohort c USING (customer_id)
)
SELECT born::date, n, count(*) FROM activity GROUP BY 1, 2 ORDER BY 1, 2;

-- name: rfm score
SELECT customer_id, ntile(5) OVER (ORDER BY max(ordered_at)) AS r, ntile(5) OVER (ORDER BY count(*)) AS f,
       ntile(5) OVER (ORDER BY sum(total)) AS m FROM orders GROUP BY customer_id;

-- name: funnel
SELECT count(*) FILTER (WHERE kind = 'view') AS views, count(*) FILTER (WHERE kind = 'cart') AS carts,
       count(*) FILTER (WHERE kind = 'buy') AS buys FROM events;

-- name: sessions by gap
WITH marked AS (
    SELECT customer_id, at, CASE WHEN at - lag(at) OVER w > interval '30 minutes' OR lag(at) OVER w IS NULL THEN 1 ELSE 0 END AS starts
    FROM events WINDOW w AS (PARTITION BY customer_id ORDER BY at)
), numbered AS (
    SELECT customer_id, at, sum(starts) OVER (PARTITION BY customer_id ORDER BY at) AS session FROM marked
)
SELECT customer_id, session, min(at), max(at), count(*) FROM numbered GROUP BY 1, 2;

-- name: islands of consecutive days
SELECT customer_id, min(day), max(day), count(*) FROM (
    SELECT customer_id, day, day - (row_number() OVER (PARTITION BY customer_id ORDER BY day))::int AS island
    FROM (SELECT DISTINCT customer_id, ordered_at::date AS day FROM orders) AS d) AS i
GROUP BY customer_id, island HAVING count(*) >= 3;

-- name: revenue by category
SELECT p.category, sum(i.quantity * i.unit_price * (1 - coalesce(i.discount, 0))) AS revenue
FROM order_items i JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
WHERE o.status IN ('paid', 'shipped') GROUP BY p.category ORDER BY revenue DESC;

-- name: pricing summary like q1
SELECT status, count(*) AS n, sum(quantity) AS qty, sum(unit_price * quantity) AS gross,
       sum(unit_price * quantity * (1 - discount)) AS net, avg(discount) AS disc
FROM orders JOIN order_items ON order_items.order_id = orders.id
WHERE orders.ordered_at <= date '2024-12-01' - interval '90' day GROUP BY status ORDER BY status;

-- name: market share like q8
SELECT o_year, sum(CASE WHEN category = 'Audio' THEN volume ELSE 0 END) / sum(volume) AS share FROM (
    SELECT extract(year FROM o.ordered_at) AS o_year, i.quantity * i.unit_price AS volume, p.category
    FROM products p, order_items i, orders o WHERE p.id = i.product_id AND i.order_id = o.id) AS all_orders
GROUP BY o_year ORDER BY o_year;

-- name: customer distribution like q13
SELECT c_count, count(*) AS custdist FROM (
    SELECT c.id, count(o.id) FROM customers c LEFT OUTER JOIN orders o ON c.id = o.customer_id AND o.note NOT LIKE '%special%requests%'
    GROUP BY c.id) AS c_orders (c_id, c_count) GROUP BY c_count ORDER BY custdist DESC, c_count DESC;

-- name: top supplier like q15
WITH revenue (product_no, total_revenue) AS (SELECT product_id, sum(unit_price * (1 - discount)) FROM order_items GROUP BY product_id)
SELECT id, name, total_revenue FROM products, revenue
WHERE id = product_no AND total_revenue = (SELECT max(total_revenue) FROM revenue) ORDER BY id;

-- name: waiting like q21
SELECT c.full_name, count(*) AS waits FROM customers c, orders o1 WHERE c.id = o1.customer_id AND o1.shipped_at > o1.ordered_at + interval '3 days'
AND EXISTS (SELECT * FROM orders o2 WHERE o2.customer_id = o1.customer_id AND o2.id <> o1.id)
AND NOT EXISTS (SELECT * FROM orders o3 WHERE o3.customer_id = o1.customer_id AND o3.shipped_at IS NULL)
GROUP BY c.full_name ORDER BY waits DESC, c.full_name LIMIT 100;

-- name: dialling codes like q22
SELECT code, count(*), sum(spent) FROM (
    SELECT substring(c.email FROM 1 FOR 2) AS code, (SELECT sum(total) FROM orders o WHERE o.customer_id = c.id) AS spent FROM customers c
    WHERE substring(c.email FROM 1 FOR 2) IN ('an', 'be', 'cl')) AS x GROUP BY code ORDER BY code;

-- name: percentiles of totals
SELECT percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY total) FROM orders;

-- name: histogram with bar
SELECT b, count(*), repeat('#', (count(*) / 10)::int) AS bar FROM (SELECT width_bucket(total, 0, 1000, 20) AS b FROM orders) AS h GROUP BY b ORDER BY b;

-- name: width bucket of array
SELECT width_bucket(total, ARRAY[10, 50, 100]::numeric[]) AS b, count(*) FROM orders GROUP BY 1;

-- name: outliers by z score
SELECT id, total FROM (SELECT id, total, (total - avg(total) OVER ()) / nullif(stddev(total) OVER (), 0) AS z FROM orders) s WHERE abs(z) > 3;

-- name: organisation tree
WITH RECURSIVE tree AS (
    SELECT id, name, manager_id, 0 AS level, name::text AS path FROM employees WHERE manager_id IS NULL
    UNION ALL
    SELECT e.id, e.name, e.manager_id, t.level + 1, t.path || ' > ' || e.name FROM employees e JOIN tree t ON e.manager_id = t.id
) SEARCH DEPTH FIRST BY name SET ordering
SELECT lpad('', level * 2) || name, path FROM tree ORDER BY ordering;

-- name: cycle detection
WITH RECURSIVE up(id, manager_id) AS (
    SELECT id, manager_id FROM employees UNION ALL SELECT e.id, e.manager_id FROM employees e JOIN up ON up.manager_id = e.id
) CYCLE id SET looped USING path
SELECT id, looped FROM up;

-- name: fibonacci
WITH RECURSIVE f(n, a, b) AS (VALUES (1, 0::numeric, 1::numeric) UNION ALL SELECT n + 1, b, a + b FROM f WHERE n < 50) SELECT n, a FROM f;

-- name: date spine
WITH RECURSIVE d AS (SELECT date '2024-01-01' AS day UNION ALL SELECT day + 1 FROM d WHERE day < '2024-01-31') SELECT day FROM d;

-- name: bill of days in a month
SELECT generate_series(date_trunc('month', current_date), date_trunc('month', current_date) + interval '1 month - 1 day', interval '1 day')::date;

-- name: salary above the department
SELECT name, salary FROM employees e WHERE salary > (SELECT avg(salary) FROM employees WHERE manager_id IS NOT DISTINCT FROM e.manager_id);

-- name: second highest salary
SELECT max(salary) FROM employees WHERE salary < (SELECT max(salary) FROM employees);

-- name: dense rank for nth salary
SELECT DISTINCT salary FROM (SELECT salary, dense_rank() OVER (ORDER BY salary DESC) AS r FROM employees) x WHERE r = 2;

-- name: median without percentile
SELECT avg(total) FROM (SELECT total, row_number() OVER (ORDER BY total) AS n, count(*) OVER () AS c FROM orders) x WHERE n IN ((c + 1) / 2, (c + 2) / 2);

-- name: running balance
SELECT id, amount, sum(amount) OVER (PARTITION BY order_id ORDER BY paid_at, id) AS balance FROM payments;

-- name: unpaid part
SELECT o.id, o.total - coalesce(p.paid, 0) AS due FROM orders o LEFT JOIN (SELECT order_id, sum(amount) AS paid FROM payments GROUP BY order_id) p
ON p.order_id = o.id WHERE o.total > coalesce(p.paid, 0);

-- name: json field
SELECT details ->> 'brand' AS brand, (details -> 'cents')::int, details #>> '{card,last4}', details @> '{"ok": true}' FROM payments;

-- name: json existence operators
SELECT count(*) FROM events WHERE payload ? 'url' AND payload ?| ARRAY['a', 'b'] AND NOT payload ?& ARRAY['c'];

-- name: json existence functions
SELECT count(*) FROM events WHERE jsonb_exists(payload, 'url') AND jsonb_typeof(payload -> 'url') = 'string';

-- name: json each
SELECT e.id, k.key, k.value FROM events e, jsonb_each_text(e.payload) AS k WHERE k.key LIKE 'utm%';

-- name: field of a set returning function
SELECT id, (jsonb_each_text(payload)).key, (jsonb_each_text(payload)).* FROM events;

-- name: json array elements with ordinality
SELECT e.id, x.n, x.v FROM events e CROSS JOIN LATERAL jsonb_array_elements(e.payload -> 'items') WITH ORDINALITY AS x(v, n);

-- name: json to recordset
SELECT r.sku, sum(r.qty) FROM events e, jsonb_to_recordset(e.payload -> 'items') AS r(sku text, qty int) GROUP BY r.sku;

-- name: json populate record
SELECT (jsonb_populate_record(NULL::orders, '{"id": 7, "total": 1.5}')).total;

-- name: json path
SELECT jsonb_path_query(payload, '$.items[*] ? (@.qty > 2).sku') FROM events WHERE payload @? '$.items[*] ? (@.qty > 2)';

-- name: json path match
SELECT count(*) FROM events WHERE payload @@ '$.price > 10' AND jsonb_path_exists(payload, '$.a[*]', vars => '{}');

-- name: json aggregates
SELECT jsonb_object_agg(id, name ORDER BY id), json_agg(DISTINCT category), jsonb_agg(to_jsonb(p) - 'price') FROM products p;

-- name: json building
SELECT json_build_array(1, 'a', NULL), jsonb_build_object('k', 1), to_json(now()), jsonb_set('{"a": 1}', '{b}', '2'), jsonb_pretty('{"a": [1]}');

-- name: json removal and merge
SELECT payload - 'a' - ARRAY['b', 'c'] #- '{d,e}' || '{"f": 1}', jsonb_strip_nulls(payload) FROM events;

-- name: json subscript
SELECT payload['items'][0]['sku'] FROM events;

-- name: is json
SELECT note IS JSON, note IS JSON OBJECT, note IS NOT JSON ARRAY WITH UNIQUE KEYS FROM orders;

-- name: sql json constructors
SELECT JSON_OBJECT('id': id, 'total': total ABSENT ON NULL RETURNING jsonb), JSON_ARRAY(id, status NULL ON NULL) FROM orders;

-- name: sql json aggregates
SELECT JSON_OBJECTAGG(id: status), JSON_ARRAYAGG(total ORDER BY total DESC RETURNING jsonb) FROM orders;

-- name: sql json array of a query
SELECT JSON_ARRAY(SELECT name FROM products ORDER BY name);

-- name: array column
SELECT tag, count(*) FROM customers, unnest(tags) AS tag GROUP BY tag ORDER BY 2 DESC;

-- name: array operators
SELECT id FROM customers WHERE tags && ARRAY['vip'] AND tags @> '{new}' AND 'x' = ANY (tags) AND cardinality(tags) > 0;

-- name: array functions
SELECT array_to_string(tags, ','), array_position(tags, 'vip'), tags[1], tags[1:2], tags || 'z'::text, array_remove(tags, 'a'), array_length(tags, 1) FROM customers;

-- name: array constructor of a query
SELECT c.id, ARRAY(SELECT o.id FROM orders o WHERE o.customer_id = c.id ORDER BY 1) AS orders FROM customers c;

-- name: unnest two arrays
SELECT * FROM unnest(ARRAY[1, 2, 3], ARRAY['a', 'b']) AS u(n, s);

-- name: rows from
SELECT * FROM ROWS FROM (generate_series(1, 3), jsonb_each('{"a": 1}')) WITH ORDINALITY AS t(n, k, v, o);

-- name: subscripts
SELECT i, tags[i] FROM customers, generate_subscripts(tags, 1) AS i;

-- name: string aggregation
SELECT region, string_agg(DISTINCT full_name, '; ' ORDER BY full_name) FROM customers GROUP BY region;

-- name: email domain
SELECT split_part(email, '@', 2) AS domain, count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC;

-- name: regular expressions
SELECT regexp_replace(note, '\s+', ' ', 'g'), regexp_match(note, '(\d+)'), regexp_count(note, 'a'), substring(note FROM '\d+'),
       regexp_like(note, '^x', 'i'), (regexp_matches(note, '(\w+)', 'g'))[1] FROM orders;

-- name: formatting
SELECT format('%s has %s orders', full_name, 3), to_char(1234.5, 'FM9,999.00'), lpad(id::text, 8, '0'), concat_ws(', ', region, NULL, email), quote_literal(email)
FROM customers;

-- name: text cleaning
SELECT btrim(lower(email)), translate(note, 'áé', 'ae'), replace(note, 'x', ''), starts_with(email, 'a'), strpos(email, '@'), ascii('a'), chr(65)
FROM customers JOIN orders ON customers.id = orders.customer_id;

-- name: normalisation
SELECT normalize(full_name, NFC), full_name IS NFC NORMALIZED, unistr('d\0061ta'), U&'\00e9' FROM customers;

-- name: hashing for a sample
SELECT * FROM customers WHERE abs(hashtext(email)) % 100 < 5;

-- name: random sample
SELECT id FROM customers ORDER BY random() LIMIT 10;

-- name: encodings
SELECT md5(email), encode(sha256(email::bytea), 'hex'), encode(convert_to(email, 'UTF8'), 'base64'), convert_from('\x61'::bytea, 'UTF8') FROM customers;

-- name: intervals
SELECT justify_interval(sum(duration)), avg(duration), extract(epoch FROM max(duration)) / 60, make_interval(hours => 2, mins => 30) FROM events;

-- name: dates
SELECT make_date(2024, 2, 29), date '2024-01-31' + interval '1 month', age(date '2024-01-01'), to_date('01/02/2024', 'DD/MM/YYYY'),
       to_timestamp(1700000000), isfinite(date 'infinity'), date_trunc('week', now(), 'UTC'), timestamp 'epoch', time '10:00' + interval '1 h';

-- name: overlaps
SELECT (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-15', interval '10 days');

-- name: ranges
SELECT sensor, span @> now(), lower(span), upper(span), isempty(span), span * tstzrange('2024-01-01', '2024-02-01', '[)'), span -|- span FROM measurements;

-- name: range aggregates
SELECT range_agg(span), range_merge(tstzrange('2024-01-01', '2024-01-02'), tstzrange('2024-01-05', '2024-01-06')) FROM measurements;

-- name: multiranges
SELECT '{[1,3),[5,7)}'::int4multirange @> 5, unnest('{[1,3),[5,7)}'::int4multirange);

-- name: network
SELECT ip, host(ip), masklen(ip), ip << inet '10.0.0.0/8', set_masklen(ip, 24), network(set_masklen(ip, 24)) FROM events;

-- name: geometric
SELECT point(1, 2) <-> point(4, 6), box '((0,0),(1,1))' @> point '(0.5,0.5)', circle(point(0, 0), 2), area(circle '<(0,0),1>');

-- name: bits
SELECT B'1010' & B'0110', 5::bit(8), bit_count('\xff'::bytea), 1 << 4, 6 # 3, ~1, get_bit('\x01'::bytea, 0);

-- name: numbers
SELECT round(2.345, 2), trunc(-1.5), ceil(1.1), floor(1.9), mod(7, 3), power(2, 10), 2 ^ 0.5, |/ 16, @ -3, sqrt(2), ln(10), log(100), sign(-2), gcd(12, 18),
       div(7, 2), 7 % 3, 10 / 4.0, 1e3, 0x1F, 1_000, factorial(5), pi(), degrees(pi()), atan2(1, 1), cbrt(27), scale(1.230), trim_scale(1.230);

-- name: casts of many kinds
SELECT '1'::int, CAST('1.5' AS double precision), '2024-01-01'::timestamptz, 't'::bool, '{1,2}'::int[], '1 day'::interval, 'a'::char(3), 'x'::"char", 'abc'::varchar(2),
       '12.34'::money, 'b5cb7a0e-0001-4000-8000-000000000000'::uuid, '\xdeadbeef'::bytea, '10'::bit varying(4), numeric '1.5', float8 'NaN', int4 '5', date('2024-01-01'), text(5);

-- name: full text search
SELECT id, ts_rank(to_tsvector('english', note), query) AS rank, ts_headline('english', note, query)
FROM orders, plainto_tsquery('english', 'late delivery') AS query WHERE to_tsvector('english', note) @@ query ORDER BY rank DESC;

-- name: web search query
SELECT id FROM orders WHERE to_tsvector('simple', coalesce(note, '')) @@ websearch_to_tsquery('simple', '"not working" or broken -fixed');

-- name: text search vectors
SELECT setweight(to_tsvector('english', 'a title'), 'A') || to_tsvector('a body'), to_tsquery('english', 'fat & rat'), ts_lexize('english_stem', 'stars'), numnode('a & b'::tsquery);

-- name: row expressions
SELECT ROW(1, 'a') = ROW(1, 'a'), (1, 2) < (1, 3), ROW(o.*) FROM orders o LIMIT 1;

-- name: composite alias
SELECT (x.c).full_name, (x.c).region FROM (SELECT c FROM customers c) AS x;

-- name: every column of a composite
SELECT (x.c).* FROM (SELECT c FROM customers c) AS x;

-- name: column called by the table
SELECT customers.id, customers.email FROM customers WHERE customers.region = 'EU';

-- name: quoted names
SELECT "c"."id" AS "Customer Id", count(*) AS "select" FROM "customers" AS "c" GROUP BY "c"."id" ORDER BY "Customer Id";

-- name: case expressions
SELECT CASE WHEN total > 100 THEN 'big' WHEN total > 10 THEN 'middle' ELSE 'small' END AS size, CASE status WHEN 'paid' THEN 1 ELSE 0 END, count(*) FROM orders GROUP BY 1, 2;

-- name: between symmetric
SELECT id FROM orders WHERE total BETWEEN SYMMETRIC 100 AND 10 AND NOT (id BETWEEN 1 AND 3);

-- name: boolean tests
SELECT (total > 10) IS TRUE, (total > 10) IS NOT UNKNOWN, NOT (status = 'paid' AND total > 1 OR id = 2), note ISNULL, note NOTNULL FROM orders;

-- name: like with escape
SELECT id FROM orders WHERE note LIKE '%50!%%' ESCAPE '!' OR note NOT ILIKE 'a_c' OR note ~~ 'x%' OR note LIKE ANY (ARRAY['a%', 'b%']);

-- name: operator syntax
SELECT 1 OPERATOR(pg_catalog.+) 2, 3 OPERATOR(*) 4;

-- name: qualified builtins
SELECT pg_catalog.count(*), pg_catalog.lower('X'), 'a'::pg_catalog.text, pg_catalog.now() FROM orders;

-- name: order by using
SELECT id FROM orders ORDER BY total USING >, id NULLS FIRST;

-- name: group by distinct
SELECT region, count(*) FROM customers GROUP BY DISTINCT ROLLUP (region), CUBE (region);

-- name: having without group
SELECT sum(total) FROM orders HAVING count(*) > 0;

-- name: exists in the select list
SELECT c.id, EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) AS bought, (SELECT count(*) FROM events e WHERE e.customer_id = c.id) FROM customers c;

-- name: multi column subquery
SELECT id FROM orders WHERE (customer_id, ordered_at) IN (SELECT customer_id, max(ordered_at) FROM orders GROUP BY customer_id);

-- name: scalar subqueries everywhere
SELECT (SELECT max(id) FROM orders) FROM customers WHERE id = (SELECT min(customer_id) FROM orders) GROUP BY region HAVING count(*) > (SELECT 0)
ORDER BY (SELECT 1) LIMIT (SELECT 5) OFFSET (SELECT 0);

-- name: union with different parts
SELECT 'order' AS what, id, ordered_at AS at FROM orders UNION ALL SELECT 'payment', id, paid_at FROM payments UNION ALL SELECT kind, id, at FROM events ORDER BY at DESC LIMIT 20;

-- name: except all and intersect all
SELECT customer_id FROM orders EXCEPT ALL SELECT customer_id FROM events INTERSECT ALL SELECT id FROM customers;

-- name: cte used twice
WITH t AS (SELECT customer_id, sum(total) AS s FROM orders GROUP BY 1) SELECT a.customer_id FROM t a JOIN t b ON a.s > b.s GROUP BY 1 HAVING count(*) > 2;

-- name: nested ctes
WITH a AS (WITH b AS (SELECT id FROM orders) SELECT id FROM b), c AS (SELECT id FROM a) SELECT * FROM c WHERE id IN (WITH d AS (SELECT id FROM c) SELECT id FROM d);

-- name: cte with column list
WITH t (a, b) AS (SELECT id, total FROM orders) SELECT a, b FROM t WHERE b > 5;

-- name: cte before values and table
WITH v AS (VALUES (1, 'one'), (2, 'two')), t AS (TABLE products) SELECT * FROM v, t LIMIT 1;

-- name: lateral with columns of the left
SELECT c.id, x.n, y.m FROM customers c, LATERAL (SELECT count(*) AS n FROM orders WHERE customer_id = c.id) x, LATERAL (SELECT x.n * 2 AS m) y;

-- name: semi join anti join
SELECT p.name FROM products p WHERE p.id IN (SELECT product_id FROM order_items) AND p.id NOT IN (SELECT product_id FROM order_items WHERE discount > 0.5);

-- name: join with three conditions
SELECT * FROM orders o INNER JOIN payments p ON p.order_id = o.id AND p.amount = o.total AND p.paid_at::date = o.ordered_at::date RIGHT JOIN customers c ON c.id = o.customer_id;

-- name: cross join of values
SELECT a, b FROM (VALUES (1), (2)) AS x(a) CROSS JOIN (VALUES ('p'), ('q')) AS y(b) WHERE NOT (a = 1 AND b = 'q');

-- name: forward fill
SELECT at, sensor, first_value(reading) OVER (PARTITION BY sensor, grp ORDER BY at) FROM (
    SELECT at, sensor, reading, count(reading) OVER (PARTITION BY sensor ORDER BY at) AS grp FROM measurements) t;

-- name: interpolation by lead
SELECT sensor, at, (lead(reading) OVER w - reading) / nullif(extract(epoch FROM lead(at) OVER w - at), 0) AS slope FROM measurements WINDOW w AS (PARTITION BY sensor ORDER BY at);

-- name: year over year
SELECT m, revenue, lag(revenue, 12) OVER (ORDER BY m) AS year_ago FROM (SELECT date_trunc('month', ordered_at) AS m, sum(total) AS revenue FROM orders GROUP BY 1) t;

-- name: weighted average
SELECT category, sum(price * weight) / nullif(sum(weight), 0) FROM products GROUP BY category;

-- name: geometric mean
SELECT exp(avg(ln(price))) FROM products WHERE price > 0;

-- name: ratio to report
SELECT category, price, price / sum(price) OVER (PARTITION BY category) AS share, price - avg(price) OVER () AS diff FROM products;

-- name: conditional distinct
SELECT count(DISTINCT customer_id) FILTER (WHERE kind = 'buy')::float / nullif(count(DISTINCT customer_id), 0) FROM events;

-- name: any value and bit aggregates
SELECT any_value(category), bit_and(id::int), string_agg(sku, '' ORDER BY id) FROM products;

-- name: aggregate over filtered window
SELECT id, count(*) FILTER (WHERE total > 10) OVER (ORDER BY id) FROM orders;

-- name: posts and answers
SELECT q.id, q.title, count(a.id) AS answers, max(a.score) AS best FROM posts q LEFT JOIN posts a ON a.parent_id = q.id WHERE q.parent_id IS NULL GROUP BY q.id, q.title ORDER BY answers DESC LIMIT 20;

-- name: tags of posts
SELECT tag, count(*), avg(score) FROM posts, unnest(string_to_array(trim(both '<>' FROM tags), '><')) AS tag GROUP BY tag HAVING count(*) > 5;

-- name: users by accepted rate
SELECT owner_id, 100.0 * avg((score > 0)::int) AS percent FROM posts WHERE created > timestamp '2023-01-01' GROUP BY owner_id ORDER BY percent DESC NULLS LAST;

-- name: longest streak of votes
WITH d AS (SELECT DISTINCT post_id, cast_on FROM votes), g AS (SELECT post_id, cast_on, cast_on - (dense_rank() OVER (PARTITION BY post_id ORDER BY cast_on))::int AS k FROM d)
SELECT post_id, count(*) AS streak FROM g GROUP BY post_id, k ORDER BY streak DESC LIMIT 5;

-- name: vote types pivot
SELECT post_id, count(*) FILTER (WHERE kind = 2) AS up, count(*) FILTER (WHERE kind = 3) AS down, sum(CASE kind WHEN 2 THEN 1 WHEN 3 THEN -1 ELSE 0 END) AS net FROM votes GROUP BY post_id;

-- name: titles with a word
SELECT id, title FROM posts WHERE title ~* '\mpostgres(ql)?\M' AND body ILIKE ANY (ARRAY['%index%', '%vacuum%']);

-- name: threads to the root
WITH RECURSIVE thread AS (SELECT id, parent_id, id AS root FROM posts WHERE parent_id IS NULL UNION ALL SELECT p.id, p.parent_id, t.root FROM posts p JOIN thread t ON p.parent_id = t.id)
SELECT root, count(*) - 1 AS replies FROM thread GROUP BY root ORDER BY 2 DESC;

-- name: window over aggregate
SELECT date_trunc('week', created) AS week, count(*), sum(count(*)) OVER (ORDER BY date_trunc('week', created)) FROM posts GROUP BY 1;

-- name: recursive numbers
WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 100) SELECT string_agg(i::text, ',') FROM n WHERE i % 15 = 0;

-- name: mandelbrot like
WITH RECURSIVE x(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM x WHERE i < 20), z(ix, iy, cx, cy, x, y, i) AS (
    SELECT ix.i, iy.i, -2.2 + 0.15 * ix.i, -1.5 + 0.15 * iy.i, 0.0::float8, 0.0::float8, 0 FROM x ix, x iy
    UNION ALL SELECT ix, iy, cx, cy, x * x - y * y + cx, y * x * 2 + cy, i + 1 FROM z WHERE x * x + y * y < 16.0 AND i < 27)
SELECT iy, array_to_string(array_agg(substring(' .,:;+*#%@', greatest(i / 3, 1), 1) ORDER BY ix), '') FROM (SELECT ix, iy, max(i) AS i FROM z GROUP BY ix, iy) AS zt GROUP BY iy ORDER BY iy;

-- name: bitemporal overlap join
SELECT a.sensor, a.span, b.span FROM measurements a JOIN measurements b ON a.sensor = b.sensor AND a.span && b.span AND a.at < b.at;

-- name: coalesce chain
SELECT coalesce(nullif(trim(note), ''), status, 'none') FROM orders;

-- name: long concatenation
SELECT 'a' || id || 'b' || status || 'c' || total || 'd' || id || 'e' || status || 'f' || total || 'g' || id || 'h' || status || 'i' || total || 'j' || id || 'k' || status || 'l' || total || 'm'
    || id || 'n' || status || 'o' || total || 'p' || id || 'q' || status || 'r' || total || 's' || id || 't' || status || 'u' || total || 'v' || id || 'w' || status || 'x' || total || 'y' || id || 'z' FROM orders;

-- name: many ors
SELECT id FROM orders WHERE id = 1 OR id = 2 OR id = 3 OR id = 4 OR id = 5 OR id = 6 OR id = 7 OR id = 8 OR id = 9 OR id = 10 OR (id > 20 AND (status = 'a' OR status = 'b'));

-- name: dollar quoted literal
SELECT $$it's a "quote"; DROP TABLE orders; --$$, $tag$ :x ? %s $tag$, E'tab\there\u00e9', 'semi;colon';

-- name: keywords as names
SELECT 1 AS year, 2 AS month, 3 AS name, 4 AS value, 5 AS type, 6 AS "user", 7 AS "order", 8 AS text, 9 AS date;

-- name: numeric series by step
SELECT x, sin(x), round(cos(x)::numeric, 3) FROM generate_series(0::numeric, 3.14, 0.1) AS x;

-- name: uuid and clock
SELECT gen_random_uuid(), clock_timestamp() > now(), statement_timestamp(), transaction_timestamp(), timeofday();

-- name: typeof and size
SELECT pg_typeof(total), pg_size_pretty(12345678::bigint), pg_column_size(note), COLLATION FOR (note) FROM orders;

-- name: enum like check by values
SELECT status, status IN (VALUES ('paid'), ('shipped')) FROM orders;

-- name: variadic
SELECT format('%s %s', VARIADIC ARRAY['a', 'b']), concat(VARIADIC ARRAY[1, 2]), num_nulls(NULL, 1);

-- name: table function with column list
SELECT t.a, t.b FROM json_to_recordset('[{"a": 1, "b": "x"}]') AS t(a int, b varchar(10)), json_to_record('{"c": 1.5}') AS u(c numeric(5, 2));

-- name: select from function alone
SELECT * FROM lower('X') AS l, now() AS n, current_date AS d, generate_series(1, 2) WITH ORDINALITY;

-- name: table alias hides the name
SELECT o.id FROM orders AS o(id, who) WHERE o.who = 1;

-- name: staged model
WITH source AS (SELECT * FROM invoice),
renamed AS (SELECT invoice_id AS id, customer_id, invoice_date::date AS day, total AS amount FROM source),
final AS (SELECT r.*, date_trunc('month', r.day)::date AS month FROM renamed AS r)
SELECT * FROM final

-- name: surrogate key
SELECT md5(coalesce(cast(invoice_id AS text), '_null_') || '-' || coalesce(cast(track_id AS text), '_null_')) AS key
FROM invoice_line

-- name: deduplicated model
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id, invoice_date::date ORDER BY invoice_id DESC) AS rn FROM invoice
)
SELECT * FROM ranked WHERE rn = 1

-- name: slowly changing dimension
SELECT customer_id, billing_city, invoice_date AS valid_from,
       lead(invoice_date, 1, 'infinity'::timestamp) OVER (PARTITION BY customer_id ORDER BY invoice_date) AS valid_to
FROM invoice

-- name: unpivot with lateral values
SELECT t.track_id, v.measure, v.amount
FROM track AS t CROSS JOIN LATERAL (VALUES ('ms', t.milliseconds::numeric), ('bytes', t.bytes::numeric), ('price', t.unit_price)) AS v (measure, amount)

-- name: unpivot with json
SELECT t.track_id, e.key, e.value FROM track AS t, jsonb_each_text(to_jsonb(t) - 'name' - 'track_id') AS e

-- name: crosstab by hand
SELECT billing_country,
       sum(total) FILTER (WHERE extract(quarter FROM invoice_date) = 1) AS q1,
       sum(total) FILTER (WHERE extract(quarter FROM invoice_date) = 2) AS q2,
       sum(total) FILTER (WHERE extract(quarter FROM invoice_date) = 3) AS q3,
       sum(total) FILTER (WHERE extract(quarter FROM invoice_date) = 4) AS q4,
       sum(total) AS year
FROM invoice GROUP BY billing_country HAVING sum(total) > 10 ORDER BY year DESC NULLS LAST

-- name: date spine joined
WITH bounds AS (SELECT min(invoice_date)::date AS first, max(invoice_date)::date AS last FROM invoice),
spine AS (SELECT day::date FROM bounds, generate_series(first, last, interval '1 day') AS day)
SELECT s.day, coalesce(sum(i.total), 0) AS total, count(i.invoice_id) AS invoices
FROM spine AS s LEFT JOIN invoice AS i ON i.invoice_date >= s.day AND i.invoice_date < s.day + 1
GROUP BY s.day ORDER BY s.day

-- name: month spine with extremes
SELECT m::date AS month, (m + interval '1 month - 1 day')::date AS last_day, extract(days FROM m + interval '1 month' - m)
FROM generate_series(date '2020-01-01', date '2020-12-01', '1 month') AS m

-- name: rolling twelve months
SELECT month, revenue, sum(revenue) OVER (ORDER BY month ROWS BETWEEN 11 PRECEDING AND CURRENT ROW) AS rolling
FROM (SELECT date_trunc('month', invoice_date) AS month, sum(total) AS revenue FROM invoice GROUP BY 1) AS monthly

-- name: rolling range of days
SELECT invoice_id, avg(total) OVER (ORDER BY invoice_date RANGE BETWEEN '7 days' PRECEDING AND '1 day' FOLLOWING) FROM invoice

-- name: frame with groups and exclude
SELECT invoice_id,
       sum(total) OVER (ORDER BY billing_country GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW),
       sum(total) OVER (ORDER BY billing_country GROUPS UNBOUNDED PRECEDING EXCLUDE GROUP),
       sum(total) OVER (ORDER BY billing_country ROWS UNBOUNDED PRECEDING EXCLUDE TIES),
       sum(total) OVER (ORDER BY billing_country ROWS 2 PRECEDING EXCLUDE NO OTHERS)
FROM invoice

-- name: every window function
SELECT row_number() OVER w, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(4) OVER w,
       lag(total, 2, 0.0) OVER w, lead(total) OVER w, first_value(total) OVER w, last_value(total) OVER w,
       nth_value(total, 2) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
FROM invoice WINDOW w AS (PARTITION BY billing_country ORDER BY total DESC, invoice_id)

-- name: cohort retention
WITH firsts AS (SELECT customer_id, min(date_trunc('month', invoice_date)) AS cohort FROM invoice GROUP BY customer_id),
active AS (SELECT DISTINCT customer_id, date_trunc('month', invoice_date) AS month FROM invoice)
SELECT f.cohort::date,
       (extract(year FROM age(a.month, f.cohort)) * 12 + extract(month FROM age(a.month, f.cohort)))::int AS months,
       count(DISTINCT a.customer_id) AS customers,
       round(100.0 * count(DISTINCT a.customer_id) / first_value(count(DISTINCT a.customer_id)) OVER (PARTITION BY f.cohort ORDER BY min(a.month)), 1) AS percent
FROM firsts AS f JOIN active AS a USING (customer_id) GROUP BY f.cohort, months ORDER BY 1, 2

-- name: gaps and islands of months
WITH months AS (SELECT DISTINCT customer_id, date_trunc('month', invoice_date)::date AS month FROM invoice),
grouped AS (SELECT *, month - (row_number() OVER (PARTITION BY customer_id ORDER BY month) * interval '1 month') AS island FROM months)
SELECT customer_id, min(month), max(month), count(*) FROM grouped GROUP BY customer_id, island HAVING count(*) > 1

-- name: islands by flag and sum
SELECT customer_id, session, min(invoice_date), max(invoice_date), sum(total)
FROM (SELECT *, sum(is_new) OVER (PARTITION BY customer_id ORDER BY invoice_date) AS session
      FROM (SELECT *, CASE WHEN invoice_date - lag(invoice_date) OVER (PARTITION BY customer_id ORDER BY invoice_date) <= interval '90 days'
                           THEN 0 ELSE 1 END AS is_new FROM invoice) AS flagged) AS numbered
GROUP BY customer_id, session

-- name: funnel of steps
SELECT count(*) FILTER (WHERE n >= 1) AS bought, count(*) FILTER (WHERE n >= 2) AS again, count(*) FILTER (WHERE n >= 5) AS loyal,
       round(100.0 * count(*) FILTER (WHERE n >= 2) / nullif(count(*) FILTER (WHERE n >= 1), 0), 2) AS rate
FROM (SELECT c.customer_id, count(i.invoice_id) AS n FROM customer AS c LEFT JOIN invoice AS i USING (customer_id) GROUP BY 1) AS t

-- name: rfm segments
WITH rfm AS (
    SELECT customer_id, max(invoice_date) AS recent, count(*) AS frequency, sum(total) AS monetary FROM invoice GROUP BY customer_id
), scored AS (
    SELECT *, ntile(5) OVER (ORDER BY recent) AS r, ntile(5) OVER (ORDER BY frequency) AS f, ntile(5) OVER (ORDER BY monetary) AS m FROM rfm
)
SELECT CASE WHEN r >= 4 AND f >= 4 THEN 'champion' WHEN r <= 2 THEN 'at risk' ELSE 'regular' END AS segment,
       count(*), avg(monetary)::numeric(10, 2) FROM scored GROUP BY 1 ORDER BY 2 DESC

-- name: percentiles of several kinds
SELECT genre_id, percentile_cont(ARRAY[0.25, 0.5, 0.75, 0.95]) WITHIN GROUP (ORDER BY milliseconds) AS continuous,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY milliseconds) AS discrete, mode() WITHIN GROUP (ORDER BY media_type_id),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds) FILTER (WHERE unit_price > 1)
FROM track GROUP BY genre_id

-- name: hypothetical ranks
SELECT rank(200000) WITHIN GROUP (ORDER BY milliseconds), dense_rank(200000) WITHIN GROUP (ORDER BY milliseconds DESC),
       percent_rank(200000) WITHIN GROUP (ORDER BY milliseconds), cume_dist(200000) WITHIN GROUP (ORDER BY milliseconds) FROM track

-- name: interquartile outliers
WITH q AS (SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY total) AS q1, percentile_cont(0.75) WITHIN GROUP (ORDER BY total) AS q3 FROM invoice)
SELECT i.* FROM invoice AS i, q WHERE i.total NOT BETWEEN q.q1 - 1.5 * (q.q3 - q.q1) AND q.q3 + 1.5 * (q.q3 - q.q1)

-- name: z score and correlation
SELECT genre_id, corr(milliseconds, bytes), regr_slope(bytes, milliseconds), regr_intercept(bytes, milliseconds), regr_r2(bytes, milliseconds),
       covar_pop(milliseconds, bytes), stddev_samp(milliseconds), var_pop(bytes), (max(milliseconds) - avg(milliseconds)) / nullif(stddev(milliseconds), 0)
FROM track GROUP BY genre_id

-- name: gini
SELECT 1 - 2 * sum(cumulative) / (max(n) * max(running)) + 1.0 / max(n)
FROM (SELECT sum(total) OVER (ORDER BY total, invoice_id) AS cumulative, sum(total) OVER () AS running, count(*) OVER () AS n FROM invoice) AS lorenz

-- name: abc analysis
SELECT track_id, revenue, CASE WHEN share <= 0.8 THEN 'A' WHEN share <= 0.95 THEN 'B' ELSE 'C' END AS class
FROM (SELECT track_id, sum(unit_price * quantity) AS revenue,
             sum(sum(unit_price * quantity)) OVER (ORDER BY sum(unit_price * quantity) DESC, track_id) / sum(sum(unit_price * quantity)) OVER () AS share
      FROM invoice_line GROUP BY track_id) AS ranked

-- name: market basket with support
WITH pairs AS (
    SELECT least(a.track_id, b.track_id) AS one, greatest(a.track_id, b.track_id) AS other, count(*) AS together
    FROM invoice_line AS a JOIN invoice_line AS b ON a.invoice_id = b.invoice_id AND a.track_id < b.track_id GROUP BY 1, 2
)
SELECT p.*, p.together::float8 / (SELECT count(*) FROM invoice) AS support FROM pairs AS p WHERE p.together > 1 ORDER BY together DESC LIMIT 20

-- name: grouping sets with labels
SELECT coalesce(billing_country, CASE WHEN grouping(billing_country) = 1 THEN 'all' ELSE 'unknown' END) AS country,
       extract(year FROM invoice_date) AS year, grouping(billing_country, extract(year FROM invoice_date)) AS level, sum(total)
FROM invoice GROUP BY GROUPING SETS ((billing_country, extract(year FROM invoice_date)), (billing_country), ())
ORDER BY level DESC, 1, 2

-- name: cube and rollup mixed
SELECT genre_id, media_type_id, unit_price, count(*) FROM track
GROUP BY DISTINCT ROLLUP (genre_id, media_type_id), CUBE (unit_price, (genre_id, media_type_id)) HAVING grouping(genre_id) = 0

-- name: top n by lateral
SELECT c.customer_id, top.invoice_id, top.total
FROM customer AS c LEFT JOIN LATERAL (SELECT i.invoice_id, i.total FROM invoice AS i WHERE i.customer_id = c.customer_id ORDER BY i.total DESC FETCH FIRST 3 ROWS ONLY) AS top ON true

-- name: distinct on latest
SELECT DISTINCT ON (customer_id) customer_id, invoice_id, invoice_date, total FROM invoice ORDER BY customer_id, invoice_date DESC, invoice_id DESC

-- name: fetch with ties and offset
SELECT name, milliseconds FROM track ORDER BY milliseconds DESC OFFSET 5 ROWS FETCH NEXT 10 ROWS WITH TIES

-- name: organisation with path
WITH RECURSIVE tree AS (
    SELECT employee_id, last_name, reports_to, 0 AS depth, ARRAY[employee_id] AS path, last_name::text AS label FROM employee WHERE reports_to IS NULL
    UNION ALL
    SELECT e.employee_id, e.last_name, e.reports_to, t.depth + 1, t.path || e.employee_id, t.label || ' > ' || e.last_name
    FROM employee AS e JOIN tree AS t ON e.reports_to = t.employee_id WHERE NOT e.employee_id = ANY (t.path)
)
SELECT repeat('  ', depth) || last_name AS name, label, cardinality(path) FROM tree ORDER BY path

-- name: search depth first
WITH RECURSIVE tree AS (
    SELECT employee_id, reports_to FROM employee WHERE reports_to IS NULL
    UNION ALL SELECT e.employee_id, e.reports_to FROM employee AS e, tree AS t WHERE e.reports_to = t.employee_id
) SEARCH DEPTH FIRST BY employee_id SET ordering CYCLE employee_id SET is_cycle USING cycle_path
SELECT employee_id, is_cycle FROM tree ORDER BY ordering

-- name: search breadth first
WITH RECURSIVE tree (id) AS (
    SELECT employee_id FROM employee WHERE reports_to IS NULL
    UNION ALL SELECT e.employee_id FROM employee AS e JOIN tree ON e.reports_to = tree.id
) SEARCH BREADTH FIRST BY id SET o
SELECT id, row_number() OVER (ORDER BY o) FROM tree

-- name: mutual recursion of one query
WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 50),
primes AS (SELECT n FROM numbers AS a WHERE n > 1 AND NOT EXISTS (SELECT FROM numbers AS b WHERE b.n BETWEEN 2 AND a.n - 1 AND a.n % b.n = 0))
SELECT array_agg(n) FROM primes

-- name: json document
SELECT json_build_object('artist', a.name, 'albums', json_agg(json_build_object('title', al.title, 'tracks', t.tracks) ORDER BY al.title))
FROM artist AS a JOIN album AS al USING (artist_id)
CROSS JOIN LATERAL (SELECT coalesce(json_agg(tr.name ORDER BY tr.track_id), '[]'::json) AS tracks FROM track AS tr WHERE tr.album_id = al.album_id) AS t
GROUP BY a.artist_id, a.name LIMIT 5

-- name: json aggregates and operators
SELECT jsonb_object_agg(g.name, n ORDER BY n DESC) #>> '{Rock}' AS rock, jsonb_agg(DISTINCT g.name) @> '["Jazz"]' AS has_jazz,
       jsonb_pretty(jsonb_build_array(1, 'a', NULL, true, now()::date)), to_jsonb(array_agg(n)) -> 0,
       jsonb_path_query_array(jsonb_agg(to_jsonb(g)), '$[*] ? (@.name starts with "R").name')
FROM genre AS g JOIN (SELECT genre_id, count(*) AS n FROM track GROUP BY 1) AS c USING (genre_id)

-- name: row to json by query
SELECT row_to_json(r) FROM (SELECT track_id AS id, name, unit_price AS price FROM track LIMIT 3) AS r

-- name: json patched
SELECT jsonb_set(to_jsonb(t), '{unit_price}', to_jsonb(t.unit_price * 2), false) || jsonb_build_object('tags', ARRAY['a', 'b']) - 'composer' FROM track AS t LIMIT 3

-- name: array work
SELECT array_agg(DISTINCT genre_id ORDER BY genre_id), array_length(array_agg(track_id), 1), (array_agg(name ORDER BY milliseconds DESC))[1:3],
       array_position(ARRAY['a', 'b'], 'b'), ARRAY[1, 2] || 3, ARRAY[1, 2] && ARRAY[2, 3], array_to_string(array_remove(ARRAY[1, 2, NULL], 2), ',', '*'),
       cardinality(string_to_array('a,b,c', ',')), array_cat(ARRAY[1], ARRAY[2]), trim_array(ARRAY[1, 2, 3], 1)
FROM track

-- name: unnest with ordinality
SELECT t.track_id, w.word, w.place FROM track AS t, unnest(string_to_array(lower(t.name), ' ')) WITH ORDINALITY AS w (word, place) WHERE length(w.word) > 3

-- name: any and all of arrays
SELECT name FROM track WHERE genre_id = ANY (ARRAY[1, 2, 3]) AND milliseconds > ALL (ARRAY[1000, 2000]) AND media_type_id <> ALL ('{4,5}'::int[])

-- name: word frequency
SELECT word, count(*) FROM track, regexp_split_to_table(lower(name), '[^a-z]+') AS word WHERE word <> '' GROUP BY word ORDER BY 2 DESC, 1 LIMIT 20

-- name: regular expressions
SELECT name, regexp_replace(name, '\s*\(.*\)', '', 'g'), (regexp_match(name, '^(\w+)'))[1], regexp_count(name, 'a'), regexp_substr(name, '[A-Z]\w+', 1, 2),
       name ~* '^the ', name !~ '\d', substring(name FROM '([0-9]+)'), regexp_like(name, 'love', 'i')
FROM track LIMIT 10

-- name: string work
SELECT initcap(lower(last_name)), upper(left(first_name, 1)) || '.', concat_ws(', ', last_name, first_name, NULL), format('%s <%s>', first_name, email),
       lpad(customer_id::text, 6, '0'), split_part(email, '@', 2), strpos(email, '@'), position('@' IN email), reverse(city), translate(city, 'äöü', 'aou'),
       overlay(city PLACING '**' FROM 1 FOR 2), trim(BOTH ' ' FROM city), btrim(city, 'x'), replace(country, ' ', '_'), ascii(city), chr(65), length(city),
       octet_length(city), bit_length(city), md5(email), starts_with(country, 'U'), quote_literal(city), to_hex(255), substr(city, 2, 3), rtrim(city), repeat('*', 3)
FROM customer

-- name: dates and their parts
SELECT extract(isodow FROM invoice_date), date_part('week', invoice_date), extract(epoch FROM invoice_date)::bigint, to_char(invoice_date, 'YYYY-"Q"Q'), to_char(invoice_date, 'Day, DD Mon YYYY HH24:MI'),
       invoice_date + interval '1 month 3 days', invoice_date::date - date '2020-01-01', age(invoice_date), date_bin('15 minutes', invoice_date, timestamp '2001-01-01'),
       make_date(2020, 2, 29), make_interval(days => 3), invoice_date AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin', date_trunc('day', invoice_date::timestamptz, 'America/New_York'),
       (invoice_date, interval '1 day') OVERLAPS (timestamp '2021-01-01', timestamp '2021-02-01'), justify_interval(interval '40 days'), isfinite(invoice_date), to_timestamp(0), to_date('2020', 'YYYY'),
       current_date - 7, localtimestamp, now() - interval '1 year', invoice_date BETWEEN SYMMETRIC '2022-01-01' AND '2021-01-01', timezone('UTC', now())
FROM invoice LIMIT 5

-- name: fiscal year
SELECT CASE WHEN extract(month FROM invoice_date) >= 4 THEN extract(year FROM invoice_date) ELSE extract(year FROM invoice_date) - 1 END AS fiscal, sum(total)
FROM invoice GROUP BY 1 ORDER BY 1

-- name: same period last year
WITH monthly AS (SELECT date_trunc('month', invoice_date)::date AS month, sum(total) AS revenue FROM invoice GROUP BY 1)
SELECT c.month, c.revenue, p.revenue AS before, round((c.revenue - p.revenue) / nullif(p.revenue, 0) * 100, 1) AS growth
FROM monthly AS c LEFT JOIN monthly AS p ON p.month = (c.month - interval '1 year')::date

-- name: to date totals
SELECT invoice_date::date, sum(sum(total)) OVER (PARTITION BY date_trunc('year', invoice_date::date) ORDER BY invoice_date::date) AS year_to_date
FROM invoice GROUP BY invoice_date::date

-- name: numbers
SELECT round(avg(total), 2), trunc(sum(total)), ceil(max(total)), floor(min(total)), mod(count(*), 7), power(2, 10), sqrt(2), ln(10), log(2, 8), exp(1), abs(-1), sign(-2),
       width_bucket(avg(total), 0, 10, 5), div(7, 2), gcd(12, 18), lcm(4, 6), 7 % 3, 2 ^ 3, |/ 25, @ -5, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, random() < 2, pi(), degrees(pi()), factorial(5),
       sum(total)::numeric(12, 2), (count(*) * 1.0)::float8, greatest(1, 2, NULL), least(3, 4), num_nulls(1, NULL), 1e3, 0x1F, 1_000
FROM invoice

-- name: to char of numbers
SELECT to_char(total, 'FM999,999.00'), to_char(total, 'L9G999D99'), to_number('1,234.5', '9,999.9'), total::money FROM invoice LIMIT 3

-- name: ranges
SELECT numrange(0, 5) @> total, tsrange(min(invoice_date), max(invoice_date), '[]') * tsrange('2021-01-01', '2022-01-01'), int4range(1, 10) && int4range(5, 15),
       lower(numrange(1, 2)), upper_inf(tsrange(now()::timestamp, NULL)), range_agg(daterange(invoice_date::date, invoice_date::date + 30)), range_merge(int4range(1, 2), int4range(5, 6)), isempty(numrange(1, 1))
FROM invoice GROUP BY total

-- name: multiranges
SELECT '{[1,3),[5,9)}'::int4multirange * '{[2,6)}'::int4multirange, unnest(range_agg(int4range(track_id, track_id + 2))) FROM track WHERE track_id < 20

-- name: free days of a customer
SELECT customer_id, datemultirange(daterange('2021-01-01', '2022-01-01')) - range_agg(daterange(invoice_date::date, invoice_date::date + 1)) FROM invoice GROUP BY customer_id

-- name: full text
SELECT name, ts_rank_cd(to_tsvector('english', name), query) AS rank, ts_headline('english', name, query, 'StartSel=<, StopSel=>')
FROM track, plainto_tsquery('english', 'love song') AS query WHERE to_tsvector('english', name) @@ query ORDER BY rank DESC LIMIT 10

-- name: full text with a named configuration
SELECT name FROM track WHERE to_tsvector('english'::regconfig, coalesce(name, '') || ' ' || coalesce(composer, '')) @@ websearch_to_tsquery('english'::regconfig, '"rock and roll" -jazz')

-- name: full text weights
SELECT setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', coalesce(composer, '')), 'B'), to_tsquery('english', 'fat & (rat | cat:*)'), numnode(phraseto_tsquery('english', 'the fat rat'))
FROM track LIMIT 2

-- name: every set operation
(SELECT city FROM customer UNION ALL SELECT billing_city FROM invoice) EXCEPT SELECT 'Berlin' INTERSECT ALL SELECT city FROM customer ORDER BY 1 LIMIT 5 OFFSET 1

-- name: full outer comparison
SELECT coalesce(a.name, b.name) AS name, a.name IS DISTINCT FROM b.name AS changed
FROM (SELECT genre_id, name FROM genre) AS a FULL OUTER JOIN (SELECT media_type_id AS genre_id, name FROM media_type) AS b USING (genre_id)

-- name: values as a table
SELECT g.name, v.label FROM genre AS g JOIN (VALUES (1, 'loud'), (2, 'quiet'), (NULL, NULL)) AS v (genre_id, label) USING (genre_id)

-- name: values with types
SELECT column1::int + 1, column2 FROM (VALUES ('1', date '2020-01-01'), ('2', NULL)) AS t

-- name: whole rows
SELECT t, t.*, (t).name, (t).unit_price * 2, row(t.track_id, t.name), t IS NOT NULL, t::text FROM track AS t LIMIT 1

-- name: row values
SELECT * FROM invoice WHERE (billing_country, total) IN (('USA', 1.98), ('Canada', 3.96)) OR (customer_id, invoice_date) > (50, timestamp '2021-01-01') OR ROW(1, NULL) IS NULL

-- name: count distinct of two
SELECT count(DISTINCT (customer_id, billing_city)), count(*) - count(DISTINCT customer_id), count(billing_city) FROM invoice

-- name: string aggregation ordered
SELECT genre_id, string_agg(DISTINCT composer, '; ' ORDER BY composer), string_agg(name, E'\n' ORDER BY milliseconds DESC) FILTER (WHERE milliseconds > 300000) FROM track GROUP BY genre_id

-- name: boolean and bit aggregates
SELECT bool_and(total > 0), bool_or(total > 20), every(total IS NOT NULL), bit_and(customer_id), bit_or(customer_id), bit_xor(customer_id), any_value(billing_city) FROM invoice

-- name: conditional expressions
SELECT CASE billing_country WHEN 'USA' THEN 1 WHEN 'Canada' THEN 2 ELSE 0 END, coalesce(billing_city, '-'), nullif(total, 0), billing_country IS NOT DISTINCT FROM 'USA', (total > 5) IS TRUE, total > 5 IS NOT UNKNOWN FROM invoice

-- name: exists and not exists
SELECT name FROM artist AS a WHERE EXISTS (SELECT 1 FROM album WHERE album.artist_id = a.artist_id) AND NOT EXISTS (SELECT FROM album JOIN track USING (album_id) WHERE album.artist_id = a.artist_id AND track.genre_id = 1)

-- name: relational division
SELECT p.playlist_id FROM playlist AS p WHERE NOT EXISTS (SELECT track_id FROM track WHERE album_id = 1 EXCEPT SELECT track_id FROM playlist_track AS pt WHERE pt.playlist_id = p.playlist_id)

-- name: scalar subqueries in a report
SELECT (SELECT count(*) FROM customer) AS customers, (SELECT count(*) FROM invoice) AS invoices, (SELECT sum(total) FROM invoice) AS revenue, (SELECT name FROM genre ORDER BY name LIMIT 1) AS first

-- name: wide join
SELECT c.country, g.name AS genre, m.name AS medium, sum(l.quantity) AS sold, sum(l.unit_price * l.quantity) AS revenue
FROM invoice_line AS l INNER JOIN invoice AS i ON i.invoice_id = l.invoice_id INNER JOIN customer AS c ON c.customer_id = i.customer_id
INNER JOIN track AS t ON t.track_id = l.track_id LEFT OUTER JOIN genre AS g ON g.genre_id = t.genre_id LEFT OUTER JOIN media_type AS m ON m.media_type_id = t.media_type_id
RIGHT JOIN album AS al ON al.album_id = t.album_id GROUP BY 1, 2, 3 HAVING count(*) > 5 ORDER BY revenue DESC NULLS LAST LIMIT 50

-- name: join using with alias
SELECT shared.customer_id, i.total FROM customer AS c JOIN invoice AS i USING (customer_id) AS shared WHERE shared.customer_id < 10

-- name: limit by expression
SELECT * FROM genre ORDER BY genre_id LIMIT (SELECT count(*) / 2 FROM genre) OFFSET 1 + 1

-- name: limit all
SELECT * FROM genre LIMIT ALL OFFSET 0

-- name: parameters of a dashboard
SELECT date_trunc($1, invoice_date) AS bucket, sum(total) FROM invoice WHERE invoice_date >= $2::date AND invoice_date < $3::date + 1 AND ($4::text IS NULL OR billing_country = $4) AND customer_id = ANY ($5::int[]) GROUP BY 1 ORDER BY 1

-- name: dashboard of a tool
SELECT * FROM (SELECT "invoice"."billing_country" AS "billing_country", DATE_TRUNC('month', "invoice"."invoice_date") AS "invoice_date", SUM("invoice"."total") AS "sum" FROM "invoice" GROUP BY 1, 2) AS "source" ORDER BY "source"."sum" DESC LIMIT 1048575

-- name: virtual table of a tool
SELECT DATE_TRUNC('day', invoice_date) AS __timestamp, billing_country AS billing_country, sum(total) AS "SUM(total)", COUNT(*) AS count FROM (SELECT * FROM invoice WHERE total > 0) AS virtual_table WHERE invoice_date >= TO_TIMESTAMP('2021-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('day', invoice_date), billing_country ORDER BY "SUM(total)" DESC LIMIT 10000

-- name: profile of a column
SELECT count(*) AS n, count(composer) AS filled, round(100.0 * count(composer) / count(*), 1) AS percent, count(DISTINCT composer) AS distinct_values, min(length(composer)), max(length(composer)), avg(length(composer))::numeric(6, 1), mode() WITHIN GROUP (ORDER BY composer) FROM track

-- name: test of a model
SELECT count(*) AS failures, count(*) <> 0 AS should_warn FROM (SELECT invoice_id FROM invoice WHERE invoice_id IS NOT NULL GROUP BY invoice_id HAVING count(*) > 1) AS dbt_test

-- name: orphans
SELECT l.* FROM invoice_line AS l LEFT JOIN invoice AS i ON i.invoice_id = l.invoice_id WHERE i.invoice_id IS NULL

-- name: keyset page
SELECT * FROM track WHERE (milliseconds, track_id) < ($1, $2) ORDER BY milliseconds DESC, track_id DESC LIMIT 20

-- name: sampled by hash
SELECT * FROM track WHERE mod(abs(hashtext(track_id::text)), 10) = 0 OR random() < 0.01

-- name: uuid and digests
SELECT gen_random_uuid(), encode(sha256(convert_to(email, 'UTF8')), 'hex'), decode('aGk=', 'base64'), uuid '00000000-0000-0000-0000-000000000000', get_byte('\x01'::bytea, 0) FROM customer LIMIT 1

-- name: what a session is
SELECT current_date, current_timestamp(0), current_user, session_user, current_schema, current_database(), current_catalog, version(), localtime, pg_typeof(1::numeric)

-- name: heat map
SELECT to_char(invoice_date, 'Dy') AS day, extract(hour FROM invoice_date) AS hour, count(*) AS n, repeat('#', (count(*) / 5)::int) AS bar FROM invoice GROUP BY 1, 2, extract(isodow FROM invoice_date) ORDER BY extract(isodow FROM invoice_date), 2

-- name: streaks
SELECT customer_id, max(streak) FROM (SELECT customer_id, count(*) AS streak FROM (SELECT customer_id, total >= 5 AS big, row_number() OVER (PARTITION BY customer_id ORDER BY invoice_date) - row_number() OVER (PARTITION BY customer_id, total >= 5 ORDER BY invoice_date) AS run FROM invoice) AS r WHERE big GROUP BY customer_id, run) AS s GROUP BY customer_id

-- name: last value carried forward
SELECT invoice_date, first_value(billing_city) OVER (PARTITION BY grp ORDER BY invoice_date) FROM (SELECT *, count(billing_city) OVER (ORDER BY invoice_date, invoice_id) AS grp FROM invoice) AS filled

-- name: median absolute deviation
WITH m AS (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) AS median FROM invoice)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(total - median)) FROM invoice CROSS JOIN m

-- name: exponential average
WITH RECURSIVE daily AS (SELECT row_number() OVER (ORDER BY invoice_date::date) AS n, sum(total) AS total FROM invoice GROUP BY invoice_date::date),
smooth AS (SELECT n, total::float8 AS value FROM daily WHERE n = 1 UNION ALL SELECT d.n, 0.3 * d.total + 0.7 * s.value FROM daily AS d JOIN smooth AS s ON d.n = s.n + 1)
SELECT * FROM smooth ORDER BY n

-- name: nested aggregates by subquery
SELECT avg(n), max(n), stddev_pop(n) FROM (SELECT customer_id, count(*) AS n FROM invoice GROUP BY customer_id HAVING count(*) BETWEEN 1 AND 100) AS per_customer

-- name: casts in every style
SELECT '1'::int, CAST('2' AS bigint), int4 '3', float8(4), date '2020-01-01', '2020-01-01'::timestamp(0) with time zone, interval '1' day, interval '1-2' year to month, 't'::boolean, '{1,2}'::int[], '(1,2)'::point, 'a'::char(3), 'a'::"char", bit '101', x'1F', b'101', timestamptz '2020-01-01 00:00+02', time '12:00', '1'::numeric(5, 2), 'infinity'::date, '192.168.0.0/24'::cidr, '{"a": 1}'::jsonb, '$.a'::jsonpath

-- name: operators by name
SELECT 1 OPERATOR(pg_catalog.+) 2, 'a' OPERATOR(pg_catalog.||) 'b', name COLLATE "C" < 'M', name ILIKE '%a%', name NOT LIKE 'a\_%' ESCAPE '\', name SIMILAR TO '(A|B)%', name ^@ 'A', name ~~ 'a%' FROM genre

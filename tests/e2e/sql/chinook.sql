-- name: one constant
SELECT 1
-- name: constant types
SELECT 1, 1.5, 'a', true, NULL, date '2024-02-29', 1e3
-- name: first rows by key
SELECT * FROM genre ORDER BY genre_id LIMIT 5
-- name: distinct values
SELECT DISTINCT billing_country FROM invoice ORDER BY billing_country
-- name: distinct pairs
SELECT DISTINCT media_type_id, genre_id FROM track ORDER BY media_type_id, genre_id
-- name: count distinct
SELECT count(DISTINCT composer), count(composer), count(*) FROM track
-- name: minimum and maximum
SELECT min(invoice_date), max(invoice_date), min(total), max(total) FROM invoice
-- name: average rounded
SELECT round(avg(milliseconds) / 60000, 3) AS minutes FROM track
-- name: filter by equality
SELECT track_id, name FROM track WHERE genre_id = 25 ORDER BY track_id
-- name: filter by several
SELECT invoice_id FROM invoice WHERE total > 10 AND billing_country IN ('USA', 'Canada') ORDER BY invoice_id
-- name: filter by not
SELECT count(*) FROM track WHERE NOT (milliseconds > 300000 OR composer IS NULL)
-- name: filter by null
SELECT track_id FROM track WHERE composer IS NULL ORDER BY track_id LIMIT 20
-- name: between dates
SELECT invoice_id, invoice_date FROM invoice WHERE invoice_date BETWEEN '2022-01-01' AND '2022-03-31' ORDER BY invoice_id
-- name: prefix search
SELECT title FROM album WHERE title LIKE 'The %' ORDER BY title, album_id
-- name: search without case
SELECT name FROM artist WHERE name ILIKE '%john%' ORDER BY name
-- name: escaped pattern
SELECT name FROM track WHERE name LIKE '%\%%' OR name LIKE '%!_%' ESCAPE '!' ORDER BY track_id
-- name: order by two directions
SELECT customer_id, total FROM invoice ORDER BY customer_id DESC, total ASC, invoice_id LIMIT 30
-- name: order by position and alias
SELECT genre_id AS g, count(*) AS n FROM track GROUP BY 1 ORDER BY n DESC, g
-- name: second page
SELECT artist_id, name FROM artist ORDER BY artist_id LIMIT 10 OFFSET 20
-- name: arithmetic
SELECT invoice_line_id, unit_price * quantity AS amount, unit_price * quantity * 0.2 AS tax FROM invoice_line ORDER BY invoice_line_id LIMIT 15
-- name: integer division and remainder
SELECT track_id, milliseconds / 1000 AS s, milliseconds % 1000 AS ms FROM track ORDER BY track_id LIMIT 12
-- name: bitwise
SELECT genre_id, genre_id & 3, genre_id | 8, genre_id # 5, ~genre_id, genre_id << 2, genre_id >> 1 FROM genre ORDER BY 1
-- name: concatenation
SELECT name || ' (' || genre_id || ')' FROM genre ORDER BY genre_id
-- name: concat skips nulls
SELECT concat(name, ' by ', composer), concat_ws(' / ', name, composer) FROM track ORDER BY track_id LIMIT 70
-- name: case with ranges
SELECT CASE WHEN total < 2 THEN 'small' WHEN total < 10 THEN 'middle' ELSE 'large' END AS size, count(*), sum(total) FROM invoice GROUP BY 1 ORDER BY 1
-- name: simple case
SELECT CASE media_type_id WHEN 1 THEN 'mpeg' WHEN 3 THEN 'video' ELSE 'other' END AS kind, count(*) FROM track GROUP BY kind ORDER BY kind
-- name: coalesce and nullif
SELECT coalesce(composer, 'unknown') AS who, nullif(unit_price, 0.99) FROM track ORDER BY track_id LIMIT 80
-- name: greatest and least
SELECT track_id, greatest(milliseconds, bytes / 10, 0), least(milliseconds, 200000) FROM track ORDER BY track_id LIMIT 10
-- name: casts
SELECT total::int, total::text, total::float8, invoice_date::date, invoice_id::numeric(10, 2), '12'::int FROM invoice ORDER BY invoice_id LIMIT 10
-- name: standard casts
SELECT CAST(total AS integer), CAST(invoice_date AS date), CAST('t' AS boolean) FROM invoice ORDER BY invoice_id LIMIT 5
-- name: month by month
SELECT date_trunc('month', invoice_date) AS m, count(*), sum(total) FROM invoice WHERE billing_country = 'USA' GROUP BY m ORDER BY m
-- name: day of the week
SELECT extract(isodow FROM invoice_date) AS day, to_char(invoice_date, 'FMDay') AS named, count(*) FROM invoice GROUP BY 1, 2 ORDER BY 1
-- name: quarter labels
SELECT to_char(invoice_date, 'YYYY"-Q"Q') AS quarter, sum(total) FROM invoice GROUP BY 1 ORDER BY 1
-- name: interval arithmetic
SELECT invoice_id, invoice_date + interval '30 days' AS due, age(timestamp '2026-01-01', invoice_date) FROM invoice ORDER BY invoice_id LIMIT 10
-- name: days between
SELECT customer_id, max(invoice_date)::date - min(invoice_date)::date AS span FROM invoice GROUP BY customer_id ORDER BY customer_id
-- name: inner join
SELECT a.title, ar.name FROM album a INNER JOIN artist ar ON ar.artist_id = a.artist_id ORDER BY a.album_id LIMIT 25
-- name: left join with nothing
SELECT ar.name, a.title FROM artist ar LEFT JOIN album a ON a.artist_id = ar.artist_id WHERE a.album_id IS NULL ORDER BY ar.artist_id LIMIT 25
-- name: right join
SELECT g.name, count(t.track_id) FROM track t RIGHT JOIN genre g ON g.genre_id = t.genre_id GROUP BY g.name ORDER BY g.name
-- name: four joins
SELECT g.name AS genre, m.name AS media, count(*), sum(il.quantity) FROM invoice_line il JOIN track t USING (track_id) JOIN genre g USING (genre_id) JOIN media_type m USING (media_type_id) GROUP BY g.name, m.name ORDER BY g.name, m.name
-- name: join by condition
SELECT count(*) FROM genre a JOIN genre b ON a.genre_id < b.genre_id AND left(a.name, 1) = left(b.name, 1)
-- name: join of subqueries
SELECT x.billing_country, x.n, y.m FROM (SELECT billing_country, count(*) AS n FROM invoice GROUP BY 1) x JOIN (SELECT billing_country, max(total) AS m FROM invoice GROUP BY 1) y USING (billing_country) ORDER BY 1
-- name: old style join
SELECT al.title, t.name FROM album al, track t WHERE al.album_id = t.album_id AND al.artist_id = 22 ORDER BY t.track_id LIMIT 20
-- name: parenthesised joins
SELECT count(*) FROM (artist ar JOIN album al USING (artist_id)) LEFT JOIN (track t JOIN genre g USING (genre_id)) ON t.album_id = al.album_id
-- name: scalar subquery
SELECT name, milliseconds - (SELECT avg(milliseconds) FROM track)::int AS above FROM track ORDER BY above DESC, track_id LIMIT 8
-- name: in subquery
SELECT name FROM artist WHERE artist_id IN (SELECT artist_id FROM album GROUP BY artist_id HAVING count(*) > 5) ORDER BY name
-- name: not in subquery
SELECT count(*) FROM track WHERE track_id NOT IN (SELECT track_id FROM invoice_line)
-- name: any and all
SELECT genre_id, name FROM genre WHERE genre_id > ALL (SELECT media_type_id FROM media_type) AND genre_id <> ANY (ARRAY[7, 8]) ORDER BY genre_id
-- name: exists
SELECT g.name FROM genre g WHERE EXISTS (SELECT 1 FROM track t WHERE t.genre_id = g.genre_id AND t.milliseconds > 3000000) ORDER BY g.name
-- name: above the average of their own genre
SELECT t.track_id, t.name FROM track t WHERE t.milliseconds > 5 * (SELECT avg(u.milliseconds) FROM track u WHERE u.genre_id = t.genre_id) ORDER BY t.track_id
-- name: row comparison with a subquery
SELECT invoice_id FROM invoice WHERE (customer_id, total) IN (SELECT customer_id, max(total) FROM invoice GROUP BY customer_id) ORDER BY invoice_id LIMIT 40
-- name: having
SELECT artist_id, count(*) FROM album GROUP BY artist_id HAVING count(*) BETWEEN 3 AND 5 ORDER BY count(*) DESC, artist_id
-- name: group by expression
SELECT length(name) AS letters, count(*) FROM artist GROUP BY length(name) ORDER BY letters
-- name: group by boolean
SELECT composer IS NULL AS anonymous, count(*), avg(unit_price) FROM track GROUP BY composer IS NULL ORDER BY 1
-- name: aggregate of nothing
SELECT count(*), sum(total), avg(total), max(invoice_date), array_agg(total) FROM invoice WHERE false
-- name: aggregates with filter
SELECT billing_country, count(*) FILTER (WHERE total > 5) AS big, sum(total) FILTER (WHERE invoice_date >= '2024-01-01') AS lately FROM invoice GROUP BY 1 ORDER BY 1
-- name: ordered aggregates
SELECT genre_id, array_agg(name ORDER BY name DESC) FILTER (WHERE milliseconds > 400000) FROM track WHERE genre_id < 6 AND album_id < 60 GROUP BY 1 ORDER BY 1
-- name: string aggregate
SELECT string_agg(name, ', ' ORDER BY name) FROM media_type
-- name: boolean aggregates
SELECT genre_id, bool_and(unit_price < 1), bool_or(composer IS NULL), every(bytes > 1000) FROM track GROUP BY 1 ORDER BY 1
-- name: bit aggregates
SELECT bit_and(genre_id), bit_or(genre_id), bit_xor(genre_id) FROM genre
-- name: median and quartiles
SELECT genre_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY milliseconds) FROM track GROUP BY 1 ORDER BY 1
-- name: mode
SELECT mode() WITHIN GROUP (ORDER BY billing_country) FROM invoice
-- name: hypothetical rank
SELECT rank(5.0) WITHIN GROUP (ORDER BY total DESC), percent_rank(5.0) WITHIN GROUP (ORDER BY total) FROM invoice
-- name: regression
SELECT regr_r2(bytes, milliseconds), regr_intercept(bytes, milliseconds), covar_samp(bytes, milliseconds) FROM track WHERE media_type_id = 1
-- name: rollup
SELECT billing_country, billing_city, count(*) FROM invoice WHERE billing_country IN ('Brazil', 'France') GROUP BY ROLLUP (billing_country, billing_city) ORDER BY 1 NULLS LAST, 2 NULLS LAST
-- name: grouping function
SELECT grouping(media_type_id, genre_id), media_type_id, genre_id, count(*) FROM track GROUP BY CUBE (media_type_id, genre_id) ORDER BY 1, 2, 3
-- name: row number in groups
SELECT * FROM (SELECT customer_id, invoice_id, row_number() OVER (PARTITION BY customer_id ORDER BY invoice_date DESC, invoice_id) AS n FROM invoice) s WHERE n = 1 ORDER BY customer_id
-- name: share of the total
SELECT billing_country, sum(total) AS t, round(100 * sum(total) / sum(sum(total)) OVER (), 2) AS share FROM invoice GROUP BY 1 ORDER BY t DESC, 1
-- name: change to the year before
WITH y AS (SELECT extract(year FROM invoice_date)::int AS year, sum(total) AS t FROM invoice GROUP BY 1) SELECT year, t, t - lag(t) OVER (ORDER BY year) AS change, round(t / lag(t) OVER (ORDER BY year) - 1, 4) AS rate FROM y ORDER BY year
-- name: cumulative share
SELECT genre_id, n, sum(n) OVER (ORDER BY n DESC, genre_id) AS so_far, cume_dist() OVER (ORDER BY n DESC, genre_id) FROM (SELECT genre_id, count(*) AS n FROM track GROUP BY 1) s ORDER BY n DESC, genre_id
-- name: named windows
SELECT track_id, sum(bytes) OVER small, avg(milliseconds) OVER (small ORDER BY track_id) FROM track WHERE album_id < 5 WINDOW small AS (PARTITION BY album_id) ORDER BY track_id
-- name: gaps between invoices
SELECT customer_id, invoice_date - lag(invoice_date) OVER (PARTITION BY customer_id ORDER BY invoice_date, invoice_id) AS gap FROM invoice WHERE customer_id < 5 ORDER BY customer_id, invoice_date, invoice_id
-- name: islands of days
WITH d AS (SELECT DISTINCT invoice_date::date AS day FROM invoice), g AS (SELECT day, day - (row_number() OVER (ORDER BY day))::int AS island FROM d) SELECT min(day), max(day), count(*) FROM g GROUP BY island ORDER BY 1 LIMIT 25
-- name: chained CTEs
WITH a AS (SELECT album_id, sum(milliseconds) AS ms FROM track GROUP BY 1), b AS (SELECT artist_id, max(ms) AS ms FROM a JOIN album USING (album_id) GROUP BY 1), c AS (SELECT * FROM b WHERE ms > 5000000) SELECT ar.name, c.ms FROM c JOIN artist ar USING (artist_id) ORDER BY c.ms DESC, ar.name
-- name: CTE used twice
WITH t AS (SELECT customer_id, sum(total) AS spent FROM invoice GROUP BY 1) SELECT a.customer_id, count(b.customer_id) AS richer FROM t a LEFT JOIN t b ON b.spent > a.spent GROUP BY 1 ORDER BY richer, 1 LIMIT 20
-- name: CTE that shadows a table
WITH genre AS (SELECT media_type_id AS genre_id, name FROM media_type) SELECT * FROM genre ORDER BY genre_id
-- name: CTE in a subquery
SELECT (WITH x AS (SELECT max(total) AS m FROM invoice) SELECT m FROM x) AS highest
-- name: counting recursion
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i * 2 FROM n WHERE i < 1000) SELECT i FROM n ORDER BY i
-- name: recursive path
WITH RECURSIVE walk AS (SELECT genre_id, name, ARRAY[genre_id] AS path FROM genre WHERE genre_id = 1 UNION ALL SELECT g.genre_id, g.name, path || g.genre_id FROM walk JOIN genre g ON g.genre_id = walk.genre_id + 3 WHERE cardinality(path) < 5) SELECT * FROM walk ORDER BY genre_id
-- name: recursion with search order
WITH RECURSIVE r (id, up) AS (SELECT 1, 0 UNION ALL SELECT id * 2 + k, id FROM r, (VALUES (0), (1)) AS v (k) WHERE id < 8) SEARCH DEPTH FIRST BY id SET seq SELECT id, up FROM r ORDER BY seq
-- name: recursion with cycle mark
WITH RECURSIVE r (id) AS (SELECT 1 UNION ALL SELECT id % 3 + 1 FROM r) CYCLE id SET again USING path SELECT id, again FROM r ORDER BY cardinality(path), id
-- name: union of tables
SELECT 'genre' AS what, count(*) FROM genre UNION ALL SELECT 'artist', count(*) FROM artist UNION ALL SELECT 'album', count(*) FROM album ORDER BY 1
-- name: intersect and except
(SELECT billing_city FROM invoice WHERE total > 13 INTERSECT SELECT billing_city FROM invoice WHERE total < 1) EXCEPT SELECT 'Prague' ORDER BY 1
-- name: union keeps types
SELECT 1 AS n UNION SELECT 2.5 UNION SELECT NULL ORDER BY n NULLS FIRST
-- name: values as a table
SELECT g.name, v.label FROM genre g JOIN (VALUES (1, 'loud'), (2, 'soft')) AS v (id, label) ON v.id = g.genre_id ORDER BY 1
-- name: plain values
VALUES (1, 'a'), (2, NULL), (3, 'c') ORDER BY 1 DESC
-- name: lateral top three
SELECT c.billing_country, i.invoice_id, i.total FROM (SELECT DISTINCT billing_country FROM invoice) c, LATERAL (SELECT invoice_id, total FROM invoice WHERE billing_country = c.billing_country ORDER BY total DESC, invoice_id LIMIT 3) i ORDER BY 1, 3 DESC, 2
-- name: lateral function
SELECT genre_id, w FROM genre, LATERAL regexp_split_to_table(name, '\s+|/|&') WITH ORDINALITY AS s (w, n) ORDER BY genre_id, n
-- name: every day of a month
SELECT d::date, count(i.invoice_id) FROM generate_series(timestamp '2023-05-01', '2023-05-31', interval '1 day') d LEFT JOIN invoice i ON i.invoice_date::date = d::date GROUP BY d ORDER BY d
-- name: histogram
SELECT width_bucket(total, 0, 30, 6) AS bucket, count(*), min(total), max(total) FROM invoice GROUP BY bucket ORDER BY bucket
-- name: pivot by filter
SELECT extract(year FROM invoice_date)::int AS year, sum(total) FILTER (WHERE billing_country = 'USA') AS usa, sum(total) FILTER (WHERE billing_country = 'France') AS france FROM invoice GROUP BY 1 ORDER BY 1
-- name: unpivot
SELECT t.track_id, v.k, v.n FROM track t CROSS JOIN LATERAL (VALUES ('ms', t.milliseconds), ('bytes', t.bytes)) AS v (k, n) WHERE t.track_id <= 5 ORDER BY 1, 2
-- name: words in titles
SELECT lower(w) AS word, count(*) FROM album, unnest(string_to_array(title, ' ')) AS w WHERE length(w) > 4 GROUP BY 1 HAVING count(*) > 2 ORDER BY 2 DESC, 1
-- name: text search
SELECT track_id, name FROM track WHERE to_tsvector('english', name) @@ to_tsquery('english', 'love & !hate') ORDER BY track_id LIMIT 25
-- name: json objects of rows
SELECT to_json(g) FROM genre g ORDER BY genre_id LIMIT 5
-- name: json aggregate with nesting
SELECT jsonb_build_object('artist', ar.name, 'albums', jsonb_agg(jsonb_build_object('id', al.album_id, 'title', al.title) ORDER BY al.album_id)) FROM artist ar JOIN album al USING (artist_id) WHERE ar.artist_id < 10 GROUP BY ar.artist_id, ar.name ORDER BY ar.artist_id
-- name: json paths
SELECT j -> 'a' -> 1, j #>> '{a,0}', j @> '{"b": 2}', j ? 'c', jsonb_path_query_array(j, '$.a[*] ? (@ > 1)') FROM (SELECT '{"a": [1, 2, 3], "b": 2}'::jsonb AS j) s
-- name: array operations
SELECT array_length(a, 1), a[1], a[2:3], a || 9, a @> ARRAY[2], array_position(a, 3), array_remove(a, 1), cardinality(a) FROM (SELECT array_agg(genre_id ORDER BY genre_id) AS a FROM genre WHERE genre_id < 6) s
-- name: ranges
SELECT int4range(1, 10) @> 5, daterange('2024-01-01', '2024-02-01') && daterange('2024-01-31', NULL), upper(int4range(1, 10)), range_agg(int4range(genre_id, genre_id + 2) ORDER BY genre_id) FROM genre WHERE genre_id IN (1, 2, 7)
-- name: numbers in all their shapes
SELECT 1::smallint, 2::bigint, 3.10::numeric(5, 2), 1.5::real, 'Infinity'::float8, -0.0::float8, 1e-7::float8, 10 ^ 20, 2 ^ 0.5, mod(-7, 3), 7.0 / 3
-- name: times in all their shapes
SELECT timestamptz '2024-03-10 01:02:03.456789+05', timestamp '2024-03-10 01:02:03', date '9999-12-31', time '01:02', interval '1 year -3 days', timestamptz '2024-07-01 12:00' AT TIME ZONE 'America/New_York'
-- name: text in all its shapes
SELECT 'é', '', ' x ', E'line\nbreak', 'quo''te', U&'\0416', repeat('ab', 3), chr(8364), '😀', lpad('7', 3, '0')
-- name: quoted identifiers
SELECT g."name" AS "Group By", g."genre_id" AS "select" FROM "genre" AS g ORDER BY "select" LIMIT 3
-- name: table command
TABLE media_type ORDER BY media_type_id
-- name: star of one table in a join
SELECT al.*, ar.name FROM album al JOIN artist ar USING (artist_id) ORDER BY al.album_id LIMIT 10
-- name: whole rows
SELECT g FROM genre g ORDER BY genre_id LIMIT 4
-- name: is distinct from
SELECT count(*) FROM track WHERE composer IS DISTINCT FROM 'AC/DC'
-- name: boolean tests
SELECT (NULL::boolean) IS UNKNOWN, (1 > 2) IS NOT TRUE, NOT NULL::boolean, true AND NULL, false AND NULL
-- name: recency, frequency, money
WITH c AS (SELECT customer_id, max(invoice_date) AS last, count(*) AS f, sum(total) AS m FROM invoice GROUP BY 1) SELECT customer_id, ntile(5) OVER (ORDER BY last, customer_id) AS r, ntile(5) OVER (ORDER BY f, customer_id) AS f, ntile(5) OVER (ORDER BY m, customer_id) AS m FROM c ORDER BY customer_id
-- name: retention
WITH f AS (SELECT customer_id, min(extract(year FROM invoice_date))::int AS y FROM invoice GROUP BY 1) SELECT f.y AS cohort, extract(year FROM i.invoice_date)::int - f.y AS year, count(DISTINCT customer_id) FROM f JOIN invoice i USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2
-- name: pareto
WITH t AS (SELECT track_id, sum(unit_price * quantity) AS r FROM invoice_line GROUP BY 1), c AS (SELECT track_id, r, sum(r) OVER (ORDER BY r DESC, track_id) / sum(r) OVER () AS share FROM t) SELECT count(*) FILTER (WHERE share <= 0.8), count(*) FROM c
-- name: tracks never sold, by genre
SELECT g.name, count(*) FROM track t JOIN genre g USING (genre_id) LEFT JOIN invoice_line il USING (track_id) WHERE il.invoice_line_id IS NULL GROUP BY g.name ORDER BY 2 DESC, 1
-- name: playlists that share tracks
SELECT a.playlist_id, b.playlist_id, count(*) FROM playlist_track a JOIN playlist_track b ON a.track_id = b.track_id AND a.playlist_id < b.playlist_id GROUP BY 1, 2 HAVING count(*) > 100 ORDER BY 3 DESC, 1, 2
-- name: best customer of each country
SELECT DISTINCT ON (billing_country) billing_country, customer_id, sum(total) AS t FROM invoice GROUP BY 1, 2 ORDER BY 1, t DESC, 2
-- name: anti join by except
SELECT genre_id FROM genre EXCEPT SELECT genre_id FROM track WHERE composer IS NULL ORDER BY 1
-- name: relational division
SELECT p.playlist_id FROM playlist p WHERE NOT EXISTS (SELECT FROM track t WHERE t.genre_id = 25 AND NOT EXISTS (SELECT FROM playlist_track x WHERE x.playlist_id = p.playlist_id AND x.track_id = t.track_id)) ORDER BY 1
-- name: trailing semicolon
SELECT count(*) FROM playlist;
-- name: tracks in any order
SELECT track_id, name, composer, milliseconds, unit_price FROM track
-- name: joined lines in any order
SELECT i.invoice_id, i.invoice_date, il.track_id, il.quantity FROM invoice i JOIN invoice_line il USING (invoice_id)

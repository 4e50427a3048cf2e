-- name: row count
SELECT count(*) FROM track;

-- name: all of one table
SELECT * FROM genre ORDER BY genre_id;

-- name: table command
TABLE media_type;

-- name: distinct countries
SELECT DISTINCT country FROM customer ORDER BY country NULLS LAST;

-- name: top ten customers by revenue
SELECT c.customer_id, c.first_name || ' ' || c.last_name AS customer, sum(i.total) AS revenue
FROM customer AS c JOIN invoice AS i ON i.customer_id = c.customer_id
GROUP BY c.customer_id, c.first_name, c.last_name
ORDER BY revenue DESC, customer LIMIT 10;

-- name: revenue by country and year
SELECT billing_country, extract(year FROM invoice_date) AS year, sum(total) AS revenue
FROM invoice GROUP BY 1, 2 ORDER BY 1, 2;

-- name: share of the whole
SELECT billing_country, sum(total) AS revenue, round(100.0 * sum(total) / sum(sum(total)) OVER (), 2) AS percent
FROM invoice GROUP BY billing_country ORDER BY percent DESC;

-- name: running total a month
WITH monthly AS (
    SELECT date_trunc('month', invoice_date) AS month, sum(total) AS revenue FROM invoice GROUP BY 1
)
SELECT month, revenue, sum(revenue) OVER (ORDER BY month) AS running FROM monthly ORDER BY month;

-- name: month over month change
WITH monthly AS (
    SELECT date_trunc('month', invoice_date)::date AS month, sum(total) AS revenue FROM invoice GROUP BY 1
), compared AS (
    SELECT month, revenue, lag(revenue) OVER (ORDER BY month) AS before FROM monthly
)
SELECT month, revenue, round((revenue - before) / nullif(before, 0) * 100, 1) AS growth FROM compared;

-- name: moving average of three
SELECT invoice_date, total, avg(total) OVER (ORDER BY invoice_date ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
FROM invoice;

-- name: best track of each album by length
SELECT DISTINCT ON (album_id) album_id, name, milliseconds FROM track ORDER BY album_id, milliseconds DESC, track_id;

-- name: rank within genre
SELECT g.name, t.name, t.milliseconds, rank() OVER (PARTITION BY g.genre_id ORDER BY t.milliseconds DESC) AS place
FROM track t JOIN genre g USING (genre_id);

-- name: top three of each genre
SELECT * FROM (
    SELECT g.name AS genre, t.name AS track, row_number() OVER (PARTITION BY g.name ORDER BY t.unit_price DESC, t.name) AS n
    FROM track t JOIN genre g ON g.genre_id = t.genre_id
) AS ranked WHERE n <= 3;

-- name: artists without albums
SELECT a.name FROM artist a LEFT JOIN album b ON b.artist_id = a.artist_id WHERE b.album_id IS NULL ORDER BY a.name;

-- name: artists without albums by not exists
SELECT name FROM artist a WHERE NOT EXISTS (SELECT 1 FROM album b WHERE b.artist_id = a.artist_id);

-- name: artists with rock and jazz
SELECT a.name FROM artist a WHERE a.artist_id IN (
    SELECT b.artist_id FROM album b JOIN track t USING (album_id) JOIN genre g USING (genre_id) WHERE g.name = 'Rock'
    INTERSECT
    SELECT b.artist_id FROM album b JOIN track t USING (album_id) JOIN genre g USING (genre_id) WHERE g.name = 'Jazz');

-- name: reporting chain
WITH RECURSIVE chain AS (
    SELECT employee_id, reports_to, last_name, 1 AS depth, ARRAY[employee_id] AS path FROM employee WHERE reports_to IS NULL
    UNION ALL
    SELECT e.employee_id, e.reports_to, e.last_name, c.depth + 1, c.path || e.employee_id
    FROM employee e JOIN chain c ON e.reports_to = c.employee_id
)
SELECT repeat('  ', depth - 1) || last_name AS who, depth, path FROM chain ORDER BY path;

-- name: employee and manager self join
SELECT e.last_name AS employee, m.last_name AS manager FROM employee e LEFT JOIN employee m ON m.employee_id = e.reports_to;

-- name: sales by support agent
SELECT e.first_name, e.last_name, count(DISTINCT c.customer_id) AS customers, sum(i.total) AS sales
FROM employee e JOIN customer c ON c.support_rep_id = e.employee_id JOIN invoice i ON i.customer_id = c.customer_id
GROUP BY e.employee_id, e.first_name, e.last_name HAVING sum(i.total) > 700 ORDER BY sales DESC;

-- name: median track length
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds) / 1000.0 AS median_s FROM track;

-- name: quartiles by genre
SELECT genre_id, percentile_disc(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY milliseconds) FROM track GROUP BY genre_id;

-- name: most frequent country
SELECT mode() WITHIN GROUP (ORDER BY billing_country) FROM invoice;

-- name: length histogram
SELECT width_bucket(milliseconds, 0, 600000, 10) AS bucket, count(*), min(milliseconds), max(milliseconds)
FROM track GROUP BY bucket ORDER BY bucket;

-- name: playlists with track names
SELECT p.name, string_agg(t.name, ', ' ORDER BY t.name) AS tracks
FROM playlist p JOIN playlist_track pt USING (playlist_id) JOIN track t USING (track_id) GROUP BY p.playlist_id, p.name;

-- name: longest array of names
SELECT album_id, array_agg(name ORDER BY track_id) AS names, array_length(array_agg(name), 1) AS n FROM track GROUP BY 1;

-- name: first element of an aggregate
SELECT album_id, (array_agg(name ORDER BY milliseconds DESC))[1] AS longest FROM track GROUP BY album_id;

-- name: field of an aggregated row
SELECT album_id, ((array_agg(t ORDER BY t.milliseconds DESC))[1]).name FROM track t GROUP BY album_id;

-- name: sales cube
SELECT billing_country, billing_city, sum(total), grouping(billing_country, billing_city)
FROM invoice GROUP BY CUBE (billing_country, billing_city) ORDER BY 4, 1, 2;

-- name: rollup by year and month
SELECT extract(year FROM invoice_date) AS y, extract(month FROM invoice_date) AS m, sum(total)
FROM invoice GROUP BY ROLLUP (1, 2) ORDER BY 1 NULLS LAST, 2 NULLS LAST;

-- name: grouping sets
SELECT billing_country, extract(year FROM invoice_date), count(*) FROM invoice
GROUP BY GROUPING SETS ((billing_country), (extract(year FROM invoice_date)), ());

-- name: pivot with filter
SELECT billing_country,
       sum(total) FILTER (WHERE extract(year FROM invoice_date) = 2021) AS y2021,
       sum(total) FILTER (WHERE extract(year FROM invoice_date) = 2022) AS y2022
FROM invoice GROUP BY billing_country;

-- name: pivot with case
SELECT g.name, sum(CASE WHEN m.name LIKE 'MPEG%' THEN 1 ELSE 0 END) AS mpeg, sum(CASE m.name WHEN 'AAC audio file' THEN 1 END) AS aac
FROM track t JOIN genre g ON g.genre_id = t.genre_id JOIN media_type m ON m.media_type_id = t.media_type_id GROUP BY g.name;

-- name: lateral top two
SELECT a.name, t.title FROM artist a CROSS JOIN LATERAL (
    SELECT title FROM album b WHERE b.artist_id = a.artist_id ORDER BY title LIMIT 2
) AS t;

-- name: union of names
SELECT first_name, 'customer' AS kind FROM customer UNION ALL SELECT first_name, 'employee' FROM employee ORDER BY 1, 2;

-- name: except
SELECT city FROM customer EXCEPT SELECT city FROM employee ORDER BY city;

-- name: values joined
SELECT v.label, count(*) FROM track t JOIN (VALUES (0, 200000, 'short'), (200000, 400000, 'middle'), (400000, 2147483647, 'long'))
AS v(low, high, label) ON t.milliseconds >= v.low AND t.milliseconds < v.high GROUP BY v.label;

-- name: minutes and seconds
SELECT name, to_char((milliseconds || ' milliseconds')::interval, 'MI:SS') AS length FROM track WHERE track_id <= 5;

-- name: cohort of first purchase
WITH firsts AS (SELECT customer_id, min(invoice_date) AS first_at FROM invoice GROUP BY customer_id)
SELECT date_trunc('quarter', first_at) AS cohort, count(*) FROM firsts GROUP BY cohort ORDER BY cohort;

-- name: days between purchases
SELECT customer_id, avg(invoice_date - before) FROM (
    SELECT customer_id, invoice_date, lag(invoice_date) OVER (PARTITION BY customer_id ORDER BY invoice_date) AS before FROM invoice
) AS gaps WHERE before IS NOT NULL GROUP BY customer_id;

-- name: calendar with empty months
SELECT m::date AS month, coalesce(sum(i.total), 0) AS revenue
FROM generate_series('2021-01-01'::timestamp, '2022-12-01', '1 month') AS m
LEFT JOIN invoice i ON date_trunc('month', i.invoice_date) = m GROUP BY m ORDER BY m;

-- name: json document for each artist
SELECT json_build_object('artist', a.name, 'albums', json_agg(json_build_object('title', b.title) ORDER BY b.title))
FROM artist a JOIN album b USING (artist_id) GROUP BY a.artist_id, a.name LIMIT 5;

-- name: whole row as json
SELECT row_to_json(g) FROM genre g;

-- name: whole row
SELECT g FROM genre AS g;

-- name: row comparison
SELECT name FROM track WHERE (genre_id, media_type_id) = (1, 2);

-- name: row in list
SELECT name FROM track WHERE (genre_id, media_type_id) IN ((1, 1), (2, 1));

-- name: correlated scalar
SELECT t.name, t.milliseconds - (SELECT avg(u.milliseconds) FROM track u WHERE u.genre_id = t.genre_id) AS above FROM track t;

-- name: any of a subquery
SELECT name FROM track WHERE milliseconds > ALL (SELECT milliseconds FROM track WHERE genre_id = 1) AND genre_id <> ALL (ARRAY[1, 2]);

-- name: pattern matching
SELECT name FROM track WHERE name ILIKE '%love%' AND name NOT LIKE 'The %' AND name ~* '^[a-m]' AND name !~ '[0-9]';

-- name: similar to
SELECT name FROM artist WHERE name SIMILAR TO '(The|Los) %';

-- name: collate
SELECT name FROM artist ORDER BY name COLLATE "C" DESC LIMIT 3;

-- name: offset fetch
SELECT track_id FROM track ORDER BY track_id OFFSET 10 ROWS FETCH FIRST 5 ROWS ONLY;

-- name: fetch with ties
SELECT name, unit_price FROM track ORDER BY unit_price DESC FETCH FIRST 3 ROWS WITH TIES;

-- name: named window
SELECT track_id, ntile(4) OVER w, percent_rank() OVER w, cume_dist() OVER w, first_value(name) OVER w
FROM track WINDOW w AS (PARTITION BY album_id ORDER BY milliseconds);

-- name: window extends window
SELECT track_id, sum(bytes) OVER (w ROWS UNBOUNDED PRECEDING), nth_value(name, 2) OVER (w RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
FROM track WINDOW w AS (PARTITION BY album_id ORDER BY track_id);

-- name: frame with exclusion
SELECT invoice_id, avg(total) OVER (ORDER BY invoice_id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM invoice;

-- name: range frame over time
SELECT invoice_id, sum(total) OVER (ORDER BY invoice_date RANGE BETWEEN '30 days' PRECEDING AND CURRENT ROW) FROM invoice;

-- name: cte shadows a table
WITH track AS (SELECT 1 AS track_id) SELECT * FROM track;

-- name: cte over its own name
WITH track AS (SELECT * FROM track WHERE genre_id = 1), genre AS (SELECT * FROM genre WHERE genre_id = 1)
SELECT count(*) FROM track JOIN genre USING (genre_id);

-- name: materialized hint
WITH big AS MATERIALIZED (SELECT * FROM track WHERE bytes > 10000000), small AS NOT MATERIALIZED (SELECT * FROM track)
SELECT (SELECT count(*) FROM big), (SELECT count(*) FROM small);

-- name: four joins
SELECT i.invoice_date, c.country, ar.name, t.name, il.quantity * il.unit_price AS amount
FROM invoice_line il JOIN invoice i ON i.invoice_id = il.invoice_id JOIN customer c ON c.customer_id = i.customer_id
JOIN track t ON t.track_id = il.track_id JOIN album al ON al.album_id = t.album_id JOIN artist ar ON ar.artist_id = al.artist_id
WHERE i.invoice_date BETWEEN '2021-01-01' AND '2021-12-31';

-- name: market basket
SELECT a.track_id, b.track_id, count(*) AS together FROM invoice_line a JOIN invoice_line b
ON a.invoice_id = b.invoice_id AND a.track_id < b.track_id GROUP BY 1, 2 HAVING count(*) > 1;

-- name: pareto
WITH revenue AS (SELECT customer_id, sum(total) AS total FROM invoice GROUP BY customer_id),
running AS (SELECT customer_id, total, sum(total) OVER (ORDER BY total DESC) / sum(total) OVER () AS share FROM revenue)
SELECT count(*) FILTER (WHERE share <= 0.8) AS customers_for_80_percent FROM running;

-- name: gaps in ids
SELECT s.id FROM generate_series((SELECT min(track_id) FROM track), (SELECT max(track_id) FROM track)) AS s(id)
LEFT JOIN track t ON t.track_id = s.id WHERE t.track_id IS NULL;

-- name: case insensitive duplicates
SELECT lower(name), count(*) FROM track GROUP BY lower(name) HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT 20;

-- name: split titles into words
SELECT word, count(*) FROM track, regexp_split_to_table(lower(name), '\s+') AS word GROUP BY word ORDER BY 2 DESC LIMIT 10;

-- name: text functions
SELECT upper(name), length(name), left(name, 3), right(name, 2), substring(name FROM 2 FOR 3), position('a' IN name),
       trim(both ' ' FROM name), overlay(name PLACING '*' FROM 1 FOR 1), initcap(name), reverse(name), md5(name) FROM genre;

-- name: null handling
SELECT coalesce(composer, 'unknown'), nullif(composer, ''), composer IS NULL, composer IS NOT DISTINCT FROM NULL FROM track LIMIT 3;

-- name: statistics
SELECT corr(milliseconds, bytes), regr_slope(bytes, milliseconds), stddev_pop(milliseconds), variance(bytes), covar_samp(bytes, milliseconds) FROM track;

-- name: boolean aggregates
SELECT bool_and(unit_price > 0), bool_or(composer IS NULL), every(milliseconds > 0), bit_or(media_type_id) FROM track;

-- name: aggregate of distinct
SELECT count(DISTINCT (genre_id, media_type_id)), array_agg(DISTINCT genre_id) FROM track;

-- name: hypothetical rank
SELECT rank(300000) WITHIN GROUP (ORDER BY milliseconds), dense_rank(300000) WITHIN GROUP (ORDER BY milliseconds) FROM track;

-- name: greatest and least
SELECT greatest(milliseconds, bytes), least(unit_price, 1, 0.5) FROM track LIMIT 1;

-- name: parameters
SELECT name FROM track WHERE genre_id = $1 AND milliseconds BETWEEN $2 AND $3 AND name LIKE $4 || '%';

-- name: parameter array
SELECT name FROM track WHERE track_id = ANY($1::int[]);

-- name: comment and semicolon
SELECT /* the /* nested */ comment */ count(*) -- trailing
FROM album;

-- name: only
SELECT count(*) FROM ONLY album;

-- name: star after table
SELECT count(*) FROM album *;

-- name: natural join
SELECT title, name FROM album NATURAL JOIN artist LIMIT 2;

-- name: full join with using alias
SELECT j.artist_id, a.title FROM album a FULL JOIN artist r USING (artist_id) AS j;

-- name: parenthesised joins
SELECT t.name FROM (track t JOIN (album a JOIN artist r ON r.artist_id = a.artist_id) ON a.album_id = t.album_id) LIMIT 1;

-- name: nested set operations
(SELECT 1 AS n UNION SELECT 2) INTERSECT (SELECT 2 UNION ALL SELECT 3) ORDER BY n;

-- name: values alone
VALUES (1, 'a'), (2, 'b') ORDER BY 1 DESC LIMIT 1;

-- name: sql value functions
SELECT current_date, current_timestamp, localtimestamp(0), current_time, now() - interval '1 day', current_user, version();

-- name: empty select list
SELECT FROM album LIMIT 1;

-- name: deep nesting
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM genre) a) b) c) d;

-- name: count
SELECT count(*) FROM customers
-- name: products by price
SELECT id, name, price FROM products ORDER BY price DESC, id LIMIT 20
-- name: one order
SELECT * FROM order_lines WHERE order_id = 77 ORDER BY line
-- name: categories
SELECT category, count(*), min(price), max(price), avg(price)::numeric(10, 4) FROM products GROUP BY category ORDER BY category
-- name: revenue by status
SELECT status, count(*), sum(total) FROM orders GROUP BY status ORDER BY status
-- name: revenue by month
SELECT date_trunc('month', ordered_at) AS month, sum(total) FROM orders GROUP BY 1 ORDER BY 1
-- name: revenue by week and status
SELECT date_trunc('week', ordered_at)::date AS week, status, count(*) FROM orders GROUP BY 1, 2 ORDER BY 1, 2
-- name: revenue by region through tokens
SELECT c.region, count(*), sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.region ORDER BY c.region
-- name: regions and their customers without orders
SELECT c.region, count(*) FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) GROUP BY 1 ORDER BY 1
-- name: orders per customer, as a distribution
SELECT n, count(*) FROM (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) s GROUP BY n ORDER BY n
-- name: distinct customers by month
SELECT to_char(ordered_at, 'YYYY-MM') AS month, count(DISTINCT customer_id) FROM orders GROUP BY 1 ORDER BY 1
-- name: repeat customers
SELECT count(*) FILTER (WHERE n > 1)::numeric / count(*) AS share FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id) s
-- name: first orders by month
WITH f AS (SELECT customer_id, min(ordered_at) AS at FROM orders GROUP BY 1) SELECT date_trunc('month', at) AS month, count(*) FROM f GROUP BY 1 ORDER BY 1
-- name: cohorts
WITH f AS (SELECT customer_id, date_trunc('quarter', min(ordered_at)) AS q FROM orders GROUP BY 1) SELECT f.q, date_trunc('quarter', o.ordered_at) AS r, count(DISTINCT o.customer_id) FROM f JOIN orders o USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2
-- name: days between orders
SELECT avg(gap), max(gap) FROM (SELECT ordered_at - lag(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at, id) AS gap FROM orders) s
-- name: best sellers
SELECT p.name, sum(l.quantity) AS pieces, sum(l.quantity * l.unit_price) AS revenue FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY p.id, p.name ORDER BY revenue DESC, p.name LIMIT 15
-- name: categories by revenue and rank
SELECT p.category, sum(l.quantity * l.unit_price) AS r, rank() OVER (ORDER BY sum(l.quantity * l.unit_price) DESC) FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY p.category ORDER BY r DESC
-- name: three best of each category
SELECT category, name, r FROM (SELECT p.category, p.name, sum(l.quantity) AS r, row_number() OVER (PARTITION BY p.category ORDER BY sum(l.quantity) DESC, p.id) AS n FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY p.id, p.category, p.name) s WHERE n <= 3 ORDER BY category, n
-- name: products never ordered
SELECT p.id FROM products p LEFT JOIN order_lines l ON l.product_id = p.id WHERE l.order_id IS NULL ORDER BY p.id
-- name: order sizes
SELECT lines, count(*), avg(pieces)::numeric(8, 3) FROM (SELECT order_id, count(*) AS lines, sum(quantity) AS pieces FROM order_lines GROUP BY 1) s GROUP BY lines ORDER BY lines
-- name: totals agree with lines
SELECT count(*) FROM orders o WHERE total <> (SELECT sum(quantity * unit_price) FROM order_lines l WHERE l.order_id = o.id)
-- name: baskets
SELECT a.product_id, b.product_id, count(*) FROM order_lines a JOIN order_lines b ON a.order_id = b.order_id AND a.product_id < b.product_id GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 12
-- name: price bands
SELECT width_bucket(price, 0, 400, 8) AS band, count(*), avg(price)::numeric(10, 2) FROM products GROUP BY 1 ORDER BY 1
-- name: median order
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total), percentile_disc(0.9) WITHIN GROUP (ORDER BY total) FROM orders
-- name: median by region
SELECT c.region, percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY o.total) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY 1 ORDER BY 1
-- name: carriers in json
SELECT shipping ->> 'carrier' AS carrier, count(*), avg((shipping ->> 'days')::int)::numeric(6, 3) FROM orders GROUP BY 1 ORDER BY 1
-- name: gifts
SELECT (shipping ->> 'gift')::boolean AS gift, count(*) FROM orders GROUP BY 1 ORDER BY 1
-- name: json containment
SELECT count(*) FROM orders WHERE shipping @> '{"carrier": "bike", "gift": true}'
-- name: json keys
SELECT k, count(*) FROM orders, jsonb_object_keys(shipping) AS k GROUP BY k ORDER BY k
-- name: json values by type
SELECT key, jsonb_typeof(value), count(*) FROM orders, jsonb_each(shipping) GROUP BY 1, 2 ORDER BY 1
-- name: json path
SELECT count(*) FROM orders WHERE shipping @? '$.days ? (@ > 5)'
-- name: json to record
SELECT r.carrier, count(*), sum(r.days) FROM orders o, jsonb_to_record(o.shipping) AS r (carrier text, days int) GROUP BY 1 ORDER BY 1
-- name: json set and strip
SELECT jsonb_set(shipping, '{days}', '0') - 'gift', shipping || '{"x": null}' FROM orders ORDER BY id LIMIT 10
-- name: json table of values
SELECT id, jsonb_path_query_array(shipping, '$.*') FROM orders ORDER BY id LIMIT 10
-- name: tags
SELECT t, count(*) FROM orders, unnest(tags) AS t GROUP BY t ORDER BY t
-- name: orders by tags
SELECT tags, count(*) FROM orders GROUP BY tags ORDER BY tags
-- name: tag overlap
SELECT count(*) FROM orders WHERE tags && ARRAY['promo', 'loyal'] AND NOT tags @> ARRAY['web']
-- name: untagged
SELECT count(*) FROM orders WHERE tags = '{}' OR cardinality(tags) = 0
-- name: tags joined
SELECT array_to_string(tags, '+') AS t, min(total) FROM orders GROUP BY tags ORDER BY 1
-- name: first tag
SELECT tags[1] AS first, count(*) FROM orders GROUP BY 1 ORDER BY 1 NULLS FIRST
-- name: orders of one day
SELECT id, status, total FROM orders WHERE ordered_at >= '2024-05-05' AND ordered_at < '2024-05-06' ORDER BY id
-- name: hours of the day
SELECT extract(hour FROM ordered_at)::int AS h, count(*) FROM orders GROUP BY h ORDER BY h
-- name: another time zone
SELECT (ordered_at AT TIME ZONE 'Asia/Tokyo')::date AS day, count(*) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 20
-- name: weekdays and weekends
SELECT CASE WHEN extract(isodow FROM ordered_at) > 5 THEN 'weekend' ELSE 'week' END AS part, count(*), avg(total)::numeric(10, 2) FROM orders GROUP BY 1 ORDER BY 1
-- name: running revenue
SELECT day, r, sum(r) OVER (ORDER BY day) FROM (SELECT ordered_at::date AS day, sum(total) AS r FROM orders GROUP BY 1) s ORDER BY day LIMIT 60
-- name: seven day average
SELECT day, avg(r) OVER (ORDER BY day ROWS 6 PRECEDING)::numeric(12, 4) FROM (SELECT ordered_at::date AS day, sum(total) AS r FROM orders GROUP BY 1) s ORDER BY day LIMIT 60
-- name: range window over days
SELECT day, sum(n) OVER (ORDER BY day RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW) FROM (SELECT ordered_at::date AS day, count(*) AS n FROM orders GROUP BY 1) s ORDER BY day LIMIT 40
-- name: year on year
WITH m AS (SELECT date_trunc('month', ordered_at) AS m, sum(total) AS r FROM orders GROUP BY 1) SELECT a.m, a.r, b.r AS before, round(a.r / b.r - 1, 4) FROM m a LEFT JOIN m b ON b.m = a.m - interval '1 year' ORDER BY a.m
-- name: best day of each month
SELECT DISTINCT ON (date_trunc('month', day)) day, r FROM (SELECT ordered_at::date AS day, sum(total) AS r FROM orders GROUP BY 1) s ORDER BY date_trunc('month', day), r DESC, day
-- name: months with nothing returned
SELECT m FROM generate_series(date '2024-01-01', '2025-12-01', interval '1 month') AS m WHERE NOT EXISTS (SELECT FROM orders WHERE status = 'returned' AND date_trunc('month', ordered_at) = m) ORDER BY m
-- name: return rate by category
SELECT p.category, count(*) FILTER (WHERE o.status = 'returned')::numeric / count(*) AS rate FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN products p ON p.id = l.product_id GROUP BY 1 ORDER BY 1
-- name: pivot of status by region
SELECT c.region, count(*) FILTER (WHERE o.status = 'open') AS open, count(*) FILTER (WHERE o.status = 'paid') AS paid, count(*) FILTER (WHERE o.status = 'shipped') AS shipped FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY 1 ORDER BY 1
-- name: cube of region and status
SELECT c.region, o.status, count(*), grouping(c.region, o.status) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY CUBE (1, 2) ORDER BY 4, 1, 2
-- name: rollup of category and month
SELECT p.category, date_trunc('month', o.ordered_at) AS m, sum(l.quantity) FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id WHERE o.ordered_at < '2024-04-01' GROUP BY ROLLUP (1, 2) ORDER BY 1 NULLS LAST, 2 NULLS LAST
-- name: payment methods
SELECT method, count(*), sum(amount), min(paid_at), max(paid_at) FROM payments GROUP BY method ORDER BY method
-- name: orders without payment
SELECT o.status, count(*) FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE p.id IS NULL GROUP BY 1 ORDER BY 1
-- name: paid in time
SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.paid_at - o.ordered_at < interval '10 minutes'
-- name: payments that differ from the order
SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id AND o.total IS DISTINCT FROM p.amount
-- name: method and region
SELECT c.region, p.method, sum(p.amount) FROM payments p JOIN orders o ON o.id = p.order_id JOIN customers c ON c.id = o.customer_id GROUP BY 1, 2 ORDER BY 1, 2
-- name: ratings
SELECT rating, count(*) FROM support_notes GROUP BY rating ORDER BY rating NULLS LAST
-- name: average rating by month
SELECT date_trunc('month', written_at) AS m, avg(rating), count(rating), count(*) FROM support_notes GROUP BY 1 ORDER BY 1
-- name: ratings by region
SELECT c.region, avg(n.rating)::numeric(8, 4), count(*) FROM support_notes n JOIN customers c ON c.id = n.customer_id GROUP BY 1 ORDER BY 1
-- name: unhappy customers who came back
SELECT count(DISTINCT n.customer_id) FROM support_notes n WHERE n.rating < 2 AND EXISTS (SELECT FROM orders o WHERE o.customer_id = n.customer_id AND o.ordered_at > n.written_at)
-- name: new customers by month
SELECT date_trunc('month', created_at) AS m, region, count(*) FROM customers GROUP BY 1, 2 ORDER BY 1, 2
-- name: regions
SELECT DISTINCT region FROM customers ORDER BY region
-- name: biggest regions
SELECT region, count(*) AS n FROM customers GROUP BY region HAVING count(*) > 100 ORDER BY n DESC, region
-- name: spend deciles
SELECT d, count(*), min(s), max(s) FROM (SELECT s, ntile(10) OVER (ORDER BY s) AS d FROM (SELECT sum(total) AS s FROM orders GROUP BY customer_id) t) u GROUP BY d ORDER BY d
-- name: pareto of customers
SELECT count(*) FILTER (WHERE share <= 0.5), count(*) FROM (SELECT sum(s) OVER (ORDER BY s DESC ROWS UNBOUNDED PRECEDING) / sum(s) OVER () AS share FROM (SELECT sum(total) AS s FROM orders GROUP BY customer_id) t) u
-- name: standard deviation
SELECT stddev_samp(total), stddev_pop(total), variance(total) FROM orders
-- name: correlation
SELECT round(corr(l.quantity, l.unit_price)::numeric, 10), regr_count(l.quantity, l.unit_price) FROM order_lines l
-- name: outliers
SELECT id, total FROM orders WHERE total > (SELECT avg(total) + 3 * stddev(total) FROM orders) ORDER BY id
-- name: greatest orders of a month
SELECT id, total FROM orders WHERE date_trunc('month', ordered_at) = '2025-03-01' ORDER BY total DESC, id FETCH FIRST 5 ROWS ONLY
-- name: with ties
SELECT rating, id FROM support_notes WHERE rating IS NOT NULL ORDER BY rating DESC FETCH FIRST 1 ROW WITH TIES OFFSET 0
-- name: product words
SELECT split_part(name, ' ', 1) AS material, split_part(name, ' ', 2) AS thing, count(*) FROM products GROUP BY 1, 2 ORDER BY 1, 2
-- name: product numbers
SELECT substring(name FROM '[0-9]+$')::int AS n, upper(category) FROM products ORDER BY n LIMIT 15
-- name: products by pattern
SELECT id, name FROM products WHERE name ~ '^(Oak|Cork) ' AND name NOT LIKE '%1%' ORDER BY id
-- name: text functions
SELECT id, lower(name), length(name), reverse(category), initcap(category), position('a' IN name), overlay(name PLACING '#' FROM 1 FOR 1), rpad(category, 12, '.') FROM products ORDER BY id LIMIT 10
-- name: formatted
SELECT format('%s: %s €', name, to_char(price, 'FM999G990D00')) FROM products ORDER BY id LIMIT 10
-- name: md5 of open values
SELECT id, md5(name), left(encode(sha256(name::bytea), 'hex'), 12) FROM products ORDER BY id LIMIT 5
-- name: price changes
SELECT l.product_id, min(l.unit_price), max(l.unit_price) FROM order_lines l GROUP BY 1 HAVING min(l.unit_price) <> max(l.unit_price) ORDER BY 1
-- name: cheaper than the category
SELECT p.id, p.price FROM products p WHERE p.price < 0.3 * (SELECT avg(q.price) FROM products q WHERE q.category = p.category) ORDER BY p.id
-- name: latest order of each status
SELECT DISTINCT ON (status) status, id, ordered_at FROM orders ORDER BY status, ordered_at DESC, id
-- name: lateral lines
SELECT o.id, l.product_id, l.quantity FROM orders o, LATERAL (SELECT product_id, quantity FROM order_lines WHERE order_id = o.id ORDER BY quantity DESC, line LIMIT 1) l WHERE o.id <= 30 ORDER BY o.id
-- name: statuses as an array
SELECT array_agg(DISTINCT status ORDER BY status) FROM orders
-- name: lines as json
SELECT o.id, jsonb_agg(jsonb_build_object('p', l.product_id, 'n', l.quantity) ORDER BY l.line) FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.id < 12 GROUP BY o.id ORDER BY o.id
-- name: json object of counts
SELECT jsonb_object_agg(status, n ORDER BY status) FROM (SELECT status, count(*) AS n FROM orders GROUP BY 1) s
-- name: union of events
SELECT 'order' AS what, id, ordered_at AS at FROM orders WHERE id < 10 UNION ALL SELECT 'payment', id, paid_at FROM payments WHERE id < 10 ORDER BY at, what, id
-- name: orders paid and returned
SELECT count(*) FROM (SELECT id FROM orders WHERE status = 'returned' INTERSECT SELECT order_id FROM payments) s
-- name: difference of days
SELECT ordered_at::date FROM orders EXCEPT SELECT written_at::date FROM support_notes ORDER BY 1 LIMIT 10
-- name: values joined
SELECT v.label, count(*) FROM orders o JOIN (VALUES ('open', 'waiting'), ('paid', 'waiting'), ('shipped', 'gone')) AS v (status, label) USING (status) GROUP BY 1 ORDER BY 1
-- name: recursion over months
WITH RECURSIVE m (d) AS (SELECT date '2024-01-01' UNION ALL SELECT (d + interval '1 month')::date FROM m WHERE d < '2024-12-01') SELECT d, (SELECT count(*) FROM orders WHERE date_trunc('month', ordered_at) = d) FROM m ORDER BY d
-- name: chained windows
SELECT status, m, n, n - lag(n, 1, 0) OVER w, first_value(n) OVER w FROM (SELECT status, date_trunc('quarter', ordered_at) AS m, count(*) AS n FROM orders GROUP BY 1, 2) s WINDOW w AS (PARTITION BY status ORDER BY m) ORDER BY 1, 2
-- name: groups frame
SELECT rating, n, sum(n) OVER (ORDER BY rating GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM (SELECT rating, count(*) AS n FROM support_notes WHERE rating IS NOT NULL GROUP BY 1) s ORDER BY 1
-- name: materialized and not
WITH a AS MATERIALIZED (SELECT * FROM orders WHERE total > 500), b AS NOT MATERIALIZED (SELECT * FROM a WHERE status = 'paid') SELECT count(*), sum(total) FROM b
-- name: nested subqueries
SELECT avg(n)::numeric(10, 4) FROM (SELECT c, count(*) AS n FROM (SELECT category AS c FROM products WHERE price > (SELECT min(price) * 2 FROM products)) s GROUP BY c) t
-- name: conditional sums
SELECT sum(CASE status WHEN 'returned' THEN -total ELSE total END), sum(total) FILTER (WHERE status <> 'returned') FROM orders
-- name: null handling
SELECT count(*) - count(rating) AS unrated, avg(coalesce(rating, 0)), sum(nullif(rating, 5)) FROM support_notes
-- name: row values
SELECT count(*) FROM order_lines WHERE (product_id, quantity) = (7, 2) OR (product_id, quantity) > (119, 4)
-- name: between symmetric
SELECT count(*) FROM products WHERE price BETWEEN SYMMETRIC 200 AND 100
-- name: overlaps
SELECT count(*) FROM orders WHERE (ordered_at, interval '1 day') OVERLAPS (timestamptz '2024-02-28', timestamptz '2024-03-02')
-- name: rounding
SELECT id, round(price), round(price, -1), trunc(price, 1), ceil(price), floor(price) FROM products ORDER BY id LIMIT 12
-- name: every open table in one statement
SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM order_lines), (SELECT max(id) FROM orders), (SELECT min(id) FROM payments), (SELECT count(*) FROM support_notes)
-- name: large page
SELECT order_id, line, product_id, quantity, unit_price FROM order_lines ORDER BY order_id, line LIMIT 5000
-- name: schema qualified
SELECT public.products.category FROM public.products WHERE public.products.id = 3
-- name: products in any order
SELECT * FROM products
-- name: two joins in any order
SELECT o.status, p.category, l.quantity FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN products p ON p.id = l.product_id WHERE o.id < 400

-- name: everything of customers
SELECT * FROM customers ORDER BY created_at, email, id LIMIT 200
-- name: everything of customers in any order
SELECT * FROM customers
-- name: one column
SELECT email FROM customers ORDER BY created_at, id LIMIT 50
-- name: masks under other names
SELECT email AS contact, full_name AS "who is it", phone || '' AS p FROM customers ORDER BY created_at, id LIMIT 20
-- name: computed on masks
SELECT upper(email), length(full_name), birth_date + 1, right(phone, 2) FROM customers ORDER BY created_at, id LIMIT 40
-- name: masks grouped
SELECT email, count(*) FROM customers GROUP BY email ORDER BY 2 DESC, 1 LIMIT 30
-- name: names grouped
SELECT full_name, count(*) FROM customers GROUP BY 1
-- name: birth years
SELECT birth_date, count(*) FROM customers GROUP BY birth_date ORDER BY birth_date NULLS LAST
-- name: ages
SELECT extract(year FROM age(date '2026-01-01', birth_date))::int / 10 * 10 AS decade, count(*) FROM customers GROUP BY 1 ORDER BY 1
-- name: average age by region
SELECT region, avg(extract(year FROM birth_date)), count(birth_date) FROM customers GROUP BY 1 ORDER BY 1
-- name: born in a year
SELECT count(*) FROM customers WHERE birth_date = '1980-01-01'
-- name: born on a day finds nobody
SELECT count(*) FROM customers WHERE birth_date = '1980-06-15'
-- name: mail providers cannot be told
SELECT count(*) FROM customers WHERE email LIKE '%@example.com'
-- name: top level domains
SELECT substring(email FROM '[^.]*$') AS tld, count(*) FROM customers GROUP BY 1 ORDER BY 1
-- name: raw address finds nobody
SELECT id FROM customers WHERE email = 'ada.abe.1@example.com'
-- name: searched by name
SELECT count(*) FROM customers WHERE full_name ILIKE '%ada%'
-- name: who has a phone
SELECT phone IS NULL AS none, count(*) FROM customers GROUP BY 1 ORDER BY 1
-- name: last digits of phones
SELECT right(phone, 1) AS digit, count(*) FROM customers GROUP BY 1 ORDER BY 1 NULLS LAST
-- name: tokens as keys
SELECT c.id, count(*), sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY 3 DESC, 1 LIMIT 25
-- name: tokens distinct
SELECT count(DISTINCT customer_id), count(*) FROM orders
-- name: token sorted
SELECT id FROM customers ORDER BY id LIMIT 30
-- name: token equality between tables
SELECT count(*) FROM support_notes n WHERE n.customer_id IN (SELECT customer_id FROM orders WHERE status = 'returned')
-- name: token of a row found again
SELECT o.customer_id = c.id, c.region FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = 5
-- name: token windows
SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at, id) AS nth FROM orders WHERE id <= 300 ORDER BY id
-- name: token first and last
SELECT min(customer_id), max(customer_id) FROM orders
-- name: token as text
SELECT left(customer_id, 4), length(customer_id), count(*) FROM orders GROUP BY 1, 2
-- name: best customers
SELECT customer_id, sum(total) AS spent FROM orders GROUP BY 1 ORDER BY spent DESC, 1 LIMIT 10
-- name: customers of two kinds
SELECT customer_id FROM orders WHERE status = 'open' INTERSECT SELECT customer_id FROM support_notes ORDER BY 1 LIMIT 40
-- name: customers without notes
SELECT id FROM customers EXCEPT SELECT customer_id FROM support_notes ORDER BY 1 LIMIT 40
-- name: cards
SELECT card_number, count(*) FROM payments GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 25
-- name: card endings
SELECT right(card_number, 4) AS ending, method FROM payments ORDER BY id LIMIT 60
-- name: cards by length
SELECT length(card_number), count(*) FROM payments GROUP BY 1 ORDER BY 1
-- name: ibans are gone
SELECT count(iban), count(*) FROM payments
-- name: iban is null
SELECT method, bool_and(iban IS NULL) FROM payments GROUP BY 1 ORDER BY 1
-- name: notes are there
SELECT count(note), count(*) FROM support_notes
-- name: masks in json
SELECT to_jsonb(c) FROM customers c ORDER BY created_at, id LIMIT 15
-- name: masks in a row
SELECT c::text FROM customers c ORDER BY created_at, id LIMIT 15
-- name: masks in an array
SELECT array_agg(email ORDER BY email) FROM (SELECT email FROM customers ORDER BY email LIMIT 20) s
-- name: masks joined into one text
SELECT string_agg(DISTINCT email, ';' ORDER BY email) FROM customers WHERE region = 'north'
-- name: masks compared
SELECT count(*) FROM customers a JOIN customers b ON a.email = b.email AND a.created_at < b.created_at
-- name: masks in case
SELECT CASE WHEN email LIKE 'a%' THEN full_name ELSE region END AS x, count(*) FROM customers GROUP BY 1 ORDER BY 1
-- name: masks ordered
SELECT email, phone FROM customers ORDER BY email DESC, phone NULLS FIRST, id LIMIT 40
-- name: masks hashed
SELECT md5(email), count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
-- name: masks in a CTE
WITH m AS (SELECT region, email, birth_date FROM customers WHERE birth_date < '1970-01-01') SELECT region, count(*), min(email), max(birth_date) FROM m GROUP BY 1 ORDER BY 1
-- name: masks in a lateral
SELECT o.id, c.email FROM orders o, LATERAL (SELECT email FROM customers WHERE id = o.customer_id) c WHERE o.id < 30 ORDER BY o.id
-- name: masks over a left join
SELECT p.id, c.full_name, c.birth_date FROM payments p LEFT JOIN orders o ON o.id = p.order_id LEFT JOIN customers c ON c.id = o.customer_id AND c.region = 'north' ORDER BY p.id LIMIT 60
-- name: masks by distinct on
SELECT DISTINCT ON (region) region, email, birth_date FROM customers ORDER BY region, created_at, id
-- name: masks in a union
SELECT email FROM customers WHERE region = 'north' UNION SELECT full_name FROM customers ORDER BY 1 LIMIT 30
-- name: masks aggregated
SELECT min(email), max(email), count(DISTINCT email), min(birth_date), max(birth_date), count(DISTINCT phone) FROM customers
-- name: masks in windows
SELECT region, birth_date, rank() OVER (PARTITION BY region ORDER BY birth_date) FROM customers ORDER BY region, birth_date, 3 LIMIT 60
-- name: masks with similar
SELECT count(*) FROM customers WHERE email SIMILAR TO '_\*{3}@_\*{3}.(com|org|net|example)'
-- name: masks split
SELECT split_part(email, '@', 2) AS host, count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20

-- A shop of the project's own making: every row is computed, none belongs to a person.
-- The same numbers come out of every run, so that answers can be compared.

CREATE TABLE customers (
    id         integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    full_name  text NOT NULL,
    email      text NOT NULL UNIQUE,
    phone      text,
    birth_date date,
    region     text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE products (
    id       integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name     text NOT NULL,
    category text NOT NULL,
    price    numeric(10, 2) NOT NULL
);

CREATE TABLE orders (
    id          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    customer_id integer NOT NULL,
    ordered_at  timestamptz NOT NULL,
    status      text NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'returned')),
    total       numeric(12, 2) NOT NULL,
    shipping    jsonb NOT NULL,
    tags        text[] NOT NULL
);
CREATE INDEX orders_by_customer ON orders (customer_id);

CREATE TABLE order_lines (
    order_id   integer NOT NULL,
    line       smallint NOT NULL,
    product_id integer NOT NULL,
    quantity   integer NOT NULL,
    unit_price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE payments (
    id          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    order_id    integer NOT NULL,
    method      text NOT NULL,
    card_number text,
    iban        text,
    amount      numeric(12, 2) NOT NULL,
    paid_at     timestamptz NOT NULL
);

CREATE TABLE support_notes (
    id          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    customer_id integer NOT NULL,
    note        text NOT NULL,
    rating      real,
    written_at  timestamptz NOT NULL
);

-- Not in the catalog: for an agent it does not exist.
CREATE TABLE staff (
    id        integer PRIMARY KEY,
    full_name text NOT NULL,
    salary    numeric(10, 2) NOT NULL
);

-- n mixed into a number from 0 to bound - 1, evenly and the same everywhere.
CREATE FUNCTION pg_temp.mix(n integer, salt text, bound integer) RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN (('x' || substr(md5(salt || n::text), 1, 7))::bit(28)::integer % bound);

INSERT INTO customers (full_name, email, phone, birth_date, region, created_at)
SELECT first || ' ' || last,
       lower(first || '.' || last || '.' || n || '@' || (ARRAY['example.com', 'example.org', 'example.net'])[1 + pg_temp.mix(n, 'host', 3)]),
       CASE WHEN pg_temp.mix(n, 'phone?', 10) < 8 THEN '+1 202 555 ' || lpad((pg_temp.mix(n, 'phone', 10000))::text, 4, '0') END,
       CASE WHEN pg_temp.mix(n, 'born?', 20) > 0 THEN date '1945-01-01' + pg_temp.mix(n, 'born', 22000) END,
       (ARRAY['north', 'south', 'east', 'west'])[1 + pg_temp.mix(n, 'region', 4)],
       timestamptz '2023-01-01 00:00:00+00' + pg_temp.mix(n, 'since', 900 * 24 * 60) * interval '1 minute'
FROM generate_series(1, 2000) AS n
CROSS JOIN LATERAL (
    SELECT (ARRAY['Ada', 'Bela', 'Chidi', 'Dana', 'Emil', 'Fatou', 'Gita', 'Hugo', 'Ines', 'Jun', 'Kofi', 'Lena', 'Marek', 'Nadia', 'Omar', 'Priya'])[1 + pg_temp.mix(n, 'first', 16)] AS first,
           (ARRAY['Abe', 'Brandt', 'Costa', 'Diaz', 'Eriksen', 'Fischer', 'Garcia', 'Haddad', 'Ivanov', 'Jensen', 'Kim', 'Lopez', 'Moreau', 'Nkosi', 'Olsen', 'Patel'])[1 + pg_temp.mix(n, 'last', 16)] AS last
) AS names;

INSERT INTO products (name, category, price)
SELECT (ARRAY['Oak', 'Steel', 'Glass', 'Linen', 'Cork', 'Wool'])[1 + pg_temp.mix(n, 'made of', 6)] || ' '
       || (ARRAY['lamp', 'chair', 'bowl', 'blanket', 'shelf', 'clock'])[1 + pg_temp.mix(n, 'what', 6)] || ' ' || n,
       (ARRAY['light', 'furniture', 'kitchen', 'textile'])[1 + pg_temp.mix(n, 'category', 4)],
       (500 + pg_temp.mix(n, 'price', 30000)) / 100.0
FROM generate_series(1, 120) AS n;

INSERT INTO orders (customer_id, ordered_at, status, total, shipping, tags)
SELECT 1 + pg_temp.mix(n, 'who', 2000),
       timestamptz '2024-01-01 00:00:00+00' + pg_temp.mix(n, 'when', 700 * 24 * 60) * interval '1 minute',
       (ARRAY['open', 'paid', 'shipped', 'shipped', 'shipped', 'returned'])[1 + pg_temp.mix(n, 'status', 6)],
       0,
       jsonb_build_object('carrier', (ARRAY['post', 'bike', 'van'])[1 + pg_temp.mix(n, 'carrier', 3)],
                          'days', 1 + pg_temp.mix(n, 'days', 9),
                          'gift', pg_temp.mix(n, 'gift', 12) = 0),
       CASE pg_temp.mix(n, 'tags', 5)
           WHEN 0 THEN '{}'::text[] WHEN 1 THEN ARRAY['web'] WHEN 2 THEN ARRAY['web', 'promo']
           WHEN 3 THEN ARRAY['phone'] ELSE ARRAY['store', 'loyal'] END
FROM generate_series(1, 12000) AS n;

INSERT INTO order_lines (order_id, line, product_id, quantity, unit_price)
SELECT o.id, line, p.id, 1 + pg_temp.mix(o.id * 10 + line, 'quantity', 5), p.price
FROM orders AS o
CROSS JOIN LATERAL generate_series(1, 1 + pg_temp.mix(o.id, 'lines', 4)) AS line
JOIN products AS p ON p.id = 1 + pg_temp.mix(o.id * 10 + line, 'product', 120);

UPDATE orders SET total = (SELECT sum(quantity * unit_price) FROM order_lines WHERE order_id = orders.id);

-- Card numbers that pass the Luhn check, from a range that no bank issues to people (4000 0000 test numbers).
CREATE FUNCTION pg_temp.card(n integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN (
        WITH digits AS (SELECT '400000' || lpad((n * 7919 % 1000000000)::text, 9, '0') AS d),
             luhn AS (
                 SELECT sum(CASE WHEN i % 2 = 1 THEN (v * 2) / 10 + (v * 2) % 10 ELSE v END) AS total
                 FROM digits, generate_series(1, 15) AS i, LATERAL (SELECT substr(d, i, 1)::integer AS v) AS one
             )
        SELECT d || ((10 - total % 10) % 10)::text FROM digits, luhn
    );

INSERT INTO payments (order_id, method, card_number, iban, amount, paid_at)
SELECT id,
       CASE WHEN pg_temp.mix(id, 'method', 3) = 0 THEN 'transfer' ELSE 'card' END,
       CASE WHEN pg_temp.mix(id, 'method', 3) > 0 THEN pg_temp.card(id) END,
       CASE WHEN pg_temp.mix(id, 'method', 3) = 0 THEN 'DE89370400440532013000' END,
       total,
       ordered_at + interval '7 minutes'
FROM orders
WHERE status <> 'open';

INSERT INTO support_notes (customer_id, note, rating, written_at)
SELECT c.id,
       CASE pg_temp.mix(n, 'note', 4)
           WHEN 0 THEN 'Parcel is late. Please write to ' || c.email || ' about it.'
           WHEN 1 THEN 'Wants a refund for order ' || pg_temp.mix(n, 'order', 12000) || ', no reason given.'
           WHEN 2 THEN c.full_name || ' called from ' || coalesce(c.phone, 'a hidden number') || '.'
           ELSE 'All good, thanked us.' END,
       CASE WHEN pg_temp.mix(n, 'rated?', 3) > 0 THEN (pg_temp.mix(n, 'rating', 9) + 2) / 2.0 END,
       timestamptz '2025-01-01 00:00:00+00' + pg_temp.mix(n, 'written', 300 * 24 * 60) * interval '1 minute'
FROM generate_series(1, 3000) AS n
JOIN customers AS c ON c.id = 1 + pg_temp.mix(n, 'whose', 2000);

INSERT INTO staff VALUES (1, 'Root Admin', 190000.00), (2, 'Night Shift', 54000.00);

-- Now, and not while the tables were filled: all rows are looked up at once.
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id);
ALTER TABLE order_lines ADD FOREIGN KEY (order_id) REFERENCES orders (id), ADD FOREIGN KEY (product_id) REFERENCES products (id);
ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES orders (id);
ALTER TABLE support_notes ADD FOREIGN KEY (customer_id) REFERENCES customers (id);

ANALYZE;

"""Analytical statements: over Chinook here, and more over it and over the shop in the files of `sql`.

All but `shop_masked.sql` show nothing masked: the answer must be the database's own, exactly. `ORDERED` statements
fix their order; the others are compared as bags of rows.
"""

from __future__ import annotations

import re
from pathlib import Path

_FILES = Path(__file__).parent / "sql"

ORDERED: dict[str, str] = {
    "count": "SELECT count(*) FROM track",
    "top artists by revenue": """
        SELECT ar.name, sum(il.unit_price * il.quantity) AS revenue, count(DISTINCT t.track_id) AS tracks
        FROM artist ar JOIN album al USING (artist_id) JOIN track t USING (album_id) JOIN invoice_line il USING (track_id)
        GROUP BY ar.artist_id, ar.name ORDER BY revenue DESC, ar.name LIMIT 25""",
    "revenue by month": """
        SELECT date_trunc('month', invoice_date) AS month, sum(total), avg(total)::numeric(10, 4), count(*)
        FROM invoice GROUP BY 1 ORDER BY 1""",
    "revenue by year and country, with subtotals": """
        SELECT extract(year FROM invoice_date) AS year, billing_country, sum(total), grouping(billing_country)
        FROM invoice GROUP BY ROLLUP (1, 2) ORDER BY 1 NULLS LAST, 2 NULLS LAST""",
    "cube": """
        SELECT g.name, m.name, count(*) FROM track t JOIN genre g USING (genre_id) JOIN media_type m USING (media_type_id)
        GROUP BY CUBE (g.name, m.name) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST""",
    "grouping sets": """
        SELECT billing_country, billing_city, sum(total) FROM invoice
        GROUP BY GROUPING SETS ((billing_country), (billing_city), ()) ORDER BY 1 NULLS LAST, 2 NULLS LAST, 3""",
    "percentiles": """
        SELECT percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY milliseconds) AS p,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY bytes), mode() WITHIN GROUP (ORDER BY genre_id) FROM track""",
    "statistics": """
        SELECT stddev_samp(milliseconds), var_pop(bytes), corr(milliseconds, bytes), regr_slope(bytes, milliseconds)
        FROM track""",
    "running total": """
        SELECT invoice_id, invoice_date, total, sum(total) OVER (ORDER BY invoice_date, invoice_id) AS running
        FROM invoice ORDER BY invoice_date, invoice_id LIMIT 200""",
    "moving average": """
        SELECT invoice_id, avg(total) OVER (ORDER BY invoice_id ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING)
        FROM invoice ORDER BY invoice_id LIMIT 100""",
    "ranks in genres": """
        SELECT * FROM (
            SELECT g.name AS genre, t.name, t.milliseconds, rank() OVER w, dense_rank() OVER w, ntile(4) OVER w
            FROM track t JOIN genre g USING (genre_id)
            WINDOW w AS (PARTITION BY g.genre_id ORDER BY t.milliseconds DESC, t.track_id)
        ) ranked WHERE rank <= 3 ORDER BY genre, rank, name""",
    "lag and lead": """
        SELECT invoice_id, total - lag(total, 1, 0.00) OVER (ORDER BY invoice_id) AS change,
               lead(invoice_date) OVER (ORDER BY invoice_id) - invoice_date AS until_next
        FROM invoice ORDER BY invoice_id LIMIT 60""",
    "first and last value": """
        SELECT DISTINCT billing_country, first_value(total) OVER w, last_value(total) OVER w, nth_value(total, 2) OVER w
        FROM invoice WINDOW w AS (PARTITION BY billing_country ORDER BY invoice_date, invoice_id
            RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY 1""",
    "range frame by interval": """
        SELECT invoice_id, count(*) OVER (ORDER BY invoice_date RANGE BETWEEN '7 days' PRECEDING AND CURRENT ROW)
        FROM invoice ORDER BY invoice_id LIMIT 50""",
    "groups frame, exclude ties": """
        SELECT genre_id, milliseconds, sum(milliseconds) OVER (PARTITION BY genre_id ORDER BY milliseconds, track_id
            GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM track
        ORDER BY genre_id, milliseconds, track_id LIMIT 80""",
    "nested CTEs": """
        WITH by_customer AS (SELECT customer_id, sum(total) AS spent FROM invoice GROUP BY customer_id),
             ranked AS (SELECT *, percent_rank() OVER (ORDER BY spent, customer_id) AS r FROM by_customer)
        SELECT customer_id, spent, round(r::numeric, 6) FROM ranked WHERE r >= 0.9 ORDER BY spent DESC, customer_id""",
    "recursive CTE": """
        WITH RECURSIVE days (d) AS (
            SELECT date '2025-01-01' UNION ALL SELECT d + 1 FROM days WHERE d < date '2025-01-31')
        SELECT d, (SELECT count(*) FROM invoice WHERE invoice_date::date = d) FROM days ORDER BY d""",
    "materialized CTE": """
        WITH long AS MATERIALIZED (SELECT * FROM track WHERE milliseconds > 2000000)
        SELECT count(*), min(name), max(name) FROM long""",
    "lateral": """
        SELECT g.name, longest.name, longest.milliseconds FROM genre g CROSS JOIN LATERAL (
            SELECT name, milliseconds FROM track WHERE genre_id = g.genre_id ORDER BY milliseconds DESC, track_id LIMIT 2
        ) longest ORDER BY g.name, longest.milliseconds DESC, longest.name""",
    "correlated subquery": """
        SELECT a.title, (SELECT count(*) FROM track t WHERE t.album_id = a.album_id) AS n
        FROM album a ORDER BY n DESC, a.title LIMIT 20""",
    "exists and not exists": """
        SELECT name FROM artist a WHERE NOT EXISTS (SELECT 1 FROM album WHERE artist_id = a.artist_id)
        AND EXISTS (SELECT 1 FROM artist b WHERE b.name < a.name) ORDER BY name LIMIT 40""",
    "in and any": """
        SELECT name FROM genre WHERE genre_id = ANY (ARRAY[1, 3, 5]) OR name IN ('Jazz', 'Blues') ORDER BY name""",
    "set operations": """
        (SELECT billing_city AS city FROM invoice EXCEPT SELECT city FROM customer WHERE country = 'USA')
        UNION SELECT 'Nowhere' ORDER BY city""",
    "intersect all": """
        SELECT artist_id FROM album INTERSECT ALL SELECT artist_id FROM artist ORDER BY 1 LIMIT 30""",
    "full join": """
        SELECT a.artist_id, b.n FROM artist a FULL JOIN (SELECT artist_id, count(*) AS n FROM album GROUP BY 1) b
        USING (artist_id) ORDER BY 1, 2 NULLS LAST LIMIT 300""",
    "self join": """
        SELECT x.name, y.name FROM media_type x JOIN media_type y ON x.media_type_id < y.media_type_id ORDER BY 1, 2""",
    "natural join": "SELECT title, name FROM album NATURAL JOIN artist ORDER BY album_id LIMIT 15",
    "case and filter": """
        SELECT count(*) FILTER (WHERE milliseconds < 180000) AS short,
               sum(CASE WHEN unit_price > 1 THEN 1 ELSE 0 END) AS dear, bool_and(bytes > 0), every(name <> '') FROM track""",
    "string functions": """
        SELECT upper(left(name, 3)), lpad(genre_id::text, 5, '0'), reverse(name), initcap(name), length(name),
               position('o' IN name), split_part(name, ' ', 1), translate(name, 'aeiou', '*****'), md5(name)
        FROM genre ORDER BY genre_id""",
    "regular expressions": r"""
        SELECT name, regexp_replace(name, '\(.*?\)', '', 'g'), (regexp_match(name, '^(\w+)'))[1], name ~* 'love'
        FROM track WHERE name ~ '\(' ORDER BY track_id LIMIT 50""",
    "like, similar, between": """
        SELECT name FROM track WHERE name LIKE 'A%' AND name NOT ILIKE '%live%' AND milliseconds BETWEEN 200000 AND 300000
        AND name SIMILAR TO '%(a|e)' ORDER BY name, track_id LIMIT 30""",
    "string_agg and array_agg": """
        SELECT genre_id, string_agg(DISTINCT left(name, 1), '' ORDER BY left(name, 1)), array_agg(track_id ORDER BY track_id)
        FROM track WHERE track_id < 200 GROUP BY genre_id ORDER BY genre_id""",
    "arrays": """
        SELECT ARRAY[1, 2, NULL]::int[], ARRAY[[1, 2], [3, 4]], array_length(ARRAY['a', 'b'], 1), '{}'::text[],
               ARRAY['a,b', 'c"d', NULL, ''], (ARRAY[10, 20, 30])[2:3], array_to_string(ARRAY[1, 2, 3], '-')""",
    "unnest with ordinality": """
        SELECT n, x FROM unnest(ARRAY['c', 'a', NULL, 'b']) WITH ORDINALITY AS u (x, n) ORDER BY n""",
    "json building": """
        SELECT json_build_object('id', album_id, 'title', title), to_jsonb(a) - 'artist_id',
               jsonb_pretty(jsonb_build_array(1, 'x', NULL)) FROM album a ORDER BY album_id LIMIT 10""",
    "json aggregates and paths": """
        SELECT jsonb_agg(jsonb_build_object('n', name) ORDER BY genre_id) -> 0 ->> 'n',
               jsonb_object_agg(genre_id, name) #>> '{3}',
               jsonb_path_query_array(jsonb_agg(genre_id ORDER BY genre_id), '$[*] ? (@ > 20)') FROM genre""",
    "json_each and json_table": """
        SELECT k, v, jsonb_typeof(v) FROM jsonb_each('{"a": 1.50, "b": [true, null], "c": {"d": "é"}}') AS e (k, v) ORDER BY k""",
    "numerics": """
        SELECT 1.10::numeric, 0.1::float8 + 0.2, 1e300::float8 * 10, 'NaN'::float8, '-Infinity'::float4, 2^62, 7 / 2, -7 % 3,
               round(2.5), round(-2.345, 2), trunc(9.99), 12345678901234567890.123456789::numeric, 9223372036854775807""",
    "dates and intervals": """
        SELECT date '2024-02-29' + interval '1 year', timestamp '2024-01-01 00:00:00.000001', timestamptz '2024-06-01 12:00+02',
               age(date '2024-03-01', date '2023-01-31'), interval '1 mon 2 days 03:04:05.6', time '23:59:59.999',
               to_char(timestamp '2024-05-06 07:08:09', 'Dy DD Mon YYYY HH24:MI:SS'), make_date(2024, 12, 31),
               date_part('isodow', date '2024-05-05'), 'infinity'::date, date '0044-03-15 BC', '24:00'::time""",
    "generate_series by month": """
        SELECT m::date, coalesce(sum(i.total), 0) FROM generate_series(date '2023-01-01', date '2023-12-01', '1 month') AS m
        LEFT JOIN invoice i ON date_trunc('month', i.invoice_date) = m GROUP BY m ORDER BY m""",
    "nulls": """
        SELECT NULL, NULL::int, coalesce(NULL, 'x'), nullif(1, 1), 1 IS DISTINCT FROM NULL, NULL = NULL,
               greatest(1, NULL, 3), (NULL, 1) IS NULL, count(state), count(*) FROM customer GROUP BY 1""",
    "order by nulls and expressions": """
        SELECT state, count(*) FROM customer GROUP BY state ORDER BY count(*) DESC, state NULLS FIRST LIMIT 12""",
    "distinct on": """
        SELECT DISTINCT ON (billing_country) billing_country, invoice_id, total FROM invoice
        ORDER BY billing_country, total DESC, invoice_id""",
    "values and row constructors": """
        SELECT v.a, v.b, ROW(v.a, v.b) FROM (VALUES (1, 'x'), (2, NULL), (3, 'z')) AS v (a, b)
        WHERE (v.a, v.b) >= (1, 'a') OR v.b IS NULL ORDER BY v.a""",
    "offset and fetch": "SELECT track_id FROM track ORDER BY track_id OFFSET 100 FETCH FIRST 7 ROWS WITH TIES",
    "bytea, uuid, network, bits, ranges": r"""
        SELECT '\xdeadbeef'::bytea, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '10.1.0.0/16'::cidr, B'1010',
               int4range(1, 5), '[2024-01-01,2024-02-01)'::daterange, point(1, 2), '$1,234.50'::money::numeric, 'ab'::char(4)""",
    "playlists and their length": """
        SELECT p.name, count(*), justify_interval(sum(t.milliseconds) * interval '1 millisecond')
        FROM playlist p JOIN playlist_track USING (playlist_id) JOIN track t USING (track_id)
        GROUP BY p.playlist_id, p.name ORDER BY count(*) DESC, p.playlist_id""",
    "columns that share a name": """
        SELECT a.name, b.name, a.* FROM genre a JOIN media_type b ON a.genre_id = b.media_type_id ORDER BY a.genre_id""",
    "qualified by its schema": "SELECT public.genre.name FROM public.genre ORDER BY public.genre.genre_id LIMIT 5",
    "comments and odd spelling": """
        SELECT /* a comment; with -- things */ "name" AS "Na""me", E'tab\\t', $q$ it's $1 :x $q$, U&'\\0041'
        -- the end: $2
        FROM genre ORDER BY genre_id LIMIT 3""",
    "having": """
        SELECT billing_country, avg(total) FROM invoice GROUP BY billing_country HAVING count(*) > 20 AND min(total) < 1
        ORDER BY avg(total) DESC, 1""",
    "cohorts": """
        WITH first AS (SELECT customer_id, min(date_trunc('quarter', invoice_date)) AS cohort FROM invoice GROUP BY 1)
        SELECT cohort, (extract(epoch FROM date_trunc('quarter', i.invoice_date) - cohort) / 7776000)::int AS quarter,
               count(DISTINCT i.customer_id), sum(i.total)
        FROM first JOIN invoice i USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2""",
    "basket pairs": """
        SELECT a.track_id, b.track_id, count(*) FROM invoice_line a
        JOIN invoice_line b ON a.invoice_id = b.invoice_id AND a.track_id < b.track_id
        GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 10""",
    "no rows": "SELECT name, milliseconds FROM track WHERE false",
    "no columns": "SELECT FROM genre WHERE genre_id < 4",
}

UNORDERED: dict[str, str] = {
    "all tracks": "SELECT * FROM track",
    "all invoice lines": "TABLE invoice_line",
    "crossed": "SELECT g.genre_id, m.name FROM genre g, media_type m",
    "union all": "SELECT name FROM genre UNION ALL SELECT name FROM media_type",
    "hash joins": "SELECT il.*, t.name FROM invoice_line il JOIN track t USING (track_id)",
}


def from_file(name: str) -> dict[str, str]:
    """The statements of a file, by the name in the comment line before each."""
    parts = re.split(r"^-- name: (.+)\n", (_FILES / name).read_text(), flags=re.MULTILINE)[1:]
    names, texts = parts[::2], parts[1::2]
    assert len(set(names)) == len(names), f"{name}: a name stands twice"
    return dict(zip(names, (text.strip() for text in texts), strict=True))


def is_ordered(name: str) -> bool:
    """Whether a statement of a file fixes the order of its rows: its name says where it does not."""
    return not name.endswith("in any order")


CHINOOK = from_file("chinook.sql")
SHOP = from_file("shop.sql")
SHOP_MASKED = from_file("shop_masked.sql")

-- name: json table
SELECT e.id, t.* FROM events e, JSON_TABLE(e.payload, '$.items[*]' PASSING 1 AS x COLUMNS (
    n FOR ORDINALITY, sku text PATH '$.sku', qty int PATH '$.qty' DEFAULT 0 ON EMPTY ERROR ON ERROR, hit int EXISTS PATH '$.hit',
    raw jsonb FORMAT JSON PATH '$' WITH WRAPPER, NESTED PATH '$.tags[*]' AS p COLUMNS (tag text PATH '$'))) AS t;

-- name: json value and query
SELECT JSON_VALUE(payload, '$.a' RETURNING int DEFAULT 0 ON EMPTY NULL ON ERROR), JSON_QUERY(payload, '$.b' WITH CONDITIONAL WRAPPER),
       JSON_EXISTS(payload, '$.c' TRUE ON ERROR), JSON_QUERY(payload, '$.d' RETURNING text OMIT QUOTES) FROM events;

-- name: json scalar and serialize
SELECT JSON_SCALAR(1), JSON_SERIALIZE('{"a": 1}' RETURNING text), JSON('{"a": 1}');

-- name: at local
SELECT ordered_at AT LOCAL FROM orders;

-- name: newer functions
SELECT uuidv7(), array_sort(ARRAY[3, 1]), array_reverse(ARRAY[1, 2]), casefold('X'), crc32('a'::bytea), random(1, 6), to_bin(5), gamma(5), reverse('\x01'::bytea);

-- name: extract all parts
SELECT extract(week FROM duration), erf(1.0), to_oct(8), regexp_substr(note, '\d+', 1, 1) FROM events, orders;

-- name: multiset of rows in json
SELECT JSON_ARRAYAGG(JSON_OBJECT('id': id, 'total': total)) OVER (PARTITION BY status ORDER BY id) FROM orders;

"""What a write could set off: the one question that is asked of the live database.

Asked of the tables that a grant would write, of their partitions and heirs, and of every table that a foreign key's
action could reach from there, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable

from postern.world.live import TableKey
from postern.world.names import OWNER_ROLE, quote_literal
from postern.world.routines import ROUTINE_JSON


def live_writes_sql(tables: Iterable[TableKey]) -> str:
    """A query whose rows `live_writes.parse_live_writes` reads; run it with `search_path` set to `pg_catalog`."""
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in tables)
    return _LIVE_WRITES.format(wanted=wanted, owner=quote_literal(OWNER_ROLE), routine=ROUTINE_JSON)


# `own` are the functions behind an object, by pg_depend, which leaves out what came with the server; and what those of
# them call whose body was parsed, since that runs under the same path. A rule's event is
# 2 UPDATE, 3 INSERT, 4 DELETE; a trigger's are bits of tgtype, of which 1 says that it fires for each row. Internal
# triggers of PostgreSQL's own functions are those that keep foreign keys and deferred constraints.
_LIVE_WRITES = """
WITH RECURSIVE reached (oid) AS (
    SELECT c.oid
    FROM (VALUES {wanted}) AS wanted (nspname, relname)
    JOIN pg_namespace n ON n.nspname = wanted.nspname::text
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.relname::text
    UNION
    SELECT further.oid FROM reached r CROSS JOIN LATERAL (
        SELECT i.inhrelid AS oid FROM pg_inherits i WHERE i.inhparent = r.oid
        UNION ALL
        SELECT coalesce(pg_partition_root(k.conrelid), k.conrelid) FROM pg_constraint k
        WHERE k.contype = 'f' AND k.confrelid = r.oid AND (k.confdeltype IN ('c', 'n', 'd')
                                                           OR k.confupdtype IN ('c', 'n', 'd'))
    ) AS further
), domain (relid, attnum, oid) AS (
    SELECT a.attrelid, a.attnum, t.oid FROM reached r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid AND t.typtype = 'd'
    UNION ALL
    SELECT d.relid, d.attnum, u.oid FROM domain d
    JOIN pg_type t ON t.oid = d.oid JOIN pg_type u ON u.oid = t.typbasetype AND u.typtype = 'd'
), source (relid, classid, objid, attnum, by, is_default) AS (
    SELECT r.oid, 'pg_attrdef'::regclass, d.oid, a.attnum, 'column ' || a.attname, a.attgenerated = ''
    FROM reached r JOIN pg_attrdef d ON d.adrelid = r.oid
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.adnum
    UNION ALL
    SELECT d.relid, 'pg_type'::regclass, d.oid, d.attnum, 'column ' || a.attname, true
    FROM domain d JOIN pg_attribute a ON a.attrelid = d.relid AND a.attnum = d.attnum AND a.atttypid = d.oid
    WHERE NOT a.atthasdef
    UNION ALL
    SELECT k.conrelid, 'pg_constraint'::regclass, k.oid, NULL, 'constraint ' || k.conname, false
    FROM reached r JOIN pg_constraint k ON k.conrelid = r.oid
    UNION ALL
    SELECT d.relid, 'pg_constraint'::regclass, k.oid, NULL, 'constraint ' || k.conname, false
    FROM domain d JOIN pg_constraint k ON k.contypid = d.oid
    UNION ALL
    SELECT r.oid, 'pg_class'::regclass, i.indexrelid, NULL, 'index ' || c.relname, false
    FROM reached r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
    UNION ALL
    SELECT r.oid, 'pg_class'::regclass, r.oid, NULL, 'partition key', false FROM reached r
), dependency (classid, objid, called) AS (
    SELECT d.classid, d.objid, d.refobjid FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass
    UNION ALL
    SELECT d.classid, d.objid, o.oprcode::oid FROM pg_depend d JOIN pg_operator o ON o.oid = d.refobjid
    WHERE d.refclassid = 'pg_operator'::regclass
), called (classid, objid, oid) AS (
    SELECT d.classid, d.objid, d.called FROM dependency d WHERE (d.classid, d.objid) IN (
        SELECT s.classid, s.objid FROM source s
        UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN reached r ON t.tgrelid = r.oid
        UNION ALL SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite w JOIN reached r ON w.ev_class = r.oid)
    UNION
    SELECT c.classid, c.objid, d.called
    FROM called c JOIN pg_proc p ON p.oid = c.oid AND p.prosqlbody IS NOT NULL
        AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS s WHERE starts_with(s, 'search_path='))
    JOIN dependency d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
), own (classid, objid, routine) AS (
    SELECT c.classid, c.objid, {routine} FROM called c JOIN pg_proc p ON p.oid = c.oid
), sequence (relid, attnum, found) AS (
    SELECT s.relid, s.attnum, jsonb_agg(jsonb_build_object(
        'name', c.oid::regclass::text,
        'is_grantable', has_sequence_privilege({owner}, c.oid, 'USAGE WITH GRANT OPTION')) ORDER BY c.oid)
    FROM source s JOIN pg_depend d ON d.classid = s.classid AND d.objid = s.objid
    JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid AND c.relkind = 'S'
    WHERE s.is_default GROUP BY s.relid, s.attnum
)
SELECT c.oid::text, jsonb_build_object(
    'schema', n.nspname, 'name', c.relname, 'relkind', c.relkind,
    'allowed', ARRAY(SELECT lower(a) FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) a
                     WHERE has_table_privilege({owner}, c.oid, a)),
    'children', ARRAY(SELECT i.inhrelid::bigint FROM pg_inherits i WHERE i.inhparent = c.oid ORDER BY 1),
    'partition_key', ARRAY(
        SELECT a.attname FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid
        WHERE p.partrelid = c.oid AND a.attnum > 0 AND (a.attnum = ANY (p.partattrs) OR 0 = ANY (p.partattrs))
        ORDER BY a.attnum),
    'columns', (
        SELECT coalesce(jsonb_object_agg(a.attname, jsonb_build_object(
            'is_required', (a.attnotnull OR EXISTS (
                    SELECT FROM domain d JOIN pg_type t ON t.oid = d.oid
                    WHERE d.relid = c.oid AND d.attnum = a.attnum AND t.typnotnull))
                AND NOT a.atthasdef AND a.attidentity = '' AND y.typdefaultbin IS NULL,
            'is_generated', a.attgenerated <> '' OR a.attidentity = 'a',
            'is_fresh', a.attidentity <> '' OR q.found IS NOT NULL
                OR pg_get_expr(f.adbin, f.adrelid)
                    ~ '^([a-z_]+[.])?(gen_random_uuid|uuid_generate_v[1-7]|uuidv[47])[(]',
            'is_late', q.found IS NULL AND a.attgenerated = ''
                AND coalesce(pg_get_expr(f.adbin, f.adrelid), pg_get_expr(y.typdefaultbin, 0)) ~ 'nextval[(]',
            'sequences', coalesce(q.found, '[]'))), '{{}}')
        FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
        LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
        LEFT JOIN sequence q ON q.relid = a.attrelid AND q.attnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'triggers', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', t.tgname, 'is_rule', false, 'is_row', (t.tgtype & 1) <> 0,
            'actions', array_remove(ARRAY[CASE WHEN t.tgtype & 4 <> 0 THEN 'insert' END,
                CASE WHEN t.tgtype & 8 <> 0 THEN 'delete' END, CASE WHEN t.tgtype & 16 <> 0 THEN 'update' END], NULL),
            'columns', ARRAY(SELECT a.attname FROM pg_attribute a
                             WHERE a.attrelid = c.oid AND a.attnum = ANY (t.tgattr) ORDER BY 1),
            'routines', ARRAY(SELECT {routine} FROM pg_proc p WHERE p.oid = t.tgfoid
                              UNION SELECT o.routine FROM own o
                              WHERE o.classid = 'pg_trigger'::regclass AND o.objid = t.oid ORDER BY 1)
        ) ORDER BY t.tgname, t.oid), '[]')
        FROM pg_trigger t JOIN pg_proc g ON g.oid = t.tgfoid
        WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A')
            AND NOT (t.tgisinternal AND g.pronamespace = 'pg_catalog'::regnamespace)),
    'rules', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', w.rulename, 'is_rule', true, 'is_row', false,
            'actions', ARRAY[CASE w.ev_type WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete' END],
            'columns', '[]'::jsonb,
            'routines', ARRAY(SELECT o.routine FROM own o
                              WHERE o.classid = 'pg_rewrite'::regclass AND o.objid = w.oid ORDER BY 1)
        ) ORDER BY w.rulename), '[]')
        FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type IN ('2', '3', '4') AND w.ev_enabled IN ('O', 'A')),
    'keys', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', k.conname, 'referencing', coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid::bigint,
            'on_delete', k.confdeltype, 'on_update', k.confupdtype,
            'columns', ARRAY(SELECT a.attname FROM pg_attribute a
                             WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) ORDER BY 1),
            'unset_columns', ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid
                                   AND a.attnum = ANY (coalesce(k.confdelsetcols, k.conkey)) ORDER BY 1),
            'referenced', ARRAY(SELECT a.attname FROM pg_attribute a
                                WHERE a.attrelid = c.oid AND a.attnum = ANY (k.confkey) ORDER BY 1)
        ) ORDER BY k.conname, k.oid), '[]')
        FROM pg_constraint k
        WHERE k.contype = 'f' AND k.confrelid = c.oid
            AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))),
    'constraints', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', x.relname, 'is_unique', true, 'is_primary', i.indisprimary,
            'columns', ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND (
                a.attnum = ANY (i.indkey) OR EXISTS (
                    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))
                AND a.attnum > 0 ORDER BY 1)) ORDER BY x.relname), '[]')
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)),
    'checks', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', k.conname, 'is_unique', false, 'is_primary', false,
            'columns', ARRAY(SELECT a.attname FROM pg_attribute a
                             WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey) ORDER BY 1)
        ) ORDER BY k.conname), '[]')
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f')),
    'calls', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('by', s.by, 'is_default', s.is_default, 'routine', o.routine)
                                  ORDER BY s.by, o.routine), '[]')
        FROM source s JOIN own o ON o.classid = s.classid AND o.objid = s.objid WHERE s.relid = c.oid)
)::text
FROM reached r JOIN pg_class c ON c.oid = r.oid JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY c.oid
"""

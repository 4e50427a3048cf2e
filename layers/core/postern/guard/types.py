"""PostgreSQL's own types: what a statement may name, and what it may not and why.

Written by `scripts/generate_guard_lists.py` from the catalogs of PostgreSQL 16, 17 and 18; review the difference,
do not edit. Names stand under the versions that have them.
A name that stands in no list is refused; an array is as open as its element.
"""

from __future__ import annotations

# Base and range types.
OPEN: dict[str, str] = {
    "16 17 18": """
        bit bool box bpchar bytea char cidr circle date datemultirange daterange float4 float8 inet int2 int4
        int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line lseg macaddr macaddr8
        money name numeric nummultirange numrange oid path pg_lsn point polygon record text time timestamp timestamptz
        timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector unknown uuid varbit varchar
    """,
}

# Names by the reason that closes them.
CLOSED: dict[str, dict[str, str]] = {
    "XML functions can run queries and read tables by name": {
        "16 17 18": """
            xml
        """,
    },
    "it holds the privileges of roles": {
        "16 17 18": """
            aclitem
        """,
    },
    "it is a pseudo-type of function declarations": {
        "16 17 18": """
            any anyarray anycompatible anycompatiblearray anycompatiblemultirange anycompatiblenonarray
            anycompatiblerange anyelement anyenum anymultirange anynonarray anyrange cstring event_trigger fdw_handler
            index_am_handler internal language_handler table_am_handler trigger tsm_handler void
        """,
    },
    "it is the server's own: transactions, places of rows, catalog storage": {
        "16 17 18": """
            cid gtsvector int2vector oidvector pg_brin_bloom_summary pg_brin_minmax_multi_summary pg_ddl_command
            pg_dependencies pg_mcv_list pg_ndistinct pg_node_tree pg_snapshot tid txid_snapshot xid xid8
        """,
    },
    "it names a cursor, and cursors are closed": {
        "16 17 18": """
            refcursor
        """,
    },
    "it turns names of database objects into numbers and back, which tells what exists": {
        "16 17 18": """
            regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole
            regtype
        """,
    },
}

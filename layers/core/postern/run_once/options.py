"""Options in parentheses and after keywords: which a definition may have, by the place where they stand."""

from __future__ import annotations

from collections.abc import Iterable

from postern.guard.findings import offset_of, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.run_once.findings import Findings
from postern.run_once.names import objection_to_dotted, objection_to_relation
from postern.run_once.word_lists import words

_AUTOVACUUM = """
    autovacuum_analyze_scale_factor autovacuum_analyze_threshold autovacuum_enabled autovacuum_freeze_max_age
    autovacuum_freeze_min_age autovacuum_freeze_table_age autovacuum_multixact_freeze_max_age
    autovacuum_multixact_freeze_min_age autovacuum_multixact_freeze_table_age autovacuum_vacuum_cost_delay
    autovacuum_vacuum_cost_limit autovacuum_vacuum_insert_scale_factor autovacuum_vacuum_insert_threshold
    autovacuum_vacuum_max_threshold autovacuum_vacuum_scale_factor autovacuum_vacuum_threshold
    log_autovacuum_min_duration vacuum_index_cleanup vacuum_max_eager_freeze_failure_rate vacuum_truncate
"""
# Of tables, materialized views and views together: the server knows which belongs to which.
RELATION = words(f"""
    {_AUTOVACUUM} fillfactor parallel_workers toast_tuple_target
    check_option security_barrier security_invoker
    """)
# Of the server's own access methods and of pgvector's.
INDEX = words("""
    autosummarize buffering deduplicate_items ef_construction fastupdate fillfactor gin_pending_list_limit lists m
    pages_per_range
    """)
OPERATOR_CLASS = frozenset({"siglen", "false_positive_rate", "n_distinct_per_range", "numranges", "values_per_range"})
COLUMN = frozenset({"n_distinct", "n_distinct_inherited"})
# A constraint of ALTER COLUMN … SET GENERATED comes among the sequence's.
SEQUENCE = words("as cache cycle generated increment maxvalue minvalue owned_by restart sequence_name start")
COLLATION = words("deterministic from lc_collate lc_ctype locale provider rules version")
RANGE = words("collation multirange_type_name subtype subtype_diff subtype_opclass")
VACUUM = words("""
    analyze buffer_usage_limit disable_page_skipping freeze full index_cleanup only_database_stats parallel
    process_main process_toast skip_database_stats skip_locked truncate verbose
    """)
REINDEX = frozenset({"concurrently", "verbose"})
CLUSTER = frozenset({"verbose"})

_NAMESPACES = frozenset({"", "toast"})
_SCALARS = frozenset({"String", "Integer", "Float", "Boolean"})
_DOTTED = {"from": "collation", "subtype_opclass": "operator class", "collation": "collation", "subtype": "type"}


def options_of(nodes: Iterable[Node]) -> dict[str, Node]:
    """The options of a list by name; the last of those that stand twice, which the server refuses."""
    return {node["DefElem"]["defname"]: node["DefElem"] for node in nodes if "DefElem" in node}


def check_options(findings: Findings, nodes: list[Node], allowed: frozenset[str], of: str) -> Objection | None:
    """A list of options against the names that are allowed, each with a plain value or a name as its value."""
    for node in nodes:
        option = node.get("DefElem")
        if option is None:
            return Objection("guard.node", f"{of}: expected options only; leave the rest out")
        name = option["defname"]
        if name not in allowed or option.get("defnamespace", "") not in _NAMESPACES:
            return objection_to_option(of, option)
        if (objection := _check_value(name, option)) is not None:
            return objection
        findings.options.add(id(option))
    return None


def objection_to_option(of: str, option: Node) -> Objection:
    """The refusal of an option that its place does not have."""
    name = str(option.get("defname", ""))[:63]
    reason = f"{of}: the option {name} is not one that a run may set; leave it out"
    return Objection("guard.run_once", reason, offset_of(option))


def _check_value(name: str, option: Node) -> Objection | None:
    ((kind, value),) = option.get("arg", {"": {}}).items()
    offset = offset_of(option)
    if name in {"owned_by", "sequence_name"}:
        parts = strings(value.get("items", []))
        # `schema.table.column`, or `none`; the sequence's own name has no column behind it.
        parts = parts[:-1] if name == "owned_by" else parts
        return objection_to_relation(parts, offset) if parts else None
    if kind == "" or kind in _SCALARS:
        return None
    if kind == "TypeName":
        return objection_to_dotted(_DOTTED.get(name, "object"), _parts(value, name), offset)
    if kind == "List" and name in _DOTTED:
        return objection_to_dotted(_DOTTED[name], strings(value["items"]), offset)
    return Objection("guard.node", f"option {name}: expected a plain value; write the value itself", offset)


def _parts(type_name: Node, name: str) -> list[str]:
    parts = strings(type_name["names"])
    # `AS bigint` and `provider = icu` are read as types; the grammar puts pg_catalog before its own.
    return parts[1:] if name not in _DOTTED and parts[0] == "pg_catalog" else parts

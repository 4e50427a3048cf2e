"""SET in a run and on a function: an allow-list, with bounds.

The text of a run is judged as it is parsed here, so nothing that changes how the server reads text may be set; nor
may anything that moves rights, or makes a commit less than durable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from postern.guard.findings import offset_of
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.run_once.findings import Findings
from postern.run_once.functions import is_own_setting
from postern.run_once.names import objection_to_schema
from postern.run_once.word_lists import words

# Bounded from above in milliseconds; 0 would switch the limit off, so the least is 1.
_TIMEOUTS_MS = {"lock_timeout": 60_000, "statement_timeout": 840_000, "idle_in_transaction_session_timeout": 840_000}
_FREE = words("""
    check_function_bodies client_min_messages constraint_exclusion default_statistics_target
    default_text_search_config enable_bitmapscan enable_hashagg enable_hashjoin enable_indexonlyscan enable_indexscan
    enable_mergejoin enable_nestloop enable_partitionwise_join enable_seqscan enable_sort
    gin_fuzzy_search_limit hash_mem_multiplier jit maintenance_work_mem max_parallel_maintenance_workers
    max_parallel_workers_per_gather plan_cache_mode random_page_cost timezone work_mem
    """)
_UNITS_MS = {"": 1, "ms": 1, "s": 1_000, "min": 60_000}
_DURATION = re.compile(r"\s*([0-9]{1,9})\s*(ms|s|min|)\s*")
# In a function's own search path these two only say where to look, and naming them last is good practice.
_SEARCHED = frozenset({"pg_catalog", "pg_temp", "$user"})


def check_set(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A SET or SET LOCAL as a statement."""
    if id(body) in findings.options:
        return None
    if body.get("name", "").lower() == "timezone" and [_constant(one) for one in body.get("args", [])] != ["UTC"]:
        # The server tells of it, and a session that is no longer in UTC is given up.
        reason = "SET timezone: expected 'UTC', which a run is in; write AT TIME ZONE, or set it on a function"
        return Objection("guard.run_once", reason, offset_of(body))
    return _check(body, frozenset({"$user"}))


def check_set_of_function(body: Node) -> Objection | None:
    """A SET clause of a function, in force while it runs."""
    return _check(body, _SEARCHED)


def _check(body: Node, searched: frozenset[str]) -> Objection | None:
    name, offset = body.get("name", "").lower(), offset_of(body)
    if body.get("kind") != "VAR_SET_VALUE":
        return Objection("guard.kind", "SET, RESET: expected SET name = value; leave the rest as it is", offset)
    values = [_constant(argument) for argument in body.get("args", [])]
    if None in values:
        return Objection("guard.run_once", f"SET {name}: expected constants; write the value itself", offset)
    if name == "search_path":
        return _check_search_path([value for value in values if value not in {*searched, ""}], offset)
    if name in _TIMEOUTS_MS:
        return _check_timeout(name, values, offset)
    if name in _FREE or is_own_setting(name):
        return None
    reason = f"SET {name[:63]}: this setting is fixed in a run; leave it out"
    return Objection("guard.run_once", reason, offset)


def _constant(argument: Node) -> str | None:
    """The text of a constant; an interval or another expression has none."""
    constant: Node = argument.get("A_Const", {})
    for kind, key in (("sval", "sval"), ("fval", "fval")):
        if kind in constant:
            return str(constant[kind].get(key, ""))
    if "ival" in constant:
        return str(constant["ival"].get("ival", 0))
    if "boolval" in constant:
        return str(constant["boolval"].get("boolval", False)).lower()
    return None


def _check_search_path(schemas: Sequence[str | None], offset: int | None) -> Objection | None:
    # Text with commas in it is one odd name to the server, and several to a reader.
    for schema in (part.strip() for value in schemas for part in (value or "").split(",")):
        if (objection := objection_to_schema(schema, offset)) is not None:
            return objection
    return None


def _check_timeout(name: str, values: Sequence[str | None], offset: int | None) -> Objection | None:
    most = _TIMEOUTS_MS[name]
    match = _DURATION.fullmatch(values[0] or "") if len(values) == 1 else None
    if match is not None and 1 <= int(match[1]) * _UNITS_MS[match[2]] <= most:
        return None
    reason = f"SET {name}: expected 1 ms to {most // 1_000} s, such as '5s'; a run has limits of its own"
    return Objection("guard.run_once", reason, offset)

"""TABLESAMPLE: PostgreSQL samples tables, and a task reads views. What runs takes the same share of the view's rows.

`track AS t TABLESAMPLE BERNOULLI (10)` runs as `(SELECT * FROM track WHERE … random() * 100 < (10)) AS t`. With
REPEATABLE, what a row's text hashes to takes the place of chance: the same seed gives the same rows while they stay
as they are. SYSTEM, which takes whole pages, is the same here.
"""

from __future__ import annotations

from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.world.names import quote_ident

_METHODS = frozenset({"bernoulli", "system"})
_NUMBERS = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"})
_ARITHMETIC = (["+"], ["-"], ["*"], ["/"])
_MAX_LEVELS = 12
_CHANCE = "pg_catalog.random() * 100"
_HASH = "(pg_catalog.hashtextextended({row}.*::text, {seed}::float8::bigint) & 1048575) * 100.0 / 1048576"


def check_sample(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A sample of a relation: one of PostgreSQL's own two methods, by constants, parameters and their arithmetic."""
    method = strings(body["method"])
    if method[:-1] not in ([], ["pg_catalog"]) or method[-1] not in _METHODS:
        reason = f"TABLESAMPLE method {quoted(method)}: expected BERNOULLI or SYSTEM"
        return Objection("guard.function", reason, offset_of(body))
    relation = body["relation"].get("RangeVar")
    numbers = [*body["args"], *([body["repeatable"]] if "repeatable" in body else [])]
    if relation is None or len(body["args"]) != 1 or not all(_is_plain(node) for node in numbers):
        reason = "TABLESAMPLE: expected one number, parameter or sum of such; compute it beforehand"
        return Objection("guard.node", reason, offset_of(body))
    if not relation.get("inh"):
        return Objection("guard.node", "TABLESAMPLE of ONLY: a view has no heirs; leave ONLY out", offset_of(body))
    findings.mapped.append(Mapped("RangeTableSample", body, relation.get("alias", {}).get("aliasname", "")))
    return None


def condition(share: str, seed: str | None, row: str) -> str:
    """Which rows are taken. `share` and `seed` are SQL in parentheses, `row` what the relation is called."""
    chosen = _CHANCE if seed is None else _HASH.format(row=quote_ident(row), seed=seed)
    return f"{chosen} < {share}"


def _is_plain(node: Node, level: int = 0) -> bool:
    """A number that needs nothing but itself: a constant, a parameter, or what is computed from such."""
    if level > _MAX_LEVELS:
        return False
    if "TypeCast" in node:
        type_ = node["TypeCast"]["typeName"]
        is_number = strings(type_["names"])[-1] in _NUMBERS and "arrayBounds" not in type_
        return is_number and _is_plain(node["TypeCast"]["arg"], level + 1)
    if "A_Expr" in node and strings(node["A_Expr"]["name"]) in _ARITHMETIC:
        sides = (node["A_Expr"][side] for side in ("lexpr", "rexpr") if side in node["A_Expr"])
        return all(_is_plain(side, level + 1) for side in sides)
    return "A_Const" in node or "ParamRef" in node

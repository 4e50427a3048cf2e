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
_CHANCE = "pg_catalog.random() * 100"
_HASH = "(pg_catalog.hashtextextended({row}.*::text, {seed}::float8::bigint) & 1048575) * 100.0 / 1048576"


def check_sample(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A sample of a relation: one of PostgreSQL's own two methods, by constants or parameters."""
    method = strings(body["method"])
    if len(method) != 1 or method[0] not in _METHODS:
        reason = f"TABLESAMPLE method {quoted(method)}: expected BERNOULLI or SYSTEM"
        return Objection("guard.function", reason, offset_of(body))
    relation = body["relation"].get("RangeVar")
    numbers = [*body["args"], *([body["repeatable"]] if "repeatable" in body else [])]
    if relation is None or len(body["args"]) != 1 or not all(_is_plain(node) for node in numbers):
        reason = "TABLESAMPLE: expected one number or parameter; compute it beforehand"
        return Objection("guard.node", reason, offset_of(body))
    if not relation.get("inh"):
        return Objection("guard.node", "TABLESAMPLE of ONLY: a view has no heirs; leave ONLY out", offset_of(body))
    findings.mapped.append(Mapped("RangeTableSample", body, relation.get("alias", {}).get("aliasname", "")))
    return None


def condition(share: str, seed: str | None, row: str) -> str:
    """Which rows are taken. `share` and `seed` are SQL in parentheses, `row` what the relation is called."""
    chosen = _CHANCE if seed is None else _HASH.format(row=quote_ident(row), seed=seed)
    return f"{chosen} < {share}"


def _is_plain(node: Node) -> bool:
    return "A_Const" in node or "ParamRef" in node

"""Lookup parameters: compared with a token column of their class, and used in no other way.

Comparing is what policy granted. Everything else could hand on the token of a value of the agent's own choosing, or
compare it with a column of another class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from postern.guard.findings import Findings, offset_of, quoted, strings
from postern.guard.lineage import Value
from postern.guard.source import Node
from postern.guard.verdict import LookupUse, Objection
from postern.types import MaskKind


@dataclass(slots=True)
class Lookups:
    """The lookup parameters of a statement, and where they have been found so far."""

    findings: Findings
    classes: Mapping[int, str]  # by parameter
    placed: set[int] = field(default_factory=set)  # nodes, by identity, that stand in an allowed comparison
    uses: set[LookupUse] = field(default_factory=set)

    def operands(self, body: Node) -> Iterator[Node]:
        """The lookup parameters that an A_Expr compares by `=` with a column: `column = $n`, `column IN ($n, …)`."""
        if not self.classes or strings(body["name"]) != ["="]:
            return
        for column, other in (("lexpr", "rexpr"), ("rexpr", "lexpr")):
            if "ColumnRef" in body.get(column, {}):
                yield from (node for node in _compared(body, other) if node.get("number") in self.classes)

    def place(self, parameter: Node, value: Value) -> Objection | None:
        """Admits one comparison of a lookup parameter with a column that `value` tells the origins of."""
        number: int = parameter["number"]
        expected = f"expected a token column of class {self.classes[number]}"
        if not value.origins or not value.is_exact:
            return _objection(number, f"{expected} itself, got something computed or not known", parameter)
        scope = self.findings.scope
        for schema, table, name in sorted(value.origins):
            column = scope.by_name[schema, table].by_column[name]
            if (
                column.mask is None
                or column.mask.kind is not MaskKind.TOKEN
                or (column.class_name != self.classes[number])
            ):
                got = f"{quoted([schema, table, name])} ({_described(column.class_name, column.mask)})"
                return _objection(number, f"{expected}, got {got}", parameter)
            self.uses.add(LookupUse(number, schema, table, name))
        self.placed.add(id(parameter))
        return None

    def objection(self) -> Objection | None:
        """What is wrong with the parameters when the whole statement has been seen."""
        for number, class_name in sorted(self.classes.items()):
            found = [node for node in self.findings.parameter_nodes if node["number"] == number]
            if class_name not in self.findings.scope.lookups:
                return _objection(number, f"class {class_name}: lookup was not granted to this task", None)
            if not found:
                return _objection(number, "expected it in the statement, got none", None)
            for node in found:
                if id(node) not in self.placed:
                    form = f"expected `column = ${number}` or `column IN (${number}, …)` and nothing else"
                    return _objection(number, form, node)
        return None


def _compared(body: Node, key: str) -> Iterator[Node]:
    """The parameters that stand bare on one side of a comparison."""
    kind, operand = body["kind"], body.get(key, {})
    if kind == "AEXPR_OP" and "ParamRef" in operand:
        yield operand["ParamRef"]
    if key == "rexpr" and kind == "AEXPR_IN":
        yield from (item["ParamRef"] for item in operand["List"]["items"] if "ParamRef" in item)


def _described(class_name: str | None, mask: object) -> str:
    return f"class {class_name or 'open'}" if mask is not None else f"class {class_name or 'open'}, not masked"


def _objection(number: int, what: str, node: Node | None) -> Objection:
    return Objection("guard.lookup", f"lookup parameter ${number}: {what}", offset_of(node) if node else None)

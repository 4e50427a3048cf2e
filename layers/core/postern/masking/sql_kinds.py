"""What each node of a `sql` mask gives, and on which columns it can stand; whatever is not here is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from postern.masking.plain_patterns import pattern_fault
from postern.masking.plain_sql import NotPlain
from postern.masking.sql_functions import EXPRESSIONS, FUNCTIONS, GROWING, LEAST, WORDS, Family, Kind, Takes
from postern.masking.sql_trees import is_built_in, is_plain_call, kind_of, names_of, unwrapped

# Texts may grow by what replaces their parts; PostgreSQL fails at a gigabyte, and searches none of a quarter of it.
_MAX_GROWTH = 2_000
_MAX_CONSTANT = 1e100
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


_FAMILY_OF = {Kind.TEXT: Family.TEXT, Kind.NUMBER: Family.NUMBER, Kind.INTEGER: Family.NUMBER, Kind.TIME: Family.DATE}
_COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">="})
_SEARCHES = frozenset({"~", "!~", "~*", "!~*"})
_ARITHMETIC = frozenset({"+", "-", "*"})
_QUOTIENTS = frozenset({"/", "%"})


class Typing:
    """Goes over a tree once; afterwards `families` are the columns on which all of it can stand."""

    def __init__(self) -> None:
        self.families = frozenset(Family)
        self._growth = 1
        self._values = 0

    def kind_of(self, node: Any) -> Kind:  # noqa: ANN401 (the parser's messages are untyped)
        """What the node gives. Raises `NotPlain` where it, or anything in it, is not of the language."""
        read = _NODES.get(kind_of(node))
        if read is None:
            raise NotPlain(f"{kind_of(node)} is not allowed in a `sql` mask")
        return read(self, node)

    def _column(self, node: Any) -> Kind:  # noqa: ANN401
        if names_of(node.fields) != ["value"]:
            raise NotPlain("a `sql` mask names its column `value`, and no other")
        self._values += 1
        self._check_growth()
        return Kind.VALUE

    def _constant(self, node: Any) -> Kind:  # noqa: ANN401
        if node.isnull:
            return Kind.NULL
        kinds = {"sval": Kind.TEXT, "ival": Kind.INTEGER, "fval": Kind.NUMBER, "boolval": Kind.BOOLEAN}
        kind = kinds.get(node.WhichOneof("val"))
        if kind is None:
            raise NotPlain("a constant must be text, a number, true, false or NULL")
        if abs(_number(node)) > _MAX_CONSTANT:
            raise NotPlain("a number must be between -1e100 and 1e100")
        return kind

    def _cast(self, node: Any) -> Kind:  # noqa: ANN401
        constant = unwrapped(node.arg)
        if names_of(node.type_name.names) != ["date"] or node.type_name.array_bounds or node.type_name.setof:
            raise NotPlain("only a day may be cast, as `DATE '2000-01-31'`: another cast could fail for some value")
        if kind_of(constant) != "A_Const" or not _DAY.fullmatch(constant.sval.sval) or not _is_day(constant.sval.sval):
            raise NotPlain("a day must be written `DATE '2000-01-31'`")
        return Kind.TIME

    def _boolean(self, node: Any) -> Kind:  # noqa: ANN401
        for argument in node.args:
            self._must_be(Kind.BOOLEAN, self.kind_of(unwrapped(argument)))
        return Kind.BOOLEAN

    def _boolean_test(self, node: Any) -> Kind:  # noqa: ANN401
        self._must_be(Kind.BOOLEAN, self.kind_of(unwrapped(node.arg)))
        return Kind.BOOLEAN

    def _null_test(self, node: Any) -> Kind:  # noqa: ANN401
        self.kind_of(unwrapped(node.arg))
        return Kind.BOOLEAN

    def _case(self, node: Any) -> Kind:  # noqa: ANN401
        compared = self.kind_of(unwrapped(node.arg)) if node.HasField("arg") else None
        results = [self.kind_of(unwrapped(node.defresult))] if node.HasField("defresult") else []
        for branch in (unwrapped(item) for item in node.args):
            condition = self.kind_of(unwrapped(branch.expr))
            if compared is None:
                self._must_be(Kind.BOOLEAN, condition)
            else:
                self._same([compared, condition])
            results.append(self.kind_of(unwrapped(branch.result)))
        return self._same(results)

    def _choice(self, node: Any) -> Kind:  # noqa: ANN401
        return self._same([self.kind_of(unwrapped(argument)) for argument in node.args])

    def _operation(self, node: Any) -> Kind:  # noqa: ANN401
        operation = node.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number[node.kind].name
        names = names_of(node.name)
        operator = names[0] if len(names) == 1 else ""
        right = unwrapped(node.rexpr)
        left = [self.kind_of(unwrapped(node.lexpr))] if node.HasField("lexpr") else []
        if operation == "AEXPR_OP" and operator in _ARITHMETIC | _QUOTIENTS:
            return self._reckoned(operator, left, right)
        if operation == "AEXPR_OP" and operator == "||" and left:
            self._must_be(Kind.TEXT, left[0])
            self._must_be(Kind.TEXT, self.kind_of(right))
            return Kind.TEXT
        if operation in {"AEXPR_LIKE", "AEXPR_ILIKE"} or (operation == "AEXPR_OP" and operator in _SEARCHES):
            self._must_be(Kind.TEXT, left[0])
            _constant_text(right, is_pattern=operator in _SEARCHES)
            return Kind.BOOLEAN
        if operation == "AEXPR_NULLIF":
            self._same([*left, self.kind_of(right)])
            return left[0]
        if (operation == "AEXPR_OP" and operator in _COMPARISONS) or operation in _COMPARED:
            others = [unwrapped(item) for item in right.items] if kind_of(right) == "List" else [right]
            self._same([*left, *(self.kind_of(other) for other in others)])
            return Kind.BOOLEAN
        raise NotPlain(f"the operator {'.'.join(names)} is not allowed in a `sql` mask")

    def _reckoned(self, operator: str, left: list[Kind], right: Any) -> Kind:  # noqa: ANN401
        """Arithmetic in numeric: it has room for all that a short expression makes of bounded values."""
        if operator in _QUOTIENTS and (kind_of(right) != "A_Const" or not _number(right)):
            raise NotPlain(f"`{operator}` takes a constant other than 0 on its right")
        kinds = [*left, self.kind_of(right)]
        for kind in kinds:
            self._must_be(Kind.NUMBER, kind)
        if not {Kind.VALUE, Kind.NUMBER} & set(kinds):
            raise NotPlain(f"`{operator}` takes `value` or a decimal number on one side: whole numbers could overflow")
        return Kind.NUMBER

    def _call(self, node: Any) -> Kind:  # noqa: ANN401
        names = names_of(node.funcname)
        function = FUNCTIONS.get(names[-1]) if is_built_in(names) and is_plain_call(node) else None
        if function is None:
            raise NotPlain(f"the function {'.'.join(names)} is not allowed in a `sql` mask")
        arguments = [unwrapped(argument) for argument in node.args]
        takes = function.takes + function.more
        if not len(function.takes) <= len(arguments) <= len(takes):
            raise NotPlain(f"{names[-1]}: expected {len(function.takes)} to {len(takes)} arguments")
        for taken, argument in zip(takes, arguments, strict=False):
            self._check_argument(taken, argument)
        if names[-1] in GROWING:
            self._growth *= 1 + len(arguments[2].sval.sval)
            self._check_growth()
        return function.gives

    def _check_argument(self, takes: Takes, argument: Any) -> None:  # noqa: ANN401
        if takes in EXPRESSIONS:
            kind = self.kind_of(argument)
            if (takes, kind) == (Takes.NUMBER, Kind.INTEGER):
                raise NotPlain("expected `value` or a decimal number, got a whole one")  # it would be made floating
            self._must_be(EXPRESSIONS[takes], kind)
        elif takes in LEAST:
            _check_whole_number(argument, LEAST[takes])
        else:
            text = _constant_text(argument, is_pattern=takes is Takes.PATTERN)
            if takes in WORDS and text not in WORDS[takes]:
                raise NotPlain(f"expected one of {', '.join(sorted(WORDS[takes]))}, got {text[:20]!r}")

    def _same(self, kinds: Iterable[Kind]) -> Kind:
        """The one kind of several results or of both sides of a comparison."""
        found = set(kinds) - {Kind.NULL}
        if found == {Kind.INTEGER, Kind.NUMBER}:
            return Kind.NUMBER
        if Kind.VALUE in found and len(found) > 1:
            others = found - {Kind.VALUE}
            for other in others:
                self._must_be(other, Kind.VALUE)
            return Kind.NUMBER if Kind.INTEGER in others else others.pop()
        if len(found) > 1:
            raise NotPlain(
                "expected values of one type, got several: " + ", ".join(sorted(k.name.lower() for k in found))
            )
        return found.pop() if found else Kind.NULL

    def _must_be(self, wanted: Kind, kind: Kind) -> None:
        if kind is Kind.VALUE and wanted in _FAMILY_OF:
            self._narrow(frozenset({_FAMILY_OF[wanted]}))
        elif kind not in {wanted, Kind.NULL} and (wanted, kind) != (Kind.NUMBER, Kind.INTEGER):
            raise NotPlain(f"expected {wanted.name.lower()}, got {kind.name.lower()}")

    def _narrow(self, families: frozenset[Family]) -> None:
        self.families &= families
        if not self.families:
            raise NotPlain("`value` cannot be of two types: it is used as several of text, number and date")

    def _check_growth(self) -> None:
        if self._growth * max(self._values, 1) > _MAX_GROWTH:
            raise NotPlain("expected fewer or shorter replacements: what they give could grow too large")


_COMPARED = frozenset(
    {
        "AEXPR_IN", "AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT", "AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN", "AEXPR_BETWEEN_SYM",
        "AEXPR_NOT_BETWEEN_SYM",
    }
)  # fmt: skip
_NODES: dict[str, Callable[[Typing, Any], Kind]] = {
    "ColumnRef": Typing._column,
    "A_Const": Typing._constant,
    "TypeCast": Typing._cast,
    "BoolExpr": Typing._boolean,
    "BooleanTest": Typing._boolean_test,
    "NullTest": Typing._null_test,
    "CaseExpr": Typing._case,
    "CoalesceExpr": Typing._choice,
    "MinMaxExpr": Typing._choice,
    "A_Expr": Typing._operation,
    "FuncCall": Typing._call,
}


def _check_whole_number(node: Any, least: int) -> None:  # noqa: ANN401
    if kind_of(node) != "A_Const" or node.WhichOneof("val") != "ival" or node.ival.ival < least:
        raise NotPlain(f"a number of characters, places or digits must be a constant from {least} up")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _number(constant: Any) -> float:  # noqa: ANN401
    """The constant's value, 0 where it is none or too small to divide by."""
    match constant.WhichOneof("val"):
        case "ival":
            return float(constant.ival.ival)
        case "fval":
            return float(constant.fval.fval)
        case _:
            return 0.0


def _constant_text(node: Any, *, is_pattern: bool) -> str:  # noqa: ANN401
    if kind_of(node) != "A_Const" or node.WhichOneof("val") != "sval":
        raise NotPlain("a pattern, a part to look for and what replaces it must be constants")
    text = str(node.sval.sval)
    if is_pattern and (fault := pattern_fault(text)) is not None:
        raise NotPlain(fault)
    return text

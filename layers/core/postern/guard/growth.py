"""Bounds on what one call can grow: a text, an array or a series of constant size is refused when it is huge.

Sizes that only the database knows are bounded there, by time, temporary files and the answer's own limits. What
is refused here is the size that stands in the statement: `repeat('x', 1000000000)` is taken from the server's memory
before any limit counts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import inf

from postern.guard.findings import offset_of, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection

MAX_ROWS = 10_000_000  # which FROM writes out: 130 to 170 MB of the role's 1 GB of temporary files
MAX_ELEMENTS = 1_000_000
MAX_CHARACTERS = 10_000_000
_MAX_LEVELS = 12  # of constants' arithmetic that are followed; what is deeper is not known
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?\s*", re.IGNORECASE)
_WIDTH = re.compile(r"%(?:\d+\$)?-?(\d+)")


def _power(base: float, exponent: float) -> float:
    try:
        return base**exponent if abs(exponent) < 100 and base > 0 else 0.0
    except OverflowError:
        return inf


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else 0.0,
    "^": _power,
    "<<": lambda a, b: a * 2.0**b if 0 <= b < 64 else 0.0,
}


def objection_to_growth(name: str, body: Node) -> Objection | None:
    """The refusal of a call whose result would be huge by its constants alone; `name` is the function's."""
    measure = _MEASURES.get(name)
    if measure is None:
        return None
    arguments = [_unnamed(node) for node in body.get("args", [])]
    size, bound, unit = measure(arguments)
    if size is None or size <= bound:
        return None
    reason = f"{name}: expected at most {bound} {unit}, got {size:.0f}; ask for less, or aggregate rows instead"
    return Objection("guard.growth", reason, offset_of(body))


Measured = tuple[float | None, int, str]


def _series(arguments: Sequence[Node]) -> Measured:
    numbers = [_number(argument) for argument in arguments[:3]]
    if len(numbers) < 2 or any(number is None for number in numbers):
        return None, MAX_ROWS, "rows"
    start, stop, step = (*(number or 0.0 for number in numbers), 1.0)[:3]
    return ((stop - start) / step + 1 if step else None), MAX_ROWS, "rows"


def _repeated(arguments: Sequence[Node]) -> Measured:
    return _length_of_call("repeat", arguments, 0), MAX_CHARACTERS, "characters"


def _padded(arguments: Sequence[Node]) -> Measured:
    return _length_of_call("lpad", arguments, 0), MAX_CHARACTERS, "characters"


def _filled(arguments: Sequence[Node]) -> Measured:
    lengths = arguments[1].get("A_ArrayExpr", {}).get("elements", []) if len(arguments) > 1 else []
    size = 1.0
    for length in lengths:
        size *= _number(length) or 1.0
    return size, MAX_ELEMENTS, "elements"


def _formatted(arguments: Sequence[Node]) -> Measured:
    """`%1000000000s`, and `%*s` whose width is one of the other arguments."""
    pattern = _text(arguments[0]) if arguments else None
    if pattern is None:
        return None, MAX_CHARACTERS, "characters"
    widths = [float(width) for width in _WIDTH.findall(pattern)]
    if "*" in pattern:
        widths += [abs(_number(argument) or 0.0) for argument in arguments[1:]]
    return sum(widths), MAX_CHARACTERS, "characters"


_MEASURES: Mapping[str, Callable[[Sequence[Node]], Measured]] = {
    "generate_series": _series,
    "repeat": _repeated,
    "lpad": _padded,
    "rpad": _padded,
    "array_fill": _filled,
    "format": _formatted,
}


def _length(node: Node, level: int) -> float:
    """How long a text is at least, as far as constants tell; 1 where they do not."""
    if level > _MAX_LEVELS:
        return 1.0
    if (text := _text(node)) is not None:
        return float(len(text))
    if "FuncCall" in node:
        call = node["FuncCall"]
        arguments = [_unnamed(argument) for argument in call.get("args", [])]
        return _length_of_call(strings(call["funcname"])[-1], arguments, level + 1) or 1.0
    if "A_Expr" in node and strings(node["A_Expr"]["name"]) == ["||"]:
        sides = (node["A_Expr"].get("lexpr", {}), node["A_Expr"].get("rexpr", {}))
        return sum(_length(side, level + 1) for side in sides)
    return _length(node["TypeCast"]["arg"], level + 1) if "TypeCast" in node else 1.0


def _length_of_call(name: str, arguments: Sequence[Node], level: int) -> float | None:
    times = _number(arguments[1]) if len(arguments) > 1 else None
    if times is None:
        return None
    if name == "repeat":
        return _length(arguments[0], level) * times
    return times if name in {"lpad", "rpad"} else None


def _number(node: Node, level: int = 0) -> float | None:
    """A constant number, or arithmetic over such; None where it is not one."""
    if level > _MAX_LEVELS:
        return None
    if "TypeCast" in node:
        return _number(node["TypeCast"]["arg"], level + 1)
    if "A_Const" in node:
        constant = node["A_Const"]
        if "ival" in constant:
            return float(constant["ival"].get("ival", 0))
        text = constant.get("fval", {}).get("fval") or constant.get("sval", {}).get("sval", "")
        return float(text) if len(text) < 400 and _NUMBER.fullmatch(text) else None
    if "A_Expr" not in node:
        return None
    operator = _ARITHMETIC.get(strings(node["A_Expr"]["name"])[-1])
    left = _number(node["A_Expr"]["lexpr"], level + 1) if "lexpr" in node["A_Expr"] else 0.0
    right = _number(node["A_Expr"].get("rexpr", {}), level + 1)
    return operator(left, right) if operator and left is not None and right is not None else None


def _text(node: Node) -> str | None:
    constant = node.get("A_Const", {})
    return str(constant["sval"].get("sval", "")) if "sval" in constant else None


def _unnamed(node: Node) -> Node:
    named: Node = node.get("NamedArgExpr", {}).get("arg", node)
    return named

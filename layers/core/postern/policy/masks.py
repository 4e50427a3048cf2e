"""The `mask` of a class, as a catalog writes it: `{mask: partial, keep_last: 4}`.

What each kind gives stands in `masking.expressions`; the language of `{mask: sql, expression, type}` in
`masking.sql_mask`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postern.masking.plain_sql import NotPlain
from postern.masking.sql_mask import review_sql_mask
from postern.types import Mask, MaskKind
from postern.yaml_lines import Node

_MOST_KEPT = 64  # characters; more than this is no mask
_MOST_WIDTH = 10**15


def parse_mask(node: Node) -> Mask:
    """The mask with exactly the parameters of its kind. Raises `PolicyFileError` naming file and line."""
    kind = _kind(node.required("mask"))
    parse = _PARAMETERS.get(kind, _without_parameters)
    return parse(node, kind)


def _kind(node: Node) -> MaskKind:
    if node.value is None:
        raise node.wrong('expected the name of a mask, got nothing; the mask that gives NULL is written `"null"`')
    if node.text() not in set(MaskKind):
        raise node.wrong(f"expected a mask, one of {', '.join(sorted(MaskKind))}, got {node.text()!r}")
    return MaskKind(node.text())


def _without_parameters(node: Node, kind: MaskKind) -> Mask:
    node.only(["mask"])
    return Mask(kind)


def _partial(node: Node, kind: MaskKind) -> Mask:
    node.only(["mask", "keep_first", "keep_last"])
    first, last = node.optional("keep_first"), node.optional("keep_last")
    if (first is None) == (last is None):
        raise node.wrong("the mask `partial` takes either `keep_first` or `keep_last`, got both or neither")
    return Mask(
        kind,
        keep_first=None if first is None else first.integer(at_least=1, at_most=_MOST_KEPT),
        keep_last=None if last is None else last.integer(at_least=1, at_most=_MOST_KEPT),
    )


def _range(node: Node, kind: MaskKind) -> Mask:
    node.only(["mask", "width"])
    return Mask(kind, width=node.required("width").integer(at_least=1, at_most=_MOST_WIDTH))


def _sql(node: Node, kind: MaskKind) -> Mask:
    node.only(["mask", "expression", "type"])
    expression, type_ = node.required("expression"), node.required("type")
    try:
        review_sql_mask(expression.text(), type_.text())
    except NotPlain as error:
        raise expression.wrong(str(error)) from error
    return Mask(kind, expression=expression.text(), type=type_.text())


_PARAMETERS: Mapping[MaskKind, Callable[[Node, MaskKind], Mask]] = {
    MaskKind.PARTIAL: _partial,
    MaskKind.RANGE: _range,
    MaskKind.SQL: _sql,
}

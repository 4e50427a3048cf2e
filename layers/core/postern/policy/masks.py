"""The `mask` of a class, as a catalog writes it: `{mask: partial, keep_last: 4}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postern.types import Mask, MaskKind
from postern.yaml_lines import Node

# What a world can build. A kind that a catalog names and that is not here is refused when it is loaded.
SUPPORTED_MASKS = frozenset(
    {
        MaskKind.REDACT,
        MaskKind.NULL,
        MaskKind.EMAIL,
        MaskKind.PARTIAL,
        MaskKind.YEAR,
        MaskKind.MONTH,
        MaskKind.RANGE,
        MaskKind.TOKEN,
    }
)

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
    working = ", ".join(sorted(SUPPORTED_MASKS))
    if node.text() not in set(MaskKind):
        raise node.wrong(f"expected a mask, one of {working}, got {node.text()!r}")
    kind = MaskKind(node.text())
    if kind not in SUPPORTED_MASKS:
        raise node.wrong(f"the mask `{kind}` is not available yet; expected one of {working}")
    return kind


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
    return Mask(kind, expression=node.required("expression").text(), type=node.required("type").text())


_PARAMETERS: Mapping[MaskKind, Callable[[Node, MaskKind], Mask]] = {
    MaskKind.PARTIAL: _partial,
    MaskKind.RANGE: _range,
    MaskKind.SQL: _sql,
}

"""Mapping qualifiers: `public.orders` runs as the task's view `orders`.

Only the qualified names change, in place, and everything else stays as the agent wrote it. What comes out
is parsed again and must be the tree that was asked with exactly these names changed, or the statement is
refused: nothing rests on the splicing being right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postern.guard.findings import Mapped
from postern.guard.source import Source, read
from postern.guard.verdict import Edit, Objection, Refused
from postern.world.names import quote_ident

# Fields that tell where a node stood in the text, and nothing about what it means.
_PLACES = {
    *("location", "name_location", "list_start", "list_end"),
    *("rexpr_list_start", "rexpr_list_end", "stmt_location", "stmt_len"),
}

Splice = tuple[int, int, str]  # byte offsets in the text as asked, and what comes in their place


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What runs in place of the statement as asked, and where it differs."""

    source: Source
    edits: tuple[Edit, ...]


class _Tokens:
    """The statement's tokens without comments, found by the byte where they start."""

    def __init__(self, source: Source) -> None:
        from postgast import scan

        self._text = source.encoded
        spans = [(token.start, token.end) for token in scan(source.sql).tokens]
        self._spans = [span for span in spans if not self._text[span[0] : span[1]].startswith((b"--", b"/*"))]
        self._index = {start: index for index, (start, _end) in enumerate(self._spans)}

    def at(self, offset: int) -> int:
        return self._index[offset]

    def span(self, index: int) -> tuple[int, int]:
        return self._spans[index]

    def text(self, index: int) -> str:
        start, end = self._spans[index] if 0 <= index < len(self._spans) else (0, 0)
        return self._text[start:end].decode().lower()


def rewrite(source: Source, mapped: list[Mapped]) -> Rewritten | Objection:
    """The statement with each mapped name as the task's schema has it. Changes the tree of `source` to match."""
    tokens = _Tokens(source)
    try:
        # A set: the grammar shows the source of `SET (a, b) = (SELECT …)` once for each column.
        splices = sorted({splice for name in mapped for splice in _SPLICES[name.node](tokens, name)})
    except LookupError:  # a name spelled with UESCAPE has more tokens than it has parts
        return _objection_to_text()
    text, edits = _apply(source.encoded, splices)
    changed = read(text)
    if isinstance(changed, Refused) or changed.node != source.node or not _is_same(changed.body, source.body):
        return _objection_to_text()
    return Rewritten(changed, edits)


def _objection_to_text() -> Objection:
    reason = "statement: its schema qualifiers cannot be mapped without changing it; leave them out"
    return Objection("guard.node", reason)


def _map_relation(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`sales.orders` → `"sales.orders" AS "orders"`, so that columns may still be called `orders.id`."""
    body, first = mapped.body, tokens.at(mapped.body["location"])
    asked = body["relname"]
    yield tokens.span(first)[0], tokens.span(first + 2)[1], quote_ident(mapped.name)
    if mapped.name != asked and "alias" not in body:
        last = first + 2
        if tokens.text(first - 1) == "(" and tokens.text(first - 2) == "only":
            last += 1  # FROM ONLY (sales.orders)
        elif tokens.text(last + 1) == "*" and body.get("inh"):
            last += 1  # FROM sales.orders *
        yield tokens.span(last)[1], tokens.span(last)[1], f" AS {quote_ident(asked)}"
        if tokens.text(first - 1) == "table":  # TABLE takes no alias, and means SELECT * FROM
            yield *tokens.span(first - 1), "SELECT * FROM"
        body["alias"] = {"aliasname": asked}
    del body["schemaname"]
    body["relname"] = mapped.name


def _map_column(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`public.orders.id` → `"orders".id`."""
    first = tokens.at(mapped.body["location"])
    yield tokens.span(first)[0], tokens.span(first + 2)[1], quote_ident(mapped.name)
    del mapped.body["fields"][0]


def _map_call(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`tax(…)` → `"public".tax(…)`: the task's search path leaves out the schemas of the catalog's functions."""
    start, _end = tokens.span(tokens.at(mapped.body["location"]))
    yield start, start, f"{quote_ident(mapped.name)}."
    mapped.body["funcname"].insert(0, {"String": {"sval": mapped.name}})


def _map_type(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`NULL::public.orders` → `NULL::"orders"`."""
    first = tokens.at(mapped.body["location"])
    yield tokens.span(first)[0], tokens.span(first + 2)[1], quote_ident(mapped.name)
    mapped.body["names"] = [{"String": {"sval": mapped.name}}]


_SPLICES = {"RangeVar": _map_relation, "ColumnRef": _map_column, "FuncCall": _map_call, "TypeName": _map_type}


def _apply(text: bytes, splices: list[Splice]) -> tuple[str, tuple[Edit, ...]]:
    parts: list[str] = []
    edits: list[Edit] = []
    done = asked = 0  # bytes and characters of the text as asked
    for start, end, replacement in splices:
        kept, dropped = text[done:start].decode(), text[start:end].decode()
        parts += (kept, replacement)
        edits.append(Edit(asked + len(kept), asked + len(kept) + len(dropped), len(replacement)))
        asked += len(kept) + len(dropped)
        done = end
    return "".join([*parts, text[done:].decode()]), tuple(edits)


def _is_same(one: object, other: object) -> bool:
    """Whether two trees are equal but for where their nodes stood. Keeps a stack of its own, as trees are deep."""
    pairs = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if (left.keys() ^ right.keys()) - _PLACES:
                return False
            pairs.extend((left[key], right[key]) for key in left.keys() & right.keys() - _PLACES)
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif left != right:
            return False
    return True

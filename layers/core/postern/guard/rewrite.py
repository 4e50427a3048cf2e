"""Mapping qualifiers: `public.orders` runs as the task's view `orders`.

Only the qualified names change, in place, and everything else stays as the agent wrote it. What comes out
is parsed again and must be the tree that was asked with exactly these names changed, or the statement is
refused: nothing rests on the splicing being right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postern.guard.explain import COSTS_OFF
from postern.guard.findings import Mapped
from postern.guard.samples import condition
from postern.guard.source import Node, Source, messages_in, read
from postern.guard.verdict import Edit, Objection, Refused
from postern.world.names import quote_ident, quote_qualified

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

    def closing(self, index: int) -> int:
        """The parenthesis that closes the one at `index`."""
        depth = 0
        while True:
            depth += {"(": 1, ")": -1}.get(self.text(index), 0)
            if depth == 0:
                return index
            index += 1
            if index >= len(self._spans):
                raise LookupError("an open parenthesis")

    def between(self, first: int, last: int) -> str:
        """The text from one token to another, both of them included."""
        return self._text[self._spans[first][0] : self._spans[last][1]].decode()

    def is_dotted(self, index: int) -> bool:
        return self.text(index + 1) == "."


def rewrite(source: Source, mapped: list[Mapped]) -> Rewritten | Objection:
    """The statement with each mapped name as the task's schema has it. Changes the tree of `source` to match."""
    tokens = _Tokens(source)
    try:
        # A set: the grammar shows the source of `SET (a, b) = (SELECT …)` once for each column.
        in_order = sorted(mapped, key=lambda name: name.node == "RangeTableSample")
        splices = sorted({splice for name in in_order for splice in _SPLICES[name.node](tokens, name)})
    except LookupError:  # a name spelled with UESCAPE has more tokens than it has parts
        return _objection_to_text()
    if any(name.node == "RangeTableSample" for name in mapped):
        _rename_samples(source.body)
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
    asked, last = body["relname"], first + (4 if "catalogname" in body else 2)
    name = quote_qualified(mapped.schema, mapped.name) if mapped.schema else quote_ident(mapped.name)
    yield tokens.span(first)[0], tokens.span(last)[1], name
    if mapped.name != asked and "alias" not in body and mapped.keeps_name:
        if tokens.text(first - 1) == "(" and tokens.text(first - 2) == "only":
            last += 1  # FROM ONLY (sales.orders)
        elif tokens.text(last + 1) == "*" and body.get("inh"):
            last += 1  # FROM sales.orders *
        yield tokens.span(last)[1], tokens.span(last)[1], f" AS {quote_ident(asked)}"
        if tokens.text(first - 1) == "table":  # TABLE takes no alias, and means SELECT * FROM
            yield *tokens.span(first - 1), "SELECT * FROM"
        body["alias"] = {"aliasname": asked}
    body.pop("catalogname", None)
    body.pop("schemaname")
    if mapped.schema:
        body["schemaname"] = mapped.schema
    body["relname"] = mapped.name


def _map_column(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`public.orders.id` → `"orders".id`, or `"sales.orders".id` beside another of that name."""
    first = tokens.at(mapped.body["location"])
    yield tokens.span(first)[0], tokens.span(first + 2)[1], quote_ident(mapped.name)
    mapped.body["fields"][:2] = [{"String": {"sval": mapped.name}}]


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


def _map_own_type(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`'sent'::order_status` → `'sent'::"public".order_status`: the task's search path leaves out that schema."""
    start, _end = tokens.span(tokens.at(mapped.body["location"]))
    yield start, start, f"{quote_ident(mapped.name)}."
    mapped.body["names"].insert(0, {"String": {"sval": mapped.name}})


def _map_group(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`GROUP BY c.id` → `GROUP BY "c"."name", c.id`, where the key decides the name."""
    items, columns = mapped.body["query"]["groupClause"], mapped.body["columns"]
    text, added = "", list[Node]()
    last = tokens.at(
        min((part["location"] for part in messages_in(items[0]) if part.get("location", 0) > 0), default=0)
    )
    while (tokens.text(last - 1), tokens.text(last)) != ("group", "by"):
        last -= 1
        if last < 0:
            raise LookupError("no GROUP BY")
    last += tokens.text(last + 1) in {"all", "distinct"}
    end = tokens.span(last)[1]
    for names in columns:
        # A whole row's name by itself could be that of an output.
        star: list[Node] = [] if names[1:] else [{"A_Star": {}}]
        added.append({"ColumnRef": {"fields": [*({"String": {"sval": name}} for name in names), *star]}})
        text += f" {'.'.join(map(quote_ident, names))}{'.*' if star else ''},"
    yield end, end, text
    items[:0] = added


def _map_sample(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`track AS t TABLESAMPLE SYSTEM (10)` → `(SELECT * FROM track WHERE random() * 100 < (10)) AS t`.

    Comes after its relation was mapped, which may have got an alias of its own.
    """
    relation = mapped.body["relation"]["RangeVar"]
    method = tokens.at(mapped.body["location"])
    share = method + 1
    while tokens.text(share) != "(":  # pg_catalog.bernoulli
        share += 1
    share_end = tokens.closing(share)
    is_repeatable = "repeatable" in mapped.body
    clause_end = tokens.closing(share_end + 2) if is_repeatable else share_end
    seed = tokens.between(share_end + 2, clause_end) if is_repeatable else None
    called = relation["relname"] if mapped.name else relation.get("alias", {}).get("aliasname", relation["relname"])
    taken = condition(tokens.between(share, share_end), seed, called)
    first = tokens.at(relation["location"])
    last = first
    while tokens.is_dotted(last):
        last += 2
    last += tokens.text(last + 1) == "*"
    yield tokens.span(first)[0], tokens.span(first)[0], "(SELECT * FROM "
    name = "" if mapped.name else f" AS {quote_ident(called)}"
    yield tokens.span(last)[1], tokens.span(last)[1], f" WHERE {taken}){name}"
    yield tokens.span(method - 1)[0], tokens.span(clause_end)[1], ""
    outer = relation.pop("alias") if mapped.name else {"aliasname": called}
    inner = read(f"SELECT * FROM x WHERE {taken}")
    tree = inner.body if isinstance(inner, Source) else {}
    subquery = {"SelectStmt": {**tree, "fromClause": [{"RangeVar": dict(relation)}]}}
    mapped.body.clear()
    mapped.body.update(subquery=subquery, alias=outer)


def _rename_samples(node: Node) -> None:
    """A sample's node has by now become that of a subquery."""
    pending: list[object] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            if "subquery" in part.get("RangeTableSample", {}):
                part["RangeSubselect"] = part.pop("RangeTableSample")
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def _map_explain(tokens: _Tokens, mapped: Mapped) -> Iterator[Splice]:
    """`EXPLAIN SELECT` → `EXPLAIN (COSTS OFF) SELECT`, and `EXPLAIN (COSTS FALSE) SELECT` as well."""
    last = tokens.closing(1) if "options" in mapped.body else 0
    yield tokens.span(0)[0], tokens.span(last)[1], "EXPLAIN (COSTS OFF)"
    mapped.body["options"] = [COSTS_OFF]


_SPLICES = {
    "ColumnRef": _map_column,
    "ExplainStmt": _map_explain,
    "FuncCall": _map_call,
    "GroupBy": _map_group,
    "OwnType": _map_own_type,
    "RangeTableSample": _map_sample,
    "RangeVar": _map_relation,
    "TypeName": _map_type,
}


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

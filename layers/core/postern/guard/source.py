"""From a statement's text to PostgreSQL's own parse tree, with bounds.

The tree is libpg_query's JSON form, which reads four times faster than its protobuf form and is not bound
to protobuf's depth of 100 messages: a chain of fifty `||` or joins is an ordinary statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from postern.guard.signs import objection_to_signs
from postern.guard.verdict import Objection, Refused

Node = dict[str, Any]  # one message: field name to a plain value, a message, or a list of messages

MAX_CHARACTERS = 100_000
# A tree is at most half as deep as its statement has tokens, and the parser's recursion takes up to 170 bytes of
# stack a level: so a thread of 2 MB is enough, and no statement can end the process.
MAX_TOKENS = 20_000
MAX_LEVELS = 700  # of JSON nesting; CPython's decoder gives up near 1,000 less the frames in use
_MAX_MESSAGE_CHARACTERS = 300  # PostgreSQL quotes the offending token, which may be a literal of any length


@dataclass(frozen=True, slots=True)
class Source:
    """One statement: its text, its UTF-8 bytes, its node's name and body, and its fingerprint."""

    sql: str
    encoded: bytes
    node: str
    body: Node
    fingerprint: str

    def position(self, offset: int | None) -> int | None:
        """The 1-based character at a byte offset of a node; None where the node has no place."""
        if offset is None or not 0 <= offset <= len(self.encoded):
            return None
        return len(self.encoded[:offset].decode("utf-8", "replace")) + 1


def read(sql: str) -> Source | Refused:
    """Parses exactly one statement, or tells why it is none."""
    encoded = _encode(sql)
    if isinstance(encoded, Refused):
        return encoded
    if len(encoded) > MAX_TOKENS and (tokens := count_tokens(sql)) > MAX_TOKENS:
        reason = f"statement: expected at most {MAX_TOKENS} words and signs, got {tokens}; use params for long lists"
        return Refused("guard.length", reason, None, None)
    parsed = parse(encoded)
    if isinstance(parsed, Refused):
        return parsed
    fingerprint = _fingerprint(encoded)
    if parsed is None or fingerprint is None:
        return refuse_depth(fingerprint)
    statements = parsed["stmts"]
    if len(statements) != 1:
        reason = f"statement: expected exactly one, got {len(statements)}; send each in a request of its own"
        return Refused("guard.statements", reason, None, fingerprint)
    ((node, body),) = statements[0]["stmt"].items()
    return Source(sql, encoded, node, body, fingerprint)


def fingerprint(sql: str) -> str | None:
    """libpg_query's fingerprint, 16 hex digits; None where the text does not parse or passes a bound."""
    encoded = _encode(sql)
    if isinstance(encoded, Refused) or (len(encoded) > MAX_TOKENS and count_tokens(sql) > MAX_TOKENS):
        return None
    return _fingerprint(encoded)


def messages_in(tree: Node) -> Iterator[Node]:
    """Every message of a tree, in no order that means anything; a message that a name wraps, and the wrapping."""
    pending: list[object] = [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending += part
        elif isinstance(part, dict):
            pending += part.values()
            yield part


def objection_to_depth() -> Objection:
    """The refusal of a statement that nests too deeply."""
    reason = f"statement: expected at most {MAX_LEVELS} levels of nesting; break it into parts"
    return Objection("guard.depth", reason)


def refuse_depth(fingerprint: str | None) -> Refused:
    """`objection_to_depth` where there is no tree to walk."""
    objection = objection_to_depth()
    return Refused(objection.code, objection.reason, None, fingerprint)


def _encode(sql: str) -> bytes | Refused:
    if len(sql) > MAX_CHARACTERS:
        reason = f"statement: expected at most {MAX_CHARACTERS} characters, got {len(sql)}; shorten it or use params"
        return Refused("guard.length", reason, None, None)
    if (place := sql.find("\0")) >= 0:
        # The parser and the wire protocol would both end the text here, and hide what follows from the record.
        return Refused("guard.nul", "statement: expected text without NUL; remove it", place + 1, None)
    try:
        encoded = sql.encode("utf-8")
    except UnicodeEncodeError as error:
        reason = "statement: expected Unicode text, got a lone surrogate; send valid UTF-8"
        return Refused("sql.syntax", reason, error.start + 1, None)
    if (objection := objection_to_signs(encoded, "statement")) is not None:
        return Refused(objection.code, objection.reason, None, None)
    return encoded


def count_tokens(sql: str) -> int:
    """The words and signs of a text; 0 where they cannot be told apart, which the parser then says."""
    from postgast import PgQueryError, scan

    try:
        return len(scan(sql).tokens)
    except PgQueryError:
        return 0  # the parser stops at the same place, and says where


def parse(encoded: bytes) -> Node | Refused | None:
    """The tree of any number of statements, below `stmts`; None where it nests deeper than it can be read.

    The text holds no NUL and at most MAX_TOKENS words and signs: `read` sees to that, others must.
    """
    from postgast.native import lib

    result = lib.pg_query_parse(encoded)
    try:
        if result.error:
            error = result.error.contents
            return _refuse_syntax(error.message.decode("utf-8", "replace"), error.cursorpos)
        text: bytes = result.parse_tree
    finally:
        lib.pg_query_free_parse_result(result)
    try:
        tree: Node = json.loads(text)
    except RecursionError:
        return None
    return tree


def _refuse_syntax(message: str, cursor: int) -> Refused:
    """`cursor` is the parser's: 1-based and in characters, unlike the offsets of nodes; 0 where it has none."""
    if message.startswith("memory exhausted"):
        return refuse_depth(None)
    if len(message) > _MAX_MESSAGE_CHARACTERS:
        message = message[:_MAX_MESSAGE_CHARACTERS] + "…"
    return Refused("sql.syntax", message, cursor if cursor > 0 else None, None)


def _fingerprint(encoded: bytes) -> str | None:
    """16 hex digits; None where the statement nests too deeply to be read a second time."""
    from postgast.native import lib

    result = lib.pg_query_fingerprint(encoded)
    try:
        fingerprint: bytes | None = result.fingerprint_str
        return fingerprint.decode("ascii") if fingerprint and not result.error else None
    finally:
        lib.pg_query_free_fingerprint_result(result)

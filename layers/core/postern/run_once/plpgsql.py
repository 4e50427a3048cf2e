"""What a PL/pgSQL body says, word by word, before the server keeps it.

    1. no statement in it begins with a word of a closed kind
    2. definitions and SET are checked as the statements of a run are
    3. functions that it calls, and schemas and catalogs that it names, are checked as in a run
    4. SQL that it puts together (EXECUTE) is checked with names and values left open: see `dynamic`

PL/pgSQL has a grammar of its own, of which libpg_query reads a part only; its words are PostgreSQL's, so they are
what is judged. What a body does with rows is read by its approvers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postern.guard.verdict import Objection
from postern.run_once.assignments import Assignments
from postern.run_once.dynamic import check_dynamic
from postern.run_once.findings import Findings
from postern.run_once.functions import OF_SETTINGS, check_name
from postern.run_once.kinds import objection_to_statement
from postern.run_once.names import objection_to_relation, objection_to_schema
from postern.run_once.texts import check_text
from postern.run_once.tokens import Token, plain_text, tokens_of
from postern.run_once.word_lists import words

_BEFORE_STATEMENTS = frozenset({";", "begin", "then", "else", "loop", ">>"})
_BEFORE_QUERIES = _BEFORE_STATEMENTS | {"in", "for", "query"}
# After a word that could begin a statement, these tell that it is a variable's or a column's name.
_AFTER_NAMES = words(":= = :: . , ) ] [ + - * / || < > <> end else when and or then")
_CLOSED = {
    "abort": "TransactionStmt",
    "checkpoint": "CheckPointStmt",
    "copy": "CopyStmt",
    "deallocate": "DeallocateStmt",
    "discard": "DiscardStmt",
    "do": "DoStmt",
    "explain": "ExplainStmt",
    "grant": "GrantStmt",
    "import": "ImportForeignSchemaStmt",
    "listen": "ListenStmt",
    "load": "LoadStmt",
    "notify": "NotifyStmt",
    "prepare": "PrepareStmt",
    "reassign": "ReassignOwnedStmt",
    "release": "TransactionStmt",
    "reset": "VariableSetStmt",
    "revoke": "GrantStmt",
    "savepoint": "TransactionStmt",
    "security": "SecLabelStmt",
    "show": "VariableShowStmt",
    "start": "TransactionStmt",
    "unlisten": "UnlistenStmt",
}
_CHECKED = words("alter analyse analyze cluster comment create drop lock refresh reindex set truncate vacuum")
# Words of GET DIAGNOSTICS, and types of pg_catalog for data.
_OPEN_PG = words("""
    pg_catalog pg_context pg_datatype_name pg_exception_context pg_exception_detail pg_exception_hint pg_lsn
    pg_routine_oid pg_snapshot pg_temp
    """)
_END_OF_DYNAMIC = frozenset({";", "into", "using"})


@dataclass(slots=True)
class Body:
    """A body's text and words, and where the reading stands."""

    text: bytes
    tokens: list[Token]
    assignments: Assignments

    def slice(self, first: int, end: int) -> str:
        """The text from one token to before another."""
        if first >= end:
            return ""
        return self.text[self.tokens[first].start : self.tokens[end - 1].end].decode("utf-8", "replace")

    def begins(self, place: int, before: frozenset[str]) -> bool:
        """Whether a word can be the first of a statement, by the words beside it."""
        token = self.tokens[place]
        following = self.tokens[place + 1] if place + 1 < len(self.tokens) else None
        previous = self.tokens[place - 1] if place else None
        is_first = previous is None or (not previous.quoted and previous.word in before)
        return is_first and not token.quoted and not _is_after_name(following, previous, token)

    def end_of_dynamic(self, place: int) -> int:
        """Where the expression of an EXECUTE ends. LOOP ends it in a loop only: elsewhere it is a name."""
        is_looped = place > 0 and self.tokens[place - 1].word == "in"
        return self.until(place + 1, _END_OF_DYNAMIC | {"loop"} if is_looped else _END_OF_DYNAMIC)

    def until(self, first: int, words: frozenset[str]) -> int:
        """The place of the first of some words outside of parentheses; the end where there is none."""
        level = 0
        for place in range(first, len(self.tokens)):
            token = self.tokens[place]
            if level == 0 and not token.quoted and token.kind != "SCONST" and token.word in words:
                return place
            level += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.word if not token.quoted else "", 0)
        return len(self.tokens)


def check_plpgsql(findings: Findings, text: str, parameters: Iterable[str]) -> Objection | None:
    """A PL/pgSQL body: the first thing in it that a run may not bring into the database."""
    tokens = tokens_of(text)
    if isinstance(tokens, Objection):
        return tokens
    body = Body(text.encode("utf-8"), tokens, Assignments.of(text, tokens, parameters))
    place = 0
    while place < len(tokens):
        if body.begins(place, _BEFORE_STATEMENTS) and tokens[place].word in _CHECKED:
            end = body.until(place, frozenset({";"}))
            objection = check_text(findings, body.slice(place, end), "function body")
            following = end
        else:
            objection, following = _check_word(findings, body, place), place + 1
        if objection is not None:
            return objection
        place = following
    return None


def _check_word(findings: Findings, body: Body, place: int) -> Objection | None:
    """One word of a query, an expression or PL/pgSQL itself."""
    token = body.tokens[place]
    if not token.is_name:
        return None
    if token.word in _CLOSED and body.begins(place, _BEFORE_QUERIES):
        return objection_to_statement(_CLOSED[token.word])
    if token.word == "execute" and not token.quoted:
        findings.note("its body runs SQL that it puts together when it is called")
        end = body.end_of_dynamic(place)
        return check_dynamic(findings, body.slice(place + 1, end), body.assignments)
    return _check_name(findings, body.tokens, place)


def _check_name(findings: Findings, tokens: list[Token], place: int) -> Objection | None:
    token, following = tokens[place], tokens[place + 1] if place + 1 < len(tokens) else None
    before = _qualifiers(tokens, place)
    sign = following.word if following is not None and not following.quoted else ""
    if sign == ".":
        return None if token.word in _OPEN_PG else objection_to_schema(token.word, None)
    if sign == "(":
        constant = plain_text(tokens[place + 2]) if place + 2 < len(tokens) else None
        if token.word in OF_SETTINGS and (place + 3 >= len(tokens) or tokens[place + 3].word not in {",", ")"}):
            constant = None  # what goes on after the text can make it another
        return check_name(findings.inner(), [*before, token.word], [constant], None)
    if token.word.startswith("pg_") and token.word not in _OPEN_PG and before in ([], ["pg_catalog"]):
        return objection_to_relation([token.word], None)
    return None


def _is_after_name(following: Token | None, previous: Token | None, token: Token) -> bool:
    """Whether the word after another tells that the other begins no statement."""
    if following is None or following.quoted:
        return False
    if following.word == "nothing":  # of MERGE and ON CONFLICT; NOTHING is a table's name elsewhere, and so is LOOP
        return token.word == "do"
    if following.word == "loop":
        return previous is not None and previous.word in {"in", "for"}
    return following.word in _AFTER_NAMES


def _qualifiers(tokens: list[Token], place: int) -> list[str]:
    """The name before a name with a dot between, or none."""
    if place >= 2 and tokens[place - 1].word == "." and tokens[place - 2].is_name:
        return [tokens[place - 2].word]
    return []

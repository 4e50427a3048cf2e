"""The words and signs of a PL/pgSQL body, as PostgreSQL's scanner cuts them: PL/pgSQL reads its text with the same."""

from __future__ import annotations

from dataclasses import dataclass

from postern.guard.signs import objection_to_signs
from postern.guard.source import MAX_TOKENS
from postern.guard.verdict import Objection

_MOST_NAME_BYTES = 63
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_CONSTANTS = frozenset({"SCONST", "BCONST", "XCONST", "ICONST", "FCONST"})
# U&"\0070g_sleep" spells a name that nobody reads at a glance.
_ESCAPED = frozenset({"UIDENT", "USCONST"})


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign. `word` is what it means: a name in the case that PostgreSQL gives it, or the sign itself."""

    kind: str  # the scanner's: IDENT, SCONST, ASCII_59, or the keyword
    word: str
    start: int  # in bytes of the body
    end: int
    quoted: bool  # a name in double quotes: it is never a keyword

    @property
    def is_name(self) -> bool:
        """Whether it is a name or a keyword."""
        return self.quoted or (self.kind not in _CONSTANTS and (self.word[:1].isalpha() or self.word[:1] == "_"))


def tokens_of(body: str) -> list[Token] | Objection:
    """All words and signs of a body but its comments."""
    from postgast import PgQueryError, scan

    encoded = body.encode("utf-8")
    if (objection := objection_to_signs(encoded, "function body")) is not None:
        return objection
    try:
        scanned = scan(body).tokens
    except PgQueryError as error:
        return Objection("sql.syntax", f"function body: {error.message}")
    if len(scanned) > MAX_TOKENS:
        return Objection("guard.length", f"function body: expected at most {MAX_TOKENS} words and signs; divide it")
    found = []
    for token in scanned:
        kind = token.DESCRIPTOR.fields_by_name["token"].enum_type.values_by_number[token.token].name
        if kind in _COMMENTS:
            continue
        text = encoded[token.start : token.end].decode("utf-8", "replace")
        if kind in _ESCAPED:
            return Objection("guard.run_once", "function body: expected plain names and texts, got U&; write them out")
        found.append(_token(kind, text, token.start, token.end))
    return found


def _token(kind: str, text: str, start: int, end: int) -> Token:
    if text.startswith('"'):
        return Token("IDENT", _shortened(text[1:-1].replace('""', '"')), start, end, quoted=True)
    if kind == "IDENT":
        return Token(kind, _shortened(text.lower()), start, end, quoted=False)
    return Token(kind, text if kind == "SCONST" else text.lower(), start, end, quoted=False)


def _shortened(name: str) -> str:
    """A name as PostgreSQL keeps it: what is past 63 bytes makes no other name."""
    return name.encode("utf-8")[:_MOST_NAME_BYTES].decode("utf-8", "ignore")


def plain_text(token: Token) -> str | None:
    """The value of a text constant in plain quotes; None for anything else."""
    if token.kind == "SCONST" and token.word.startswith("'"):
        return token.word[1:-1].replace("''", "'")
    return None

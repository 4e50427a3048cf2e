"""A statement's text without its literals, as PostgreSQL's own scanner sees it.

    string, number, bit string, TRUE, FALSE   → $n, counted on from the statement's highest parameter
    quoted identifier that is not a known name → "?n", one number a name
    comment                                    → dropped
    what a detector finds in what is left      → its marker

Tokens and not tree nodes are replaced: every literal is a token of one of five kinds wherever it stands, while the
parser keeps some apart from its constants (type modifiers, UESCAPE, COMMENT, COPY) and libpg_query's own `normalize`
leaves those, and comments, as they are. Quoted identifiers are replaced because `"Ann Smith"` in the place of a
string is the commonest slip of all. A text that does not parse has no tokens to trust: it has no normalised form.

The fingerprint is taken of a shape of the statement in which all literals are alike, so that nothing of it depends on
one: libpg_query's own takes the text of COMMENT, COPY or a quoted name in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from postern.guard.source import fingerprint
from postern.masking.detectors import redact_text

# libpg_query's numbers of PostgreSQL 18's tokens; a test holds them against its own table.
IDENT, UIDENT, FCONST, SCONST, USCONST, BCONST, XCONST, ICONST, PARAM = 258, 259, 260, 261, 262, 263, 264, 266, 267
SQL_COMMENT, C_COMMENT = 275, 276
FALSE, IS, NOT, TRUE, UESCAPE = 421, 482, 550, 712, 717

# What stands for a literal in the shape: it parses wherever a literal of its kind does.
_SHAPES = {SCONST: "'?'", USCONST: "U&'?'", BCONST: "'?'", XCONST: "'?'", ICONST: "1", FCONST: "1"}
_ESCAPE_SHAPE = "'!'"  # UESCAPE takes one character
_COMMENTS = frozenset({SQL_COMMENT, C_COMMENT})


@dataclass(frozen=True, slots=True)
class Normalised:
    """A statement's text without its literals, and a fingerprint that depends on nothing else."""

    text: str
    fingerprint: str | None  # 16 hex digits; None where a detector found something in the text


def normalise(sql: str, known: Collection[str] = ()) -> Normalised | None:
    """The normalised form; None where the text does not parse or passes a bound of the guard.

    `known` are names that may be shown although they are quoted: those of the task's scope.
    """
    if fingerprint(sql) is None:
        return None
    shown: list[str] = []
    shape: list[str] = []
    for gap, written, alike in _Replacing(sql.encode(), known).tokens():
        shown += (_gap(shown[-1], gap, written) if shown else "", written)
        shape.append(alike)
    text = "".join(shown)
    looked_over = redact_text(text)
    # A name that a detector takes for a value could be searched for by its fingerprint.
    return Normalised(looked_over, fingerprint(" ".join(shape)) if looked_over == text else None)


@dataclass(slots=True)
class _Replacing:
    encoded: bytes
    known: Collection[str]
    literals: int = 0
    names: dict[bytes, int] = field(default_factory=dict)

    def tokens(self) -> Iterator[tuple[bytes, str, str]]:
        """The gap before each token, the token as it is shown, and as it stands in the shape."""
        from postgast import scan

        tokens = [token for token in scan(self.encoded.decode()).tokens if token.token not in _COMMENTS]
        self.literals = max((self._number(token) for token in tokens if token.token == PARAM), default=0)
        end, before = 0, (0, 0)
        for token in tokens:
            kind, raw = token.token, self.encoded[token.start : token.end]
            yield self.encoded[end : token.start], *self._replaced(kind, raw, before)
            end, before = token.end, (before[1], kind)

    def _number(self, token: object) -> int:
        return int(self.encoded[token.start + 1 : token.end])  # type: ignore[attr-defined]

    def _replaced(self, kind: int, raw: bytes, before: tuple[int, int]) -> tuple[str, str]:
        if kind in _SHAPES:
            return self._literal(), _ESCAPE_SHAPE if before[1] == UESCAPE else _SHAPES[kind]
        if kind in (TRUE, FALSE) and before[1] != IS and before != (IS, NOT):
            return self._literal(), "true"
        if kind == UIDENT or (kind == IDENT and raw.startswith(b'"') and not self._is_known(raw)):
            name = f'"?{self.names.setdefault(raw, len(self.names) + 1)}"'
            return name, f"U&{name}" if kind == UIDENT else name
        text = raw.decode()
        return text, text

    def _literal(self) -> str:
        self.literals += 1
        return f"${self.literals}"

    def _is_known(self, raw: bytes) -> bool:
        return raw[1:-1].decode().replace('""', '"') in self.known


def _gap(before: str, gap: bytes, after: str) -> str:
    """What stands between two tokens: white space of no length, and none of a comment that was there."""
    if gap:
        return "\n" if b"\n" in gap else " "
    # `'a'AND` is two tokens and `$1AND` none.
    return " " if _is_word(before[-1:]) and _is_word(after[:1]) else ""


def _is_word(character: str) -> bool:
    return character.isalnum() or character in {"_", "$"}

"""Variables of a PL/pgSQL body that are given one value in one place, so that EXECUTE of them can be read.

Whatever else could change a variable takes it out: a second assignment, a parameter of its name, an alias, INTO, a
loop, a diagnostic, a call, a type other than text, which could cut what it is given. An unassigned variable is NULL,
and EXECUTE of NULL is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from postern.run_once.tokens import Token
from postern.run_once.word_lists import words

_STARTS = frozenset({";", "begin", "then", "else", "loop", ">>", "declare"})
_SIGNS = frozenset({":=", "=", "default"})
# A statement that begins with one of these assigns nothing by a sign, unless it is a name here: see `_names_a_part`.
_ELSEWHERE = words("""
    assert call case close delete elsif execute exit fetch for foreach get if insert merge move on open perform raise
    return select set update when where while with
    """)
_FILLS = frozenset({"into", "for", "foreach", "strict"})
_FILLS_ANY = frozenset({"diagnostics", "call"})
_TEXTS = (["text"], ["varchar"], ["character", "varying"])


@dataclass(frozen=True, slots=True)
class Assignments:
    """The expressions of variables that are assigned exactly once, by name."""

    expressions: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(body: str, tokens: list[Token], parameters: Iterable[str]) -> Assignments:
        """Reads them from a body's words."""
        if any(token.word == "alias" and not token.quoted for token in tokens):
            return Assignments()  # two names for one variable
        reader = _Reader(body.encode("utf-8"), Counter(parameters))
        for statement, end in _statements(tokens):
            if statement:
                reader.take(statement, end)
        return Assignments({name: text for name, text in reader.found.items() if reader.times[name] == 1})


@dataclass(slots=True)
class _Reader:
    """Counts what each name is given. A name that is given anything which is not read has twice as much."""

    encoded: bytes
    times: Counter[str]
    found: dict[str, str] = field(default_factory=dict)

    def take(self, statement: list[Token], end: str) -> None:
        """One statement or declaration, and the word that ends it."""
        self.times.update(_filled(statement))
        first, following = statement[0], statement[1] if len(statement) > 1 else None
        is_part = following is not None and following.word in {".", "["}
        place = next((place for place, token in enumerate(statement) if _is_sign(token)), None)
        if not first.quoted and first.word in _ELSEWHERE and place != 1 and not is_part:
            self._close([first])  # or it declares a variable of such a name
        elif place is None:
            if following is not None and following.is_name and not _declares_text(statement):
                self._close([first])
        elif place == 0:
            self._close(statement)
        else:
            self._assign(statement, place, end)

    def _assign(self, statement: list[Token], place: int, end: str) -> None:
        # In `block.variable := …` the variable's name is not the first, and a second sign may be anything's.
        has_second = any(token.word == ":=" for token in statement[place + 1 :])
        self._close(statement[1:] if has_second else statement[1:place])
        name = statement[0].word
        self.times[name] += 1
        if end != ";" or (place > 1 and not _declares_text(statement[:place])):
            self._close(statement[:1])
        self.found[name] = self.encoded[statement[place].end : statement[-1].end].decode("utf-8", "replace")

    def _close(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            self.times[token.word] += 2


def _statements(tokens: list[Token]) -> Iterator[tuple[list[Token], str]]:
    """The words between those that begin or end a statement, and the one that ends it."""
    statement: list[Token] = []
    for token in tokens:
        if token.word in _STARTS and not token.quoted:
            yield statement, token.word
            statement = []
        else:
            statement.append(token)
    yield statement, ""


def _declares_text(declaration: list[Token]) -> bool:
    """Whether `name [CONSTANT] type [NOT NULL]` is of a type that keeps a text as it is."""
    names = [token.word if not token.quoted else "" for token in declaration[1:]]
    if names[:1] == ["constant"]:
        names = names[1:]
    if names[-2:] == ["not", "null"]:
        names = names[:-2]
    return names in _TEXTS


def _is_sign(token: Token) -> bool:
    return token.word in _SIGNS and not token.quoted


def _filled(statement: list[Token]) -> Iterator[str]:
    """The names that a statement fills otherwise: the list after INTO or FOR, or any in it."""
    filling = False
    for token in statement:
        if not token.quoted and token.word in _FILLS | _FILLS_ANY:
            if token.word in _FILLS_ANY:
                yield from (other.word for other in statement)
                return
            filling = True
        elif filling and token.is_name:
            yield token.word
        elif filling and token.word not in {",", "."} and token.kind != "PARAM":
            filling = False

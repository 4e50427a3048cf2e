"""What the guard says to a statement: allowed, with the text that runs, or refused, with a reason to act on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StatementKind(StrEnum):
    """The kinds of statement that can be allowed."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    EXPLAIN = "explain"


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of the statement as asked, in characters from 0, and the length of what runs in its place."""

    start: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class LookupUse:
    """A lookup parameter and a token column that it is compared with; one parameter may have several."""

    parameter: int  # the n of its $n
    schema: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """The statement stays inside the task's scope.

    `sql` is what was asked, byte for byte, unless `rewritten`: then names with a schema were mapped to the
    task's own views, in place, and what came out was checked like the first.
    """

    sql: str
    rewritten: bool
    kind: StatementKind
    writes: bool  # the statement itself, or a WITH query in it
    relations: tuple[str, ...]  # `schema.name` of every relation it reads or writes, sorted
    fingerprint: str  # libpg_query's, of the statement as asked: 16 hex digits
    parameters: int  # the highest n of its $n; 0 where it has none
    edits: tuple[Edit, ...] = ()  # in order of the text
    lookups: tuple[LookupUse, ...] = ()  # by parameter, then by column

    def position_as_asked(self, position: int) -> int:
        """Where in the statement as asked a position of `sql` is, such as an error's; both 1-based, in characters."""
        grown = 0
        for edit in self.edits:
            begins = edit.start + grown
            if position <= begins:
                break
            if position <= begins + edit.length:
                return edit.start + 1
            grown += edit.length - (edit.end - edit.start)
        return position - grown


@dataclass(frozen=True, slots=True)
class Refused:
    """The statement does not run. `reason` says what was expected, what was found, and what to do."""

    code: str  # one of errors.CODES, `guard.*` or `sql.syntax`
    reason: str
    position: int | None  # 1-based, in characters of the statement as asked
    fingerprint: str | None  # None where the statement does not parse


Verdict = Allowed | Refused


@dataclass(frozen=True, slots=True)
class Objection:
    """A refusal found in the tree; `offset` counts bytes of the UTF-8 text from 0, None where the node has no place."""

    code: str
    reason: str
    offset: int | None = None

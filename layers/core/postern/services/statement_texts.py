"""What records show of statements, by the deployment's mode: `full`, `normalized` or `sealed`.

In the latter two nothing that a literal decides leaves here in the open: texts are normalised, reasons are those of
their code, lengths are told in steps, and names that are not of the task's scope are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.audit.statements import Asked, Closed, Sealed
from postern.errors import CODES
from postern.guard.verdict import Allowed, Refused
from postern.ports import Lookup
from postern.seal_ports import SealKeys
from postern.services.commands import Command, Unit
from postern.statement_text.normalise import normalise
from postern.statement_text.padding import rounded_up
from postern.statement_text.sealing import Place, Unsealed, seal
from postern.types import CommandId, Grant, StatementText, Task, TaskId

HIDDEN = "[hidden]"  # stands for a name that is not of the task's scope


@dataclass(frozen=True, slots=True)
class StatementTexts:
    """The mode, and for `sealed` the log and where data keys come from."""

    mode: StatementText = StatementText.FULL
    log: str = ""
    keys: SealKeys | None = None

    def allowed(self, unit: Unit, command: Command, verdict: Allowed) -> Asked:
        """What the intent of a statement says of it that will run. Raises what `SealKeys.key_of` raises."""
        return self._asked(unit, command, verdict.sql, verdict.fingerprint, None)

    def refused(self, unit: Unit, command: Command, refused: Refused) -> Asked:
        """The same of one that will not."""
        return self._asked(unit, command, command.call.sql, refused.fingerprint, refused.reason)

    def once(
        self, task: Task, command_id: CommandId, key: bytes, sql: str, fingerprint: str | None, reason: str | None
    ) -> Asked:
        """What the intent of a statement that runs once says of it. Raises what `SealKeys.key_of` raises."""
        if self.mode is StatementText.FULL:
            return Asked(sql, sql, fingerprint, [], key)
        closed = self._closed_text(task, command_id, sql, sql, Unsealed(sql, sql, reason, key))
        return Asked(sql, sql, None, [], key, closed=closed)

    def words(self, code: str, reason: str) -> str:
        """A reason that may quote a statement, as a record may show it."""
        return reason if self.mode is StatementText.FULL else CODES[code]

    def reason(self, refused: Refused) -> str:
        """Why, in the guard's words; they quote the statement, so the other modes have the words of the code."""
        return self.words(refused.code, refused.reason)

    def answer_bytes(self, length: int) -> int:
        """An answer's length: it may echo a literal."""
        return length if self.mode is StatementText.FULL else rounded_up(length)

    def columns(self, task: Task, names: Sequence[str]) -> list[str]:
        """Names of result columns, which the statement chose."""
        if self.mode is StatementText.FULL:
            return list(names)
        known = _known_names(task.grant)
        return [name if name in known else HIDDEN for name in names]

    def _asked(self, unit: Unit, command: Command, ran: str, fingerprint: str | None, reason: str | None) -> Asked:
        # A value that is looked up is not recorded, not even by its digest.
        texts = [None if isinstance(one, Lookup) else one.text for one in command.call.parameters]
        sql, lookups = command.call.sql, command.call.lookups
        if self.mode is StatementText.FULL:
            return Asked(sql, ran, fingerprint, texts, command.key, lookups)
        grant = unit.reservation.task.grant
        # The caller wrote the class: where it is none of the task's it may be anything, the value itself for one.
        lookups = {number: name if name in grant.lookups else HIDDEN for number, name in lookups.items()}
        return Asked(sql, ran, None, texts, command.key, lookups, self._closed(unit, command, ran, reason))

    def _closed(self, unit: Unit, command: Command, ran: str, reason: str | None) -> Closed:
        content = Unsealed(command.call.sql, ran, reason, command.key)
        return self._closed_text(unit.reservation.task, command.id, command.call.sql, ran, content)

    def _closed_text(self, task: Task, command_id: CommandId, sql: str, ran: str, content: Unsealed) -> Closed:
        known = _known_names(task.grant)
        asked = normalise(sql, known)
        runs = None if ran == sql else normalise(ran, known)
        return Closed(
            mode=self.mode.value,
            text=None if asked is None else asked.text,
            ran=None if runs is None else runs.text,
            fingerprint=None if asked is None else asked.fingerprint,
            at_most_bytes=rounded_up(len(sql.encode())),
            sealed=self._sealed(task.id, command_id, content),
        )

    def _sealed(self, task_id: TaskId, command_id: CommandId, content: Unsealed) -> Sealed | None:
        if self.mode is not StatementText.SEALED:
            return None
        if self.keys is None:
            raise ValueError("statement text: expected a source of data keys in the mode sealed, got none")
        return seal(content, self.keys.key_of(task_id), Place(self.log, task_id, command_id))


def _known_names(grant: Grant) -> frozenset[str]:
    """The names of the task's scope: they are the catalog's, not the statement's."""
    tables = {name for table in grant.tables for name in (table.schema, table.name, table.view)}
    columns = {column.name for table in grant.tables for column in table.columns}
    functions = {part for name in grant.functions for part in name.split(".")}
    return frozenset({*tables, *columns, *functions, grant.database, grant.schema_default})

"""The records of one run's statements together with what is shown of them: the two never tell different things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from postern.errors import Conflict, EvidenceUnavailable, IntegrityError, PosternError
from postern.ports import TransactionMark
from postern.run_ports import Status
from postern.services.run_once_journal import RunCommand, RunJournal, RunUnit
from postern.services.run_once_progress import Progress
from postern.types import Sha256Hex

ATTEMPTS = 3  # at the record of what cannot be undone any more


@dataclass(frozen=True, slots=True)
class RunRecords:
    """Of statements whose intents are durable; these by the statement's place."""

    unit: RunUnit
    intents: Mapping[int, Sha256Hex]
    journal: RunJournal
    progress: Progress

    def end(self, command: RunCommand, status: Status, failed: PosternError | None, *, attempts: int = 1) -> None:
        """The outcome, and what is shown. One that cannot be written leaves an open intent, which the reaper closes."""
        self.progress.ended(command.index, status, failed)
        ran = self.progress.of(command.index)
        for _ in range(attempts):
            with suppress(EvidenceUnavailable, IntegrityError, Conflict):
                self.journal.end(
                    self.unit,
                    command,
                    self.intents[command.index],
                    status=status.value,
                    affected=ran.affected if status is Status.OK else None,
                    failed=failed,
                    duration_ms=ran.duration_ms or 0,
                )
                return

    def end_all(self, commands: Sequence[RunCommand], status: Status, failed: PosternError | None = None) -> None:
        for command in commands:
            self.end(command, status, failed)

    def pend(self, command: RunCommand, mark: TransactionMark) -> Sha256Hex:
        """The outcome before COMMIT. Raises as `RunJournal.pend` does."""
        ran, intent = self.progress.of(command.index), self.intents[command.index]
        return self.journal.pend(
            self.unit, command, intent, mark, affected=ran.affected, duration_ms=ran.duration_ms or 0
        )

    def committed(self, commands: Sequence[RunCommand], outcomes: Sequence[Sha256Hex]) -> None:
        """They are: what cannot be settled here, the reaper settles by asking the database."""
        for command, outcome in zip(commands, outcomes, strict=True):
            self.progress.ended(command.index, Status.OK, None)
            # A conflict is another's settlement, who came to the same.
            with suppress(EvidenceUnavailable, IntegrityError):
                self.journal.settle(self.unit, command, outcome, status="committed")

    def rolled_back(self, commands: Sequence[RunCommand], outcomes: Sequence[Sha256Hex], failed: PosternError) -> None:
        """Those that were pending are not committed, for what stopped them."""
        self.note_all(commands, Status.ROLLED_BACK, failed)
        sqlstate = getattr(failed, "sqlstate", None)
        with suppress(EvidenceUnavailable, IntegrityError):
            for command, outcome in zip(commands, outcomes, strict=False):
                self.journal.settle(self.unit, command, outcome, status="rolled_back", sqlstate=sqlstate)

    def note_all(self, commands: Sequence[RunCommand], status: Status, failed: PosternError | None) -> None:
        """What is shown alone: the records say as much as can be said."""
        for command in commands:
            self.progress.ended(command.index, status, failed)

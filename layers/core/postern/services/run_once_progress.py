"""How far a run has come, as it is shown. Nothing is decided by it; the records are the evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from postern.errors import PosternError, StateUnavailable
from postern.run_ports import Lock, StatementRun, Status
from postern.services.run_once_journal import RunCommand


@dataclass(slots=True)
class Progress:
    """What is known of each statement; `keep` puts it where it is shown."""

    keep: Callable[[tuple[StatementRun, ...]], None]
    statements: list[StatementRun] = field(default_factory=list)

    def begin(self, commands: Sequence[RunCommand]) -> None:
        self.statements = [StatementRun(command_id=command.id) for command in commands]
        self.show()

    def ran(self, index: int, affected: int | None, duration_ms: int, locks: tuple[Lock, ...] = ()) -> None:
        """A statement gave its answer. That it stands is another matter."""
        now = self.statements[index]
        self.statements[index] = replace(now, affected=affected, duration_ms=duration_ms, locks=locks)

    def ended(self, index: int, status: Status, failed: PosternError | None = None) -> None:
        sqlstate = getattr(failed, "sqlstate", None)
        code = None if failed is None else failed.code
        self.statements[index] = replace(self.statements[index], status=status, error=code, sqlstate=sqlstate)

    def stopped(self, by: PosternError) -> None:
        """What waits still will not run."""
        for index, statement in enumerate(self.statements):
            if statement.status is Status.WAITING:
                self.ended(index, Status.NOT_RUN, by)

    def untried(self, index: int) -> None:
        """A dry run leaves it out: it cannot run in a transaction, and has no records."""
        self.statements[index] = StatementRun(Status.NOT_TRIED)

    def show(self) -> None:
        # The records say what came of it; a table that is away must not stop or undo a run.
        with suppress(StateUnavailable):
            self.keep(tuple(self.statements))

    def of(self, index: int) -> StatementRun:
        return self.statements[index]

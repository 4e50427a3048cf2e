"""A task's database whose answers a test chooses, and its transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from postern.errors import DatabaseUnavailable, PosternError
from postern.ports import Limits, Parameter, Result, ResultColumn, TransactionMark
from postern.types import CommandId, DatabaseAddress, Task

ONE_ROW = Result(
    columns=(ResultColumn("id", 23, "integer", 4711, 1), ResultColumn("email", 25, "text", 4711, 2)),
    values=(["7"], ["a***@e***.com"]),
    row_count=1,
    affected=None,
    truncated=False,
    received_bytes=20,
)


MARK = TransactionMark("7711", 4242, "2026-09-21T14:13:20.000001Z", "7400000000000000001", rows_written=1)


@dataclass
class FakeDatabase:
    """A task's database whose answers a test chooses. `ran` is what reached it, and how the evidence stood then.

    `results` are given first, one a statement, then `result`. `events` is the life of transactions; only what a
    transaction committed counts as written.
    """

    result: Result | PosternError = ONE_ROW
    results: list[Result | PosternError] = field(default_factory=list)
    reachable: bool = True
    before_run: Callable[[], None] = lambda: None
    before_commit: Callable[[], None] = lambda: None
    mark_fails: PosternError | None = None
    commit_fails: PosternError | None = None
    written: int = 0
    ran: list[str] = field(default_factory=list)
    parameters: list[Sequence[Parameter]] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    read_only: list[bool] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def session(self, task: Task, address: DatabaseAddress) -> FakeDatabase:
        if not self.reachable:
            raise DatabaseUnavailable("database.unavailable", "no session could be had: try again")
        return self

    def discard(self) -> None:
        self.reachable = False

    def run(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, command_id: CommandId) -> Result:
        return self.take(sql, parameters, limits, read_only=True)

    def take(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, read_only: bool) -> Result:
        self.ran.append(sql)
        self.before_run()
        self.parameters.append(parameters)
        self.limits.append(limits)
        self.read_only.append(read_only)
        result = self.results.pop(0) if self.results else self.result
        if isinstance(result, PosternError):
            raise result
        return result

    def begin(self, limits: Limits, *, command_id: CommandId, read_only: bool) -> FakeTransaction:
        self.events.append("begin read only" if read_only else "begin")
        return FakeTransaction(self)


@dataclass
class FakeTransaction:
    """Keeps `ports.Transaction`'s contract: once ended or failed, nothing but `rollback` may be called."""

    database: FakeDatabase
    is_open: bool = True

    def run(
        self,
        sql: str,
        parameters: Sequence[Parameter],
        limits: Limits,
        *,
        read_only: bool,
        command_id: CommandId | None = None,
    ) -> Result:
        with self._undone_by_failure():
            assert command_id is not None
            return self.database.take(sql, parameters, limits, read_only=read_only)

    def mark(self) -> TransactionMark:
        with self._undone_by_failure():
            self.database.events.append("mark")
            if self.database.mark_fails is not None:
                raise self.database.mark_fails
            return replace(MARK, rows_written=self.database.written)

    def commit(self) -> None:
        with self._undone_by_failure():
            self.database.before_commit()
            self.database.events.append("commit")
            self.is_open = False
            if self.database.commit_fails is not None:
                raise self.database.commit_fails

    def rollback(self) -> None:
        self.database.events.append("rollback")
        self.is_open = False

    @contextmanager
    def _undone_by_failure(self) -> Iterator[None]:
        assert self.is_open
        try:
            yield
        except PosternError:
            self.is_open = False
            raise

"""Sessions of tasks' own roles: at most one is kept, for the task that was served last."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from postern.edges.postgres.connect import CONNECT_TIMEOUT_S, connect, is_role_full
from postern.edges.postgres.task_session import TaskSession
from postern.edges.postgres.wire import AgentConnection
from postern.errors import BudgetExceeded, DatabaseLost, DatabaseUnavailable, StatementFailed
from postern.types import DatabaseAddress, Secret, Task, TaskId
from postern.world.names import role_name

PARALLEL_RETRY_S = 5


class KeptSession:
    """Implements `ports.TaskDatabase`; `open_connection` makes a connection as a task's role. For one thread at a time.

    Between two statements the session is put back to how it was opened (`DISCARD ALL`), before the second one.
    """

    def __init__(self, open_connection: Callable[[Task, DatabaseAddress], AgentConnection]) -> None:
        self._open_connection = open_connection
        self._kept: _Kept | None = None

    def session(self, task: Task, address: DatabaseAddress) -> TaskSession:
        """The kept session if it is this task's and alive; a new one otherwise, after the kept one is closed."""
        if self._kept is not None and self._kept.is_for(task, address):
            # Where this fails, nothing of an agent's is under way: a new session is as good.
            with contextlib.suppress(DatabaseLost, StatementFailed):
                self._kept.connection.discard_all()
                return self._kept.session
        self.discard()
        connection = self._open_connection(task, address)
        self._kept = _Kept(task.id, address, connection)
        return self._kept.session

    def discard(self) -> None:
        """Closes the kept session, if there is one."""
        if self._kept is not None:
            self._kept.connection.close()
            self._kept = None


class _Kept:
    def __init__(self, task_id: TaskId, address: DatabaseAddress, connection: AgentConnection) -> None:
        self.task_id = task_id
        self.address = address
        self.connection = connection
        self.session = TaskSession(connection)

    def is_for(self, task: Task, address: DatabaseAddress) -> bool:
        return self.connection.is_open and (self.task_id, self.address) == (task.id, address)


def task_connections(
    mint: Callable[[Task, DatabaseAddress], Secret],
) -> Callable[[Task, DatabaseAddress], AgentConnection]:
    """Opens connections as a task's own role, each over a token of its own from `mint`.

    Raises `BudgetExceeded` (`task.parallel`) where the role has as many as it may, `DatabaseUnavailable`.
    """

    def open_as_task(task: Task, address: DatabaseAddress) -> AgentConnection:
        token = mint(task, address)
        try:
            return connect(address, role_name(task.id), token, timeout_s=CONNECT_TIMEOUT_S, application_name="postern")
        except DatabaseUnavailable as away:
            if not is_role_full(away.__cause__):
                raise
            detail = "the task runs as many statements at a time as it may: wait for one to end, then send it again"
            raise BudgetExceeded("task.parallel", detail, retry_after_s=PARALLEL_RETRY_S) from away

    return open_as_task

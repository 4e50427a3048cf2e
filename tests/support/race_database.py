"""A database of a race: statements and teardowns in two steps, so that something may come between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from postern.errors import Conflict, DatabaseLost, DatabaseUnavailable
from postern.ports import Limits, Maker, Parameter, Result, StandingRole, TeardownProof, World
from postern.types import CommandId, DatabaseAddress, Grant, Task, TaskId
from tests.support.domain import WORLD
from tests.support.fake_database import ONE_ROW


@dataclass
class RaceWorlds:
    """A database's worlds. Dropping one ends the statements that run in it: `wounded` has them."""

    standing: set[TaskId] = field(default_factory=set)
    running: list[Running] = field(default_factory=list)
    being_built: set[TaskId] = field(default_factory=set)
    half_done: int = 0  # so many of the next teardowns drop the world and then fail

    def build(
        self, task_id: TaskId, grant: Grant, address: DatabaseAddress, *, key: bytes, still_wanted: Callable[[], None]
    ) -> World:
        if task_id in self.standing or task_id in self.being_built:
            raise Conflict("task.state", "world: expected none, got one")
        self.being_built.add(task_id)
        try:
            still_wanted()
        finally:
            self.being_built.discard(task_id)
        self.standing.add(task_id)
        return WORLD

    def tear_down(
        self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None
    ) -> TeardownProof:
        if task_id in self.being_built:
            raise DatabaseUnavailable("database.unavailable", "lock timeout: a build is under way")
        still_goes()
        ended = [one for one in self.running if one.task_id == task_id]
        self.running = [one for one in self.running if one.task_id != task_id]
        self.standing.discard(task_id)
        if self.half_done:
            self.half_done -= 1
            raise DatabaseUnavailable("database.unavailable", "the session broke")
        return TeardownProof(sessions=0, schemas=0, roles=0, keys=0, terminated=len(ended))

    def roles(self, address: DatabaseAddress) -> list[StandingRole]:
        return [StandingRole(task_id, Maker.OURS, age_s=0) for task_id in sorted(self.standing)]


@dataclass(eq=False)
class Running:
    """A statement between its start and its answer."""

    task_id: TaskId


@dataclass
class RaceDatabase:
    """A task's database: a statement begins in a world that stands, and is answered only if it still does."""

    worlds: RaceWorlds
    ran: int = 0

    def session(self, task: Task) -> None:
        if task.id not in self.worlds.standing:
            raise DatabaseUnavailable("database.unavailable", "no such role")

    def begin_statement(self, task_id: TaskId) -> Running:
        if task_id not in self.worlds.standing:
            raise DatabaseLost("database.lost", "the session was terminated")
        self.ran += 1
        running = Running(task_id)
        self.worlds.running.append(running)
        return running

    def end_statement(self, running: Running) -> Result:
        if running not in self.worlds.running:
            raise DatabaseLost("database.lost", "the session was terminated")
        self.worlds.running.remove(running)
        return ONE_ROW


@dataclass
class Sessions:
    """`ports.TaskDatabase` over a database whose statements take two steps, so that something may come between."""

    database: Any
    task_id: TaskId | None = None

    def session(self, task: Task, address: DatabaseAddress) -> Sessions:
        self.database.session(task)
        return Sessions(self.database, task.id)

    def run(self, sql: str, parameters: list[Parameter], limits: Limits, *, command_id: CommandId) -> Result:
        result: Result = self.database.end_statement(self.database.begin_statement(self.task_id))
        return result

    def discard(self) -> None:
        pass

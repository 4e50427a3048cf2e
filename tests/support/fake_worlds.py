"""The provisioner's hands in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from postern.errors import PosternError
from postern.ports import TeardownProof, World
from postern.types import DatabaseAddress, Grant, TaskId
from tests.support.domain import WORLD


@dataclass
class FakeWorlds:
    """A provisioner's hands: which worlds stand, and what the next call does instead of its work."""

    standing: set[TaskId] = field(default_factory=set)
    build_fails: PosternError | None = None
    fails_after_commit: bool = False
    tear_down_fails: PosternError | None = None
    left: int = 0
    torn_down_at: list[DatabaseAddress] = field(default_factory=list)

    def build(
        self,
        task_id: TaskId,
        grant: Grant,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None] = lambda: None,
    ) -> World:
        assert task_id not in self.standing
        still_wanted()
        if self.fails_after_commit:
            self.standing.add(task_id)
        if self.build_fails is not None:
            raise self.build_fails
        self.standing.add(task_id)
        return WORLD

    def tear_down(
        self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None
    ) -> TeardownProof:
        if self.tear_down_fails is not None:
            raise self.tear_down_fails
        still_goes()
        self.torn_down_at.append(address)
        self.standing.discard(task_id)
        return TeardownProof(sessions=self.left, schemas=0, roles=0, keys=0, terminated=0)

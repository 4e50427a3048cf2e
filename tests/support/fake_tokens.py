"""The lookup whose tokens a test can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.errors import PosternError
from postern.ports import Sought
from postern.types import DatabaseAddress, Task


@dataclass
class FakeTokens:
    """Gives every value a token that tells which it is; `asked` is what it was asked."""

    fails: PosternError | None = None
    asked: list[Sought] = field(default_factory=list)

    def tokens(self, task: Task, address: DatabaseAddress, sought: Sequence[Sought]) -> list[str]:
        self.asked.extend(sought)
        if self.fails is not None:
            raise self.fails
        return [f"tok_of_{one.value.reveal()}" for one in sought]

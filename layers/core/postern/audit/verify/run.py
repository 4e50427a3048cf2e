"""How the tasks of a verification are carried out: one after the other, or by many processes. The caller decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")


class Run(Protocol):
    """Calls a function for each task, in any process, and gives what it returned in the order of the tasks."""

    def __call__(self, call: Callable[[Task], Done], tasks: Iterable[Task]) -> Iterator[Done]: ...

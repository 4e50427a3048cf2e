"""Work on many things at once, given in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")


def in_order(
    threads: Executor, work: Callable[[_Thing], _Result], things: Iterable[_Thing], *, ahead: int
) -> Iterator[_Result]:
    """What `work` gives for each thing. At most `ahead` are begun and not taken yet; those are cancelled at the end."""
    under_way: deque[Future[_Result]] = deque()
    try:
        for thing in things:
            under_way.append(threads.submit(work, thing))
            if len(under_way) >= ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()

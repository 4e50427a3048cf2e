"""The messages of several files in the order of their times, with no more files open than overlap."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from postern.reconcile.entries import Entry


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the log: when its first message was written, and how to read it from there."""

    first_us: int
    read: Callable[[], Iterator[Entry]]


def in_order(files: Sequence[LogFile]) -> Iterator[Entry]:
    """Every message. Each file is taken to be in order; it is opened when the others have come to its beginning."""
    waiting = sorted(files, key=lambda file: file.first_us, reverse=True)
    heads: list[tuple[int, int, Entry, Iterator[Entry]]] = []
    opened = 0
    while heads or waiting:
        while waiting and (not heads or waiting[-1].first_us <= heads[0][0]):
            entries = waiting.pop().read()
            if (entry := next(entries, None)) is not None:
                # Where times are equal the file that was opened first comes first, and each keeps its own order.
                heapq.heappush(heads, (entry.time_us, opened, entry, entries))
            opened += 1
        if not heads:
            return
        _, order, entry, entries = heads[0]
        yield entry
        following = next(entries, None)
        if following is None:
            heapq.heappop(heads)
        else:
            # A message may have the time of one before it; the file goes on all the same.
            time_us = max(following.time_us, entry.time_us)
            heapq.heapreplace(heads, (time_us, order, following, entries))

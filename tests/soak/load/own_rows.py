"""What an agent knows of its own rows while several of its calls are under way, and so what a read may show.

Each row has the versions that it may be at: one, once its last write was answered; those before and after while a
write is under way, or for ever where nobody could say what became of it. `None` is a row that is not there. What a
read may show is any version that its row could be at between the read's beginning and its end.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

Version = int | None
ABSENT: Final[Version] = None


@dataclass(eq=False)
class Watch:
    """One read: what each row could be at while it lasted."""

    may_be: dict[int, set[Version]]
    lock: threading.Lock  # of the rows: while the read is judged, other writes begin

    def wrong(self, shown: Mapping[int, int]) -> list[str]:
        """What is not as it must be in the rows that were shown, by number."""
        with self.lock:
            return list(self._wrong(shown))

    def _wrong(self, shown: Mapping[int, int]) -> Iterator[str]:
        for number, version in shown.items():
            if version not in self.may_be.get(number, {ABSENT}):
                yield f"row {number}: expected version {_words(self.may_be.get(number, {ABSENT}))}, got {version}"
        for number, versions in self.may_be.items():
            if number not in shown and ABSENT not in versions:
                yield f"row {number}: expected version {_words(versions)}, got no such row"


@dataclass(eq=False)
class OwnRows:
    """One agent's rows in one table."""

    _may_be: dict[int, set[Version]] = field(default_factory=dict)
    _watches: set[Watch] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """For as long as a read lasts."""
        with self._lock:
            watch = Watch({number: set(versions) for number, versions in self._may_be.items()}, self._lock)
            self._watches.add(watch)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)

    def begin_insert(self) -> int:
        """The number of a row that is about to be written, at version 0."""
        with self._lock:
            number = len(self._may_be)
            self._may_be[number] = {ABSENT}
            self._begin(number, 0)
            return number

    def begin_change(self, draw: random.Random, *, delete: bool = False) -> tuple[int, int] | None:
        """A row that is surely there and left alone meanwhile, and its version; None where there is none."""
        with self._lock:
            free = [
                number for number, versions in self._may_be.items() if len(versions) == 1 and ABSENT not in versions
            ]
            if not free:
                return None
            number = draw.choice(free)
            [version] = self._may_be[number]
            assert version is not None
            self._begin(number, ABSENT if delete else version + 1)
            return number, version

    def end(self, number: int, version: Version, *, is_sure: bool) -> None:
        """What the write came to: the row's version now. Not sure: before and after stay possible, for ever."""
        with self._lock:
            if is_sure:
                self._may_be[number] = {version}

    def all(self) -> Watch:
        """What the rows may be at when nothing is under way any more."""
        with self._lock:
            return Watch({number: set(versions) for number, versions in self._may_be.items()}, self._lock)

    def _begin(self, number: int, version: Version) -> None:
        self._may_be[number].add(version)
        for watch in self._watches:
            watch.may_be.setdefault(number, {ABSENT}).add(version)


def _words(versions: set[Version]) -> str:
    return " or ".join("none" if version is None else str(version) for version in sorted(versions, key=str))

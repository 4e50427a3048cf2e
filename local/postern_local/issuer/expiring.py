"""Things that live for a while under names that nobody can guess: pending requests, codes, refresh tokens."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

Clock = Callable[[], int]  # seconds of the epoch

_T = TypeVar("_T")


class Expiring(Generic[_T]):
    """At most `limit` things, the oldest dropped first. Its owner sees to it that one thread at a time uses it."""

    def __init__(self, clock: Clock, *, lifetime_s: int, limit: int = 1_000) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._limit = limit
        self._things: dict[str, tuple[int, _T]] = {}  # the oldest first

    def add(self, thing: _T, name: str | None = None) -> str:
        """Keeps the thing under a new name of 256 random bits, or the one given."""
        while len(self._things) >= self._limit:
            del self._things[next(iter(self._things))]
        name = secrets.token_urlsafe(32) if name is None else name
        self._things[name] = (self._clock() + self._lifetime_s, thing)
        return name

    def put(self, name: str, thing: _T) -> None:
        """The thing in the place of one that lives, whose time stays."""
        self._things[name] = (self._things[name][0], thing)

    def get(self, name: str) -> _T | None:
        """The thing, while it lives."""
        found = self._things.get(name)
        return found[1] if found is not None and self._clock() < found[0] else None

    def take(self, name: str) -> _T | None:
        """The thing, for the last time."""
        found = self.get(name)
        self._things.pop(name, None)
        return found

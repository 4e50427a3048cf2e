"""Key sets that environments share, in memory: the real table's contract is `tests/contract/test_shared_keys.py`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from postern.errors import StateUnavailable
from postern.identity.key_sets import SKEW_S, Ask, KeySet, Known
from postern.identity.keys import parse_key_set


@dataclass
class MemoryKeySets:
    """Keeps `SharedKeySets`'s contract in memory; while `away` it fails as a table that cannot be reached does."""

    away: bool = False
    calls: int = 0
    known: dict[str, Known] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, issuer_url: str) -> Known:
        self._reach()
        return self.known.get(issuer_url, Known())

    def claim(self, issuer_url: str, seen: Known, ask: Ask, *, now_s: int) -> bool:
        self._reach()
        with self._lock:
            known = self.known.get(issuer_url, Known())
            if known.paid_until_s != seen.paid_until_s:
                return False
            self.known[issuer_url] = replace(known, asked_at_s=now_s, paid_until_s=ask.paid_until_s)
            return True

    def put(self, issuer_url: str, key_set: bytes, *, fetched_at_s: int) -> None:
        self._reach()
        with self._lock:
            known = self.known.get(issuer_url, Known())
            kept_at_s = None if known.key_set is None else known.key_set.fetched_at_s
            if kept_at_s is None or kept_at_s <= fetched_at_s or kept_at_s > fetched_at_s + SKEW_S:
                self.known[issuer_url] = replace(known, key_set=KeySet(parse_key_set(key_set), fetched_at_s))

    def _reach(self) -> None:
        self.calls += 1
        if self.away:
            raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")

"""Entries of a log, each outcome and settlement with what its intent says: who sent it, to which database.

An intent lies in the same bundles as a rule. Where it does not, the index of the log tells where to look. The index is
a table that can be changed, so nothing else is taken from it: an intent is the one that says so itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from postern.audit.facts import Entry, Facts, joined
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.log_ports import LogTable
from postern.services.log_entries import AT_ONCE, LogEntries
from postern.tlog.tiles import TILE_WIDTH
from postern.types import CommandId


@dataclass(slots=True)
class JoinedEntries:
    """For one call: it keeps what the intents say that were read, without their bytes."""

    entries: LogEntries
    table: LogTable
    is_wanted: Callable[[Facts], bool]  # whether an outcome or settlement need be joined
    _intents: dict[CommandId, Facts] = field(default_factory=dict)

    def read(self, numbers: Sequence[int]) -> list[list[Entry]]:
        """The entries of these bundles. What has no intent in the published log stays nobody's."""
        bundles = self.entries.read(numbers)
        for bundle in bundles:
            self._keep(bundle)
        following = [one for bundle in bundles for one in bundle if isinstance(one, Facts) and one.follows]
        self._fetch({one.stored.id for one in following if self._lacks(one)})
        return [[self._joined(one) for one in bundle] for bundle in bundles]

    def _keep(self, entries: Iterable[Entry]) -> None:
        for one in entries:
            if isinstance(one, Facts) and one.stored.type is RecordType.INTENT:
                self._intents[one.stored.id] = replace(one, data=b"")

    def _lacks(self, facts: Facts) -> bool:
        return facts.stored.id not in self._intents and self.is_wanted(facts)

    def _fetch(self, ids: Iterable[CommandId]) -> None:
        keys = [record_key(self.entries.log, RecordType.INTENT, id_) for id_ in sorted(ids)]
        if not keys:
            return
        places = self.table.positions(keys).values()
        numbers = sorted({place // TILE_WIDTH for place in places if place < self.entries.size})
        for first in range(0, len(numbers), AT_ONCE):
            for bundle in self.entries.read(numbers[first : first + AT_ONCE]):
                self._keep(bundle)

    def _joined(self, entry: Entry) -> Entry:
        if not isinstance(entry, Facts) or not entry.follows:
            return entry
        intent = self._intents.get(entry.stored.id)
        return entry if intent is None else joined(entry, intent)

"""Which objects of a log are under a published checkpoint, and which are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postern.log_ports import LogBuckets, LogTable, WalVersion
from postern.reap_ports import Epochs, Quarantines, SigningKeys
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.notes import VerifierKey, parse_vkey, verifier_key
from postern.tlog.origins import origin_of

_ASKED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Published:
    """The last checkpoint of a log, verified, and the note as it is in the bucket."""

    checkpoint: Checkpoint
    note: bytes


@dataclass(frozen=True, slots=True)
class SortedOut:
    """What is not covered, of what was asked about, and what there was no time to ask about."""

    uncovered: list[WalVersion]
    unasked: Sequence[WalVersion]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reads what is published of the deployment's logs."""

    table: LogTable
    buckets: LogBuckets
    epochs: Epochs
    quarantines: Quarantines
    signing: SigningKeys
    deployment: str

    def published(self, log: str) -> Published | None:
        """None before the first checkpoint. Raises `IntegrityError` where no key that signs the log signed it."""
        latest = self.buckets(log).latest_checkpoint()
        if latest is None:
            return None
        origin = origin_of(self.deployment, log)
        return Published(open_checkpoint(latest[0], self._vkeys(log, origin), origin), latest[0])

    def uncovered(self, log: str, versions: Sequence[WalVersion]) -> list[WalVersion]:
        """Those that are in no published tree and not quarantined. Reads what is published even for none."""
        return self.sort_out(log, versions, is_late=lambda: False, enough=len(versions)).uncovered

    def sort_out(
        self, log: str, versions: Sequence[WalVersion], *, is_late: Callable[[], bool], enough: int
    ) -> SortedOut:
        """As `uncovered`, but looks at no more once so many have no place, or it is late."""
        places: dict[str, int] = {}
        asked = 0
        while asked < len(versions) and asked - len(places) < max(1, enough) and not is_late():
            chunk = versions[asked : asked + _ASKED_AT_ONCE]
            places.update(self.table.positions([version.key for version in chunk]))
            asked += len(chunk)
        # After the positions: what had a place then is under this checkpoint or was not published yet.
        published = self.published(log)
        size = 0 if published is None else published.checkpoint.size
        left = [version for version in versions[:asked] if places.get(version.key, size) >= size]
        recorded = self.quarantines.recorded([version.key for version in left])
        return SortedOut([version for version in left if version.key not in recorded], versions[asked:])

    def _vkeys(self, log: str, origin: str) -> list[VerifierKey]:
        """The keys on record, and those that sign now: a rotation is on record a little later than it begins."""
        told = self.epochs.keys(log)
        on_record = [] if told is None else [parse_vkey(one.vkey) for one in told.keys]
        now = [verifier_key(origin, public) for public in self.signing.public]
        return list(dict.fromkeys([*on_record, *now]))


def is_too_large(version: WalVersion) -> bool:
    """Whether an object cannot become an entry, whatever it holds."""
    return version.size > MAX_ENTRY_BYTES

"""Which objects of a log are under a published checkpoint, and which are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.log_ports import LogBuckets, LogTable, WalVersion
from postern.reap_ports import Epochs, Quarantines, SigningKeys
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.notes import VerifierKey, parse_vkey, verifier_key
from postern.tlog.origins import origin_of


@dataclass(frozen=True, slots=True)
class Published:
    """The last checkpoint of a log, verified, and the note as it is in the bucket."""

    checkpoint: Checkpoint
    note: bytes


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
        """Those that are in no published tree and not quarantined."""
        places = self.table.positions([version.key for version in versions])
        # After the positions: what had a place then is under this checkpoint or was not published yet.
        published = self.published(log)
        size = 0 if published is None else published.checkpoint.size
        left = [version for version in versions if places.get(version.key, size) >= size]
        recorded = self.quarantines.recorded([version.key for version in left if is_too_large(version)])
        return [version for version in left if version.key not in recorded]

    def _vkeys(self, log: str, origin: str) -> list[VerifierKey]:
        """The keys on record, and those that sign now: a rotation is on record a little later than it begins."""
        told = self.epochs.keys(log)
        on_record = [] if told is None else [parse_vkey(one.vkey) for one in told.keys]
        now = [verifier_key(origin, public) for public in self.signing.public]
        return list(dict.fromkeys([*on_record, *now]))


def is_too_large(version: WalVersion) -> bool:
    """Whether an object cannot become an entry, whatever it holds."""
    return version.size > MAX_ENTRY_BYTES

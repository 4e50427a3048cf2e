"""Objects that cannot become entries: an event says what each was, so that its absence from the tree is no gap.

Crash points, by what is durable when the process dies:
    id fixed         the next pass writes the event under the same id
    event written    the next pass finds its id taken, and marks it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.audit.digests import sha256_hex
from postern.audit.keys import record_key
from postern.audit.log_bodies import quarantine_event
from postern.audit.records import RecordType
from postern.errors import EvidenceUnavailable, PosternError
from postern.log_ports import Wal, WalVersion
from postern.ports import Clock, Identifiers, RecordStore
from postern.reap_ports import Epochs, Quarantines
from postern.services.reap.coverage import is_too_large
from postern.services.reap.fixed_events import put_fixed
from postern.services.stopwatch import Stopwatch
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.types import Sha256Hex

MAX_DIGESTED_BYTES = 16 * 1024 * 1024  # a larger object is told without its digest
LEAST_LEFT_S = 5.0
UNREAD_FROM_US = 2_400_000_000  # from storing to the first try to read it, so that it ends before the gate closes
UNREAD_FOR_US = 600_000_000  # from the first try that failed
TRIED_AT_ONCE = 100


@dataclass(slots=True)
class Quarantined:
    """What a run came to."""

    done: int = 0  # on record now that were not before
    faults: list[PosternError] = field(default_factory=list)


@dataclass(slots=True)
class Quarantine:
    """Puts what cannot become an entry into quarantine. One a log and environment.

    That is what is too large; and what S3 did not give for almost an hour (encrypted under a key that is not ours),
    while it gave the log's first record at each try: a bucket that is away quarantines nothing.
    """

    log: str
    wal: Wal
    quarantines: Quarantines
    epochs: Epochs
    identifiers: Identifiers
    clock: Clock
    _unread: dict[str, int] = field(default_factory=dict, repr=False)  # key -> when the first try failed

    def run(self, records: RecordStore, uncovered: Sequence[WalVersion], watch: Stopwatch) -> Quarantined:
        """What time does not suffice for waits for the next pass; what fails stands in no other's way."""
        done = Quarantined()
        due = [(one, f"size: expected at most {MAX_ENTRY_BYTES} bytes") for one in uncovered if is_too_large(one)]
        try:
            due += [(one, _UNREAD) for one in self._find_unread(uncovered)]
        except PosternError as fault:
            done.faults.append(fault)
        for version, reason in due:
            if watch.left_s() < LEAST_LEFT_S:
                break
            try:
                done.done += self._tell(records, version, reason)
            except PosternError as fault:
                done.faults.append(fault)
        return done

    def _tell(self, records: RecordStore, version: WalVersion, reason: str) -> bool:
        """Whether this was the first to tell of it."""
        digest = None if reason == _UNREAD else self._digest(version)
        now_us = self.clock.now_us()
        fixed = self.quarantines.fix(version.key, self.identifiers.command_id(now_us), now_us)
        if fixed.is_recorded:
            return False
        event = quarantine_event(
            fixed.event_id,
            fixed.time_us,
            key=version.key,
            version_id=version.version_id,
            size=version.size,
            sha256=digest,
            reason=reason,
        )
        put_fixed(records, event)
        self.quarantines.mark_recorded(version.key)
        return True

    def _digest(self, version: WalVersion) -> Sha256Hex | None:
        """None for what is too large to be read, or is not given for so long that it will not be."""
        if version.size > MAX_DIGESTED_BYTES:
            return None
        try:
            return sha256_hex(self.wal.read_version(version.key, version.version_id))
        except EvidenceUnavailable:
            if self.clock.now_us() - version.last_modified_us < UNREAD_FROM_US + UNREAD_FOR_US:
                raise
            return None

    def _find_unread(self, uncovered: Sequence[WalVersion]) -> list[WalVersion]:
        """Those that S3 did not give at any try since long."""
        now_us = self.clock.now_us()
        old = [
            version
            for version in sorted(uncovered, key=_stored_us)
            if not is_too_large(version) and now_us - version.last_modified_us >= UNREAD_FROM_US
        ][:TRIED_AT_ONCE]
        if not old or not self._is_given():
            return []
        given = self.wal.read_versions(old)
        for key in given:
            self._unread.pop(key, None)
        unread = [version for version in old if version.key not in given]
        return [one for one in unread if now_us - self._unread.setdefault(one.key, now_us) >= UNREAD_FOR_US]

    def _is_given(self) -> bool:
        """Whether S3 gives the log's first record, which nobody but the reaper wrote."""
        epoch = self.epochs.get(self.log)
        if epoch is None or epoch.begin is None:
            return False
        key = record_key(self.log, RecordType.EVENT, epoch.begin.event_id)
        first = self.wal.first_versions([key]).get(key)
        return first is not None and key in self.wal.read_versions([first])


_UNREAD = "unread: expected the object's bytes, S3 did not give them"


def _stored_us(version: WalVersion) -> int:
    return version.last_modified_us

"""Objects that cannot become entries: an event says what each was, so that its absence from the tree is no gap.

Crash points, by what is durable when the process dies:
    id fixed         the next pass writes the event under the same id
    event written    the next pass finds its id taken, and marks it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.audit.digests import sha256_hex
from postern.audit.log_bodies import quarantine_event
from postern.log_ports import Wal, WalVersion
from postern.ports import Clock, Identifiers, RecordStore
from postern.reap_ports import Quarantines
from postern.services.reap.fixed_events import put_fixed
from postern.services.stopwatch import Stopwatch
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.types import Sha256Hex

MAX_DIGESTED_BYTES = 16 * 1024 * 1024  # a larger object is told without its digest
LEAST_LEFT_S = 5.0


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Puts objects that are too large into quarantine. Raises `EvidenceUnavailable`, `StateUnavailable`."""

    wal: Wal
    quarantines: Quarantines
    identifiers: Identifiers
    clock: Clock

    def run(self, records: RecordStore, versions: Sequence[WalVersion], watch: Stopwatch) -> int:
        """How many are on record now that were not before; what time did not suffice for waits for the next pass."""
        done = 0
        for version in versions:
            if watch.left_s() < LEAST_LEFT_S:
                break
            now_us = self.clock.now_us()
            fixed = self.quarantines.fix(version.key, self.identifiers.command_id(now_us), now_us)
            if fixed.is_recorded:
                continue
            event = quarantine_event(
                fixed.event_id,
                fixed.time_us,
                key=version.key,
                version_id=version.version_id,
                size=version.size,
                sha256=self._digest(version),
                reason=f"size: expected at most {MAX_ENTRY_BYTES} bytes",
            )
            put_fixed(records, event)
            self.quarantines.mark_recorded(version.key)
            done += 1
        return done

    def _digest(self, version: WalVersion) -> Sha256Hex | None:
        if version.size > MAX_DIGESTED_BYTES:
            return None
        return sha256_hex(self.wal.read_version(version.key, version.version_id))

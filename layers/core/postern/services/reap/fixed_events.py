"""Events whose id was fixed before they are written, so that a crash in between cannot make two of one."""

from __future__ import annotations

from postern.audit.records import Record
from postern.errors import IntegrityError
from postern.ports import RecordStore


def put_fixed(records: RecordStore, event: Record) -> None:
    """Returns when an event of this id is durable: this one, or the one that was written before a crash.

    Raises `EvidenceUnavailable`.
    """
    try:
        records.put(event)
    except IntegrityError as conflict:
        # Nobody else writes under this id, and what was written then says the same.
        if conflict.code != "evidence.conflict":
            raise

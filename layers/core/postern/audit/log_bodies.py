"""What the reaper's records say: events about the log itself, and the last records of commands that died.

An event's id and time are fixed before it is written, so that writing it again after a crash gives the same fact under
the same key. Members may be added, none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postern.audit.records import Record, RecordType
from postern.audit.times import format_time
from postern.types import CommandId, Sha256Hex

EPOCH_START = "epoch_start"
EPOCH_END = "epoch_end"
KEY = "key"
QUARANTINE = "quarantine"
ABANDONED = "abandoned"  # an outcome's status


@dataclass(frozen=True, slots=True)
class PreviousEpoch:
    """The log before, with its last checkpoint as it was published: the whole signed note."""

    log: str
    origin: str
    checkpoint: str


@dataclass(frozen=True, slots=True)
class ValidKey:
    """A verifier key, and from when until when it signs; microseconds, None while it does."""

    vkey: str
    from_us: int
    until_us: int | None


def epoch_start_event(
    event_id: CommandId,
    time_us: int,
    *,
    origin: str,
    retain_until_us: int,
    vkeys: Sequence[str],
    previous: PreviousEpoch | None,
) -> Record:
    """A log begins: its first entry. Every object of it is locked until `retain_until` at least."""
    body: dict[str, object] = {
        "origin": origin,
        "retain_until": format_time(retain_until_us),
        "vkeys": list(vkeys),
        "previous": None
        if previous is None
        else {"log": previous.log, "origin": previous.origin, "checkpoint": previous.checkpoint},
    }
    return Record(RecordType.EVENT, EPOCH_START, event_id, time_us, body)


def epoch_end_event(event_id: CommandId, time_us: int, *, next_log: str) -> Record:
    """A log ends: its last entry. The checkpoint over it is the closing one."""
    return Record(RecordType.EVENT, EPOCH_END, event_id, time_us, {"next": next_log})


def key_event(event_id: CommandId, time_us: int, keys: Sequence[ValidKey]) -> Record:
    """The keys that sign the log have changed: all that ever did, with their times."""
    told = [
        {
            "vkey": one.vkey,
            "from": format_time(one.from_us),
            "until": None if one.until_us is None else format_time(one.until_us),
        }
        for one in keys
    ]
    return Record(RecordType.EVENT, KEY, event_id, time_us, {"vkeys": told})


def quarantine_event(
    event_id: CommandId,
    time_us: int,
    *,
    key: str,
    version_id: str,
    size: int,
    sha256: Sha256Hex | None,
    reason: str,
) -> Record:
    """An object under `wal/` cannot become an entry: what it was, so that its absence from the tree is no gap.

    `sha256` is None where the object was too large to be read.
    """
    body: dict[str, object] = {
        "key": key,
        "version_id": version_id,
        "bytes": size,
        "sha256": sha256,
        "reason": reason,
    }
    return Record(RecordType.EVENT, QUARANTINE, event_id, time_us, body)


def abandoned_outcome(
    kind: str, command_id: CommandId, time_us: int, intent: Sha256Hex, task: Mapping[str, object] | None
) -> Record:
    """Nothing more is known of a command than its intent, and nothing more will be: its writer is dead.

    It stands where the writer's own outcome would: whoever finds it there has lost the command and undoes it.
    """
    body: dict[str, object] = {"intent": intent, "status": ABANDONED}
    if task is not None:
        body["task"] = {"id": task.get("id")}
    return Record(RecordType.OUTCOME, kind, command_id, time_us, body)

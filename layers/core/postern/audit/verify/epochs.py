"""Step 18: a log begins with what it is and ends with what follows, and the next one holds its closing checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from postern.audit.canonical import MAX_RECORD_BYTES, parse_canonical
from postern.audit.findings import Finding, Step
from postern.audit.keys import log_key
from postern.audit.listing import PulledLog
from postern.audit.log_bodies import EPOCH_END
from postern.audit.records import RecordType
from postern.audit.stored import parse_record
from postern.audit.verify import rows
from postern.audit.verify.entries import path_key, read_entries
from postern.audit.verify.heads import Previous, Start, read_start
from postern.audit.verify.log_objects import check_note
from postern.audit.verify.terms import Log, Terms
from postern.errors import IntegrityError
from postern.tlog.tiles import TILE_WIDTH, Bundle

_EVENT = 3  # the code of an event's type in a row
KeyEvent = tuple[int, bytes]  # log, id: see `joins.Joined`


@dataclass(slots=True)
class _Epoch:
    log: Log
    start: Start | None
    size: int  # of the signed tree
    end: tuple[str, str] | None  # where the last entry is, if it is an `epoch_end`, and the log that it names
    vkeys: set[str] = field(default_factory=set)  # that any record of the log names


def check_epochs(
    pulled: PulledLog, terms: Terms, signed: Mapping[int, int], key_events: Sequence[KeyEvent]
) -> Iterator[Finding]:
    """Everything that is wrong with the epochs in the copy, each by itself and then one with the other."""
    epochs = {
        name: _read_epoch(pulled, log, signed.get(log.number, 0))
        for name, log in terms.logs.items()
        if log.has_tree and terms.is_asked(name)
    }
    for number, id_ in key_events:
        log = terms.named(number)
        if log.name in epochs:
            epochs[log.name].vkeys |= _read_vkeys(pulled, rows.key_of(log.name, _EVENT, id_))
    for epoch in epochs.values():
        if epoch.size > 0:
            yield from _check_one(epoch)
            yield from _check_before(epoch, epochs, terms)


def unchecked_logs(pulled: PulledLog, terms: Terms) -> Iterator[str]:
    """The logs before those that were asked for whose closing checkpoints are taken as said: no key of them was given.

    To verify the present epoch with its own key is an ordinary wish, so this is told and fails nothing.
    """
    for name in terms.logs:
        start = read_start(pulled, name) if terms.is_asked(name) else None
        if start is not None and start.previous is not None and not _log_before(start.previous, terms).vkeys:
            before = start.previous.log[:40]
            yield f"closing checkpoint of {before} in the first record of {name}: no --vkey of it was given"


def _read_epoch(pulled: PulledLog, log: Log, size: int) -> _Epoch:
    start = read_start(pulled, log.name)
    return _Epoch(log, start, size, _read_end(pulled, log.name, size), set() if start is None else set(start.vkeys))


def _read_end(pulled: PulledLog, log: str, size: int) -> tuple[str, str] | None:
    """An `epoch_end` anywhere else ends nothing: any writer can write one."""
    last = size - 1
    entries = read_entries(pulled, log, last, size) if size > 0 else []
    try:
        record = parse_record(entries[0])
    except (IntegrityError, IndexError):
        return None
    if (record.type, record.kind) != (RecordType.EVENT, EPOCH_END):
        return None
    where = f"{path_key(log, Bundle(last // TILE_WIDTH))} entry {last}"
    return where, str(parse_canonical(entries[0]).get("next"))


def _read_vkeys(pulled: PulledLog, key: str) -> set[str]:
    try:
        vkeys = parse_canonical(pulled.read(key, MAX_RECORD_BYTES)).get("vkeys")
    except (IntegrityError, KeyError):
        return set()  # found where it lies
    return {str(one.get("vkey")) for one in vkeys if isinstance(one, dict)} if isinstance(vkeys, list) else set()


def _check_one(epoch: _Epoch) -> Iterator[Finding]:
    log, start = epoch.log, epoch.start
    first = f"{path_key(log.name, Bundle(0))} entry 0"
    if start is None:
        yield Finding(Step.EPOCH, first, "first entry", "an epoch_start of its form", "another")
        return
    if log.origin is not None and start.origin != log.origin:
        yield Finding(Step.EPOCH, first, "origin", log.origin, start.origin[:100])
    given = {str(key) for key in log.vkeys}
    if given and not given & epoch.vkeys:
        expected = f"one of the given keys, {', '.join(sorted(given))}"
        yield Finding(Step.EPOCH, first, "keys that the log names", expected, ", ".join(sorted(epoch.vkeys))[:300])


def _check_before(epoch: _Epoch, epochs: Mapping[str, _Epoch], terms: Terms) -> Iterator[Finding]:
    """What this epoch says of the one before, and whether others say that they are before it."""
    start = epoch.start
    if start is None:
        return
    where = f"{path_key(epoch.log.name, Bundle(0))} entry 0"
    claimed = start.previous.log if start.previous is not None else "none"
    for name, other in epochs.items():
        if other.end is None or other.end[1] != epoch.log.name or claimed == name:
            continue
        if not any(one.start is not None and _follows(one.start, name) for one in epochs.values()):
            yield Finding(Step.EPOCH, where, "previous log", f"{name}, by {other.end[0]}", claimed[:100])
    if start.previous is not None:
        yield from _check_previous(where, epoch, start.previous, epochs, terms)


def _check_previous(
    where: str, epoch: _Epoch, previous: Previous, epochs: Mapping[str, _Epoch], terms: Terms
) -> Iterator[Finding]:
    log = _log_before(previous, terms)
    if log.origin is not None and log.origin != previous.origin:
        yield Finding(Step.EPOCH, where, "previous log's origin", log.origin, previous.origin[:100])
        return
    checkpoint = check_note(previous.note, where, log)
    if isinstance(checkpoint, Finding):
        yield Finding(Step.EPOCH, where, "previous log's checkpoint", checkpoint.expected, checkpoint.got)
        return
    before = epochs.get(previous.log)
    if before is None:
        return  # not in this copy, or not asked for: its size and root are checked where it is
    if checkpoint.size != before.size:
        expected = f"the closing checkpoint, of {before.size} entries"
        yield Finding(Step.EPOCH, where, "previous log's checkpoint", expected, f"one of {checkpoint.size}")
    # One that was named and never began was replaced by this one before it could.
    if before.end is None or (before.end[1] != epoch.log.name and before.end[1] in epochs):
        end = log_key(previous.log, "checkpoint")
        yield Finding(Step.EPOCH, end, "last entry", f"an epoch_end that names {epoch.log.name}", "another")


def _log_before(previous: Previous, terms: Terms) -> Log:
    """The log that this is of; where nothing of it is in the copy, with what is known of it all the same."""
    log = terms.logs.get(previous.log)
    if log is not None:
        return log
    keys = tuple(key for key in terms.options.vkeys if key.name == previous.origin)
    return Log(-1, previous.log[:40], previous.origin, keys, has_tree=False, retain_until_us=None)


def _follows(start: Start, log: str) -> bool:
    return start.previous is not None and start.previous.log == log

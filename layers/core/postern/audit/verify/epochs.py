"""Step 18: a log begins with what it is and ends with what follows, and the next one holds its closing checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from postern.audit.canonical import MAX_RECORD_BYTES, parse_canonical
from postern.audit.findings import Finding, Step
from postern.audit.keys import log_key
from postern.audit.listing import PulledLog
from postern.audit.log_bodies import EPOCH_END, EPOCH_START, KEY
from postern.audit.verify import rows
from postern.audit.verify.entries import path_key
from postern.audit.verify.heads import Previous, Start, read_start
from postern.audit.verify.log_objects import check_note
from postern.audit.verify.terms import Log, Terms
from postern.errors import IntegrityError
from postern.tlog.tiles import Bundle

_EVENT = 3  # the code of an event's type in a row
Special = tuple[int, int | None, bytes]  # log, index, id: see `joins.Joined`


@dataclass(slots=True)
class _Epoch:
    log: Log
    start: Start | None
    size: int  # of the signed tree
    ends: list[tuple[int, str, str]] = field(default_factory=list)  # index, key, the next log
    starts: list[tuple[int, str]] = field(default_factory=list)  # index, key
    vkeys: set[str] = field(default_factory=set)  # that any record of the log names


def check_epochs(
    pulled: PulledLog, terms: Terms, signed: Mapping[int, int], special: Sequence[Special]
) -> Iterator[Finding]:
    """Everything that is wrong with the epochs in the copy, each by itself and then one with the other."""
    epochs = {
        name: _Epoch(log, read_start(pulled, name), signed.get(log.number, 0))
        for name, log in terms.logs.items()
        if log.has_tree and terms.is_asked(name)
    }
    for number, index, id_ in special:
        log = terms.named(number)
        if log.name in epochs and index is not None:
            _note(pulled, epochs[log.name], rows.key_of(log.name, _EVENT, id_), index)
    for epoch in epochs.values():
        if epoch.size > 0:
            yield from _check_one(epoch)
            yield from _check_before(epoch, epochs, terms)


def _note(pulled: PulledLog, epoch: _Epoch, key: str, index: int) -> None:
    try:
        members = parse_canonical(pulled.read(key, MAX_RECORD_BYTES))
    except (IntegrityError, KeyError):
        return  # found where it lies
    vkeys = members.get("vkeys")
    told = vkeys if isinstance(vkeys, list) else []
    if members.get("kind") == EPOCH_START:
        epoch.starts.append((index, key))
        epoch.vkeys |= {one for one in told if isinstance(one, str)}
    elif members.get("kind") == EPOCH_END:
        epoch.ends.append((index, key, str(members.get("next"))))
    elif members.get("kind") == KEY:
        epoch.vkeys |= {str(one.get("vkey")) for one in told if isinstance(one, dict)}


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
    for index, key in sorted(epoch.starts):
        if index != 0:
            yield Finding(Step.EPOCH, key, "epoch_start", "the log's first entry", f"entry {index}")
    for index, key, _ in sorted(epoch.ends):
        if index != epoch.size - 1:
            yield Finding(Step.EPOCH, key, "epoch_end", f"the log's last entry, {epoch.size - 1}", f"entry {index}")


def _check_before(epoch: _Epoch, epochs: Mapping[str, _Epoch], terms: Terms) -> Iterator[Finding]:
    """What this epoch says of the one before, and whether others say that they are before it."""
    start = epoch.start
    if start is None:
        return
    where = f"{path_key(epoch.log.name, Bundle(0))} entry 0"
    claimed = start.previous.log if start.previous is not None else "none"
    for name, other in epochs.items():
        for _, key, next_log in other.ends:
            followed = any(one.start is not None and _follows(one.start, name) for one in epochs.values())
            if next_log == epoch.log.name and claimed != name and not followed:
                yield Finding(Step.EPOCH, where, "previous log", f"{name}, by {key}", claimed[:100])
    if start.previous is not None:
        yield from _check_previous(where, epoch, start.previous, epochs, terms)


def _check_previous(
    where: str, epoch: _Epoch, previous: Previous, epochs: Mapping[str, _Epoch], terms: Terms
) -> Iterator[Finding]:
    log = terms.logs.get(previous.log)
    if log is None:
        keys = tuple(key for key in terms.options.vkeys if key.name == previous.origin)
        log = Log(-1, previous.log[:40], previous.origin, keys, has_tree=False, retain_until_us=None)
    elif log.origin is not None and log.origin != previous.origin:
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
    if not any(next_log == epoch.log.name or next_log not in epochs for _, _, next_log in before.ends):
        end = log_key(previous.log, "checkpoint")
        yield Finding(Step.EPOCH, end, "last entry", f"an epoch_end that names {epoch.log.name}", "another")


def _follows(start: Start, log: str) -> bool:
    return start.previous is not None and start.previous.log == log

"""What there is to verify: the logs of a copy, and what the first entry of each says of it."""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.canonical import parse_canonical
from postern.audit.keys import LOG_NAME
from postern.audit.listing import PulledLog
from postern.audit.log_bodies import EPOCH_START
from postern.audit.stored import parse_record
from postern.audit.times import parse_time
from postern.audit.verify.entries import read_entries
from postern.audit.verify.terms import Log, Options
from postern.errors import IntegrityError
from postern.tlog.notes import VerifierKey
from postern.tlog.origins import log_of


@dataclass(frozen=True, slots=True)
class Previous:
    """The log before, as an epoch's first record names it."""

    log: str
    origin: str
    note: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """What an `epoch_start` says. Made by `parse_start`."""

    origin: str
    retain_until_us: int
    vkeys: tuple[str, ...]
    previous: Previous | None


def find_logs(pulled: PulledLog, options: Options) -> dict[str, Log]:
    """Every log that the copy holds anything of, by name, in the order of names."""
    found = {name for folder in ("log", "wal/v1", "blob") for name in pulled.names(folder)}
    names = sorted(name for name in found if LOG_NAME.fullmatch(name))
    return {name: _log(number, name, pulled, options) for number, name in enumerate(names)}


def _log(number: int, name: str, pulled: PulledLog, options: Options) -> Log:
    vkeys = tuple(key for key in options.vkeys if _signs(key, name))
    start = read_start(pulled, name)
    origin = vkeys[0].name if vkeys else None
    if origin is None and start is not None:
        origin = start.origin
    return Log(
        number=number,
        name=name,
        origin=origin,
        vkeys=vkeys,
        has_tree=bool(pulled.names(f"log/{name}")),
        retain_until_us=None if start is None else start.retain_until_us,
    )


def _signs(key: VerifierKey, log: str) -> bool:
    try:
        return log_of(key.name) == log
    except IntegrityError:
        return False


def read_start(pulled: PulledLog, log: str) -> Start | None:
    """What the log's first entry says, if it is an `epoch_start` of its form."""
    entries = read_entries(pulled, log, 0, 1)
    try:
        parse_record(entries[0])  # what is no record begins nothing, whatever its members say
        return parse_start(parse_canonical(entries[0]))
    except (IntegrityError, IndexError):
        return None


def parse_start(members: dict[str, object]) -> Start | None:
    """The members of an `epoch_start`; None where they are not. Raises `IntegrityError` for a time that is none."""
    origin, until, vkeys, previous = (members.get(name) for name in ("origin", "retain_until", "vkeys", "previous"))
    if (members.get("type"), members.get("kind")) != ("event", EPOCH_START):
        return None
    if not isinstance(origin, str) or not isinstance(until, str) or not isinstance(vkeys, list):
        return None
    if not all(isinstance(one, str) for one in vkeys):
        return None
    before = None
    if previous is not None:
        before = _parse_previous(previous)
        if before is None:
            return None
    return Start(origin, parse_time(until), tuple(vkeys), before)


def _parse_previous(value: object) -> Previous | None:
    if not isinstance(value, dict):
        return None
    log, origin, note = (value.get(name) for name in ("log", "origin", "checkpoint"))
    if not isinstance(log, str) or not isinstance(origin, str) or not isinstance(note, str):
        return None
    return Previous(log, origin, note.encode("utf-8", "replace"))

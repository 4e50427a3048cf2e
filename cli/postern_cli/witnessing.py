"""One run of a witness, wherever it runs: read, compare, remember, sign, give away, in this order.

Crash points, by what is durable when the process dies:
    nothing            the next run begins anew
    the state          what was signed is remembered and was not given away yet: the next run signs the same tree again
    the signed note    done

A fork or a rollback is kept as evidence, both checkpoints as they were signed, before anything is said about it; so is
a checkpoint that cannot be held against the one before, as whoever serves a fork may withhold its tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.notes import VerifierKey, parse_vkey
from postern.tlog.origins import log_of
from postern.witness.signing_key import WitnessKey
from postern.witness.state import Kept, format_state, parse_state
from postern.witness.watch import Behind, Follows, Forked, Read, WatchedLog, cosigned, watch
from postern_cli.stop import Exit, Stop


class Memory(Protocol):
    """Where a witness keeps its state. One run at a time holds it."""

    def read(self) -> bytes:
        """The state as it was last written. Raises `Stop` where there is none: it is never begun unasked."""
        ...

    def write(self, data: bytes) -> None:
        """Durable and whole once it returns; on failure what was there before stays. Raises `Stop`."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where what the witness makes goes; each returns when it is durable, and raises `Stop`."""

    publish: Callable[[bytes], None]  # the note that it signed
    keep_evidence: Callable[[str, bytes], None]  # a name and a checkpoint that contradicts another


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a run saw and signed."""

    origin: str
    size: int
    size_before: int | None
    kept: Kept

    def __str__(self) -> str:
        if self.size_before is None:
            return f"{self.origin}: {self.size:,} entries, seen for the first time and signed"
        if self.size_before == self.size:
            return f"{self.origin}: {self.size:,} entries as before, signed again"
        return f"{self.origin}: {self.size:,} entries continue the {self.size_before:,} seen before; signed"


def read_log(vkeys: list[str]) -> WatchedLog:
    """The log with these public keys. Raises `Stop` (usage) unless they are keys of one log of ours."""
    try:
        keys: list[VerifierKey] = [parse_vkey(text.strip()) for text in vkeys]
        origins = {key.name for key in keys}
        if len(origins) != 1:
            raise Stop(Exit.USAGE, f"--vkey: expected keys of one log, got {len(origins)} logs'")
        [origin] = origins
        log_of(origin)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"--vkey: {error.detail}") from error
    return WatchedLog(origin, keys)


def run_once(key: WitnessKey, memory: Memory, log: WatchedLog, read: Read, outlet: Outlet, *, time_s: int) -> Witnessed:
    """Looks at the log and signs its checkpoint if it continues what was seen.

    Raises `Stop`: refused where it does not, unknown where it cannot be told.
    """
    latest = read("checkpoint")
    state = _read_state(memory, key)
    kept = state.get(log.origin)
    try:
        seen = watch(log, kept, latest, read)
    except IntegrityError as error:
        raise Stop(Exit.REFUSED, f"{log.origin}: not signed: {error.detail}") from error
    except Stop as stop:
        if kept is None:
            raise
        head = open_checkpoint(latest, log.vkeys, log.origin)
        name = _keep_both(log, kept, head, latest, outlet)
        raise Stop(stop.code, f"{stop.line}; not signed, and both signed checkpoints are kept as {name}.*") from stop
    match seen:
        case Follows():
            signed = cosigned(key, latest, time_s)
            memory.write(format_state({**state, log.origin: signed}))
            outlet.publish(signed.data)
            return Witnessed(log.origin, seen.checkpoint.size, seen.size_before, signed)
        case Behind() | Forked():
            raise _refused(log, seen, _keep_both(log, seen.kept, seen.latest, latest, outlet))
        case _:
            assert_never(seen)


def _read_state(memory: Memory, key: WitnessKey) -> dict[str, Kept]:
    try:
        return parse_state(memory.read(), key.vkey)
    except IntegrityError as error:
        detail = f"state: {error.detail}; put back the last good copy, or ask yourself who changed it"
        raise Stop(Exit.UNKNOWN, detail) from error


def _keep_both(log: WatchedLog, kept: Kept, head: Checkpoint, latest: bytes, outlet: Outlet) -> str:
    """The name under which both checkpoints were kept: the same for the same two, and no other's."""
    both = hashlib.sha256(kept.data + latest).hexdigest()[:16]
    name = f"{log_of(log.origin)}-{kept.checkpoint.size}-{head.size}-{both}"
    outlet.keep_evidence(f"{name}.kept", kept.data)
    outlet.keep_evidence(f"{name}.latest", latest)
    return name


def _refused(log: WatchedLog, seen: Behind | Forked, name: str) -> Stop:
    before = seen.kept.checkpoint.size
    if isinstance(seen, Behind):
        what = f"ROLLBACK: {seen.latest.size:,} entries, and {before:,} were seen before"
    elif seen.is_certain:
        what = f"FORK: the log's key signed two trees that disagree on the first {before:,} entries"
    else:
        what = (
            f"FORK or damaged tiles: {seen.latest.size:,} entries do not continue the {before:,} seen before"
            f" ({seen.reason})"
        )
    return Stop(Exit.REFUSED, f"{log.origin}: not signed: {what}. Both signed checkpoints are kept as {name}.*")

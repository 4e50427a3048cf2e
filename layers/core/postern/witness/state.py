"""What a witness remembers: of each log the last note that it signed.

    {"logs": {"<origin>": "<the signed note, with the log's lines and the witness's>"}, "v": 1}

It is kept from one run to the next and written before anything that was signed is given away, so that the witness
never signs a tree that contradicts one it has signed before. Each note holds the witness's own signature: a state that
was cut, mixed up or made by another is not taken for its own. A higher `v` is another form, and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, parse_checkpoint
from postern.tlog.cosignatures import verify_cosignatures
from postern.tlog.notes import Note, VerifierKey, parse_note
from postern.tlog.spelling import malformed

MAX_STATE_BYTES = 16 * 1024 * 1024

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """The last note that the witness signed of a log, and when."""

    data: bytes
    checkpoint: Checkpoint
    time_s: int


State = Mapping[str, Kept]  # by origin


def format_state(state: State) -> bytes:
    """The bytes of the state's file."""
    logs = {origin: kept.data.decode() for origin, kept in sorted(state.items())}
    return json.dumps({"logs": logs, "v": _VERSION}, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def parse_state(data: bytes, vkey: VerifierKey) -> dict[str, Kept]:
    """What the witness with this key remembers. Raises `IntegrityError` unless all of it was signed by that key."""
    try:
        value = json.loads(data.decode())
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair passes the parser, and nothing after it
    except (ValueError, RecursionError) as error:
        raise malformed("witness state", "JSON in UTF-8", type(error).__name__) from error
    if not isinstance(value, dict) or value.keys() != {"logs", "v"} or value["v"] != _VERSION:
        raise malformed("witness state", f"logs and v {_VERSION}", "other members")
    logs = value["logs"]
    if not isinstance(logs, dict) or not all(isinstance(note, str) for note in logs.values()):
        raise malformed("witness state", "a note for each log", "something else")
    return {origin: _parse_kept(origin, note.encode(), vkey) for origin, note in logs.items()}


def read_kept(data: bytes, vkey: VerifierKey) -> Kept:
    """A note as kept. Raises `IntegrityError` unless the witness with this key signed it."""
    note: Note = parse_note(data)
    signed = verify_cosignatures(note, [vkey])
    if not signed:
        raise IntegrityError("evidence.signature", f"kept note: expected a signature of {vkey.name}, got none")
    return Kept(data, parse_checkpoint(note.text), signed[0].time_s)


def _parse_kept(origin: str, data: bytes, vkey: VerifierKey) -> Kept:
    kept = read_kept(data, vkey)
    if kept.checkpoint.origin != origin:
        raise malformed("witness state", f"a note of {origin}", f"one of {kept.checkpoint.origin}")
    return kept

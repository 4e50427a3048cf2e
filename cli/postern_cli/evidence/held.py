"""A record as it is shown to people or other systems, and the command that it belongs to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from postern.audit.keys import blob_key, record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli.evidence.members import Members, Odd
from postern_cli.pulled import PulledFolder

_MAX_BLOB_BYTES = 1024 * 1024  # of a text that is shown in part


@dataclass(frozen=True, slots=True)
class Held:
    """One record, its place in its log, and its members: read as their documented forms, or left."""

    log: str
    index: int | None  # in the signed log; None where it was not read from there
    type: RecordType
    kind: str
    id: CommandId
    time_us: int
    sha256: str
    members: Members

    @property
    def key(self) -> str:
        return record_key(self.log, self.type, self.id)

    @property
    def time_ms(self) -> int:
        return self.time_us // 1000


@dataclass(frozen=True, slots=True)
class Command:
    """An intent or event, with the outcome and settlement that name it, where the log has them."""

    first: Held
    outcome: Held | None = None
    settled: Held | None = None


def open_members(folder: PulledFolder, log: str, id_: CommandId, data: bytes, odd: Odd) -> Members:
    """The members of a record's bytes. What lies in a blob is read from the copy, by the digest that the record has."""

    def blob(place: int, sha256: str, size: int) -> object:
        """The text or value; None where the copy has it not, not with this digest, or too long."""
        if size > _MAX_BLOB_BYTES:
            return None
        try:
            read = folder.read(blob_key(log, id_, place), size)
        except KeyError:
            return None
        return _value(read) if hashlib.sha256(read).hexdigest() == sha256 else None

    return Members(json.loads(data), blob, odd)


def _value(data: bytes) -> object:
    """JSON where it is a list or an object, else text: a blob does not say which of the two it is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if text[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

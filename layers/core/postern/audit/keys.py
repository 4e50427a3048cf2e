"""Where a record is stored: its key says log, day, hour, command and type, and follows from its content alone.

    wal/v1/<log>/<h>/<YYYYMMDD>/<HH>/<command_id>/1-intent.json | 2-outcome.json | 3-settled.json
    wal/v1/<log>/<h>/<YYYYMMDD>/<HH>/<event_id>/1-event.json
    blob/<log>/<command_id>/<n>
    log/<log>/checkpoint | checkpoints/<size> | tile/<L>/<N>[.p/<W>] | tile/entries/<N>[.p/<W>] | stage/<size>-<root>

`<h>` is the first hex digit of SHA-256 over the id's text; day and hour are the id's own (UUIDv7), in
UTC, so everything about one command lies in one folder. A key names one object for ever: it is created
once and never replaced, but for `checkpoint`, whose every version stays. New kinds of object get new
prefixes; these forms do not change.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from postern.audit.canonical import malformed
from postern.audit.ids import uuid7_time_ms
from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern.types import CommandId

LOG_NAME = re.compile(r"[a-z0-9-]{1,40}")

_HOUR_MS = 3_600_000
_FILES = {
    RecordType.INTENT: "1-intent.json",
    RecordType.OUTCOME: "2-outcome.json",
    RecordType.SETTLED: "3-settled.json",
    RecordType.EVENT: "1-event.json",
}
_TYPES = {file: type_ for type_, file in _FILES.items()}
_BLOB = re.compile(r"blob/([a-z0-9-]{1,40})/([0-9a-f-]{36})/(0|[1-9][0-9]{0,3})")

_SIZE = r"(?:0|[1-9][0-9]{0,18})"
_TILE_INDEX = r"(?!x000/)(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/(?:[1-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
_LOG = re.compile(
    rf"log/([a-z0-9-]{{1,40}})/((checkpoint)|(checkpoints)/{_SIZE}|tile/(entries)/{_TILE_INDEX}"
    rf"|(tile)/(?:[0-9]|[1-5][0-9]|6[0-3])/{_TILE_INDEX}|(stage)/{_SIZE}-[0-9a-f]{{64}})"
)


@dataclass(frozen=True, slots=True)
class RecordKey:
    """What a record's key says. Made by `parse_record_key` only, so it is consistent with the key."""

    log: str
    type: RecordType
    id: CommandId


@dataclass(frozen=True, slots=True)
class BlobKey:
    """What the key of a statement text too long for its record says."""

    log: str
    id: CommandId
    n: int


class LogPart(StrEnum):
    """The kinds of object that make up the signed log."""

    LATEST = "checkpoint"
    CHECKPOINT = "checkpoints"
    TILE = "tile"
    BUNDLE = "entries"
    STAGE = "stage"


@dataclass(frozen=True, slots=True)
class LogKey:
    """What the key of an object of the signed log says: `path` is what follows `log/<log>/`."""

    log: str
    part: LogPart
    path: str


def record_key(log: str, record_type: RecordType, id_: CommandId) -> str:
    """The one key of this record. Raises `IntegrityError` (`evidence.malformed`) for a log name or id that is none."""
    if LOG_NAME.fullmatch(log) is None:
        raise malformed("log name", "1 to 40 of a-z, 0-9 and -", f"{log[:60]!r}")
    return f"{_folder(log, id_)}/{_FILES[record_type]}"


def blob_key(log: str, id_: CommandId, n: int) -> str:
    """The key of what a record was too short for. Raises `IntegrityError` as `record_key` does."""
    record_key(log, RecordType.INTENT, id_)
    return f"blob/{log}/{id_}/{n}"


def log_key(log: str, path: str) -> str:
    """The key of an object of the signed log. Raises `IntegrityError` for a log name or a path that is none."""
    key = f"log/{log}/{path}"
    _parse_log_key(key)
    return key


def parse_record_key(key: str) -> RecordKey:
    """What this key says. Raises `IntegrityError` (`evidence.malformed`) unless it is exactly a record's key."""
    folder, _, file = key.rpartition("/")
    type_ = _TYPES.get(file)
    if type_ is None:
        raise malformed("record key", "the form of wal/v1", "another form")
    log, id_ = _parse_folder(folder)
    return RecordKey(log, type_, id_)


@lru_cache(maxsize=8)  # the records of one command come together
def _parse_folder(folder: str) -> tuple[str, CommandId]:
    parts = folder.split("/")
    if len(parts) != 7:
        raise malformed("record key", "the form of wal/v1", "another form")
    log, id_ = parts[2], CommandId(parts[6])
    expected = record_key(log, RecordType.INTENT, id_).rpartition("/")[0]
    if folder != expected:
        raise malformed("record key", f"{expected}/", f"{folder}/")
    return log, id_


def parse_key(key: str) -> RecordKey | BlobKey | LogKey:
    """What the key of any object in the bucket says. Raises `IntegrityError` for one that is not of the forms above."""
    if key.startswith("log/"):
        return _parse_log_key(key)
    if not key.startswith("blob/"):
        return parse_record_key(key)
    match = _BLOB.fullmatch(key)
    if match is None:
        raise malformed("blob key", "blob/<log>/<command id>/<n>", "another form")
    uuid7_time_ms(match[2])
    return BlobKey(log=match[1], id=CommandId(match[2]), n=int(match[3]))


def _parse_log_key(key: str) -> LogKey:
    match = _LOG.fullmatch(key)
    if match is None:
        raise malformed("log key", "log/<log>/ and one of its parts", "another form")
    log, path, *parts = match.groups()
    return LogKey(log=log, part=LogPart(next(filter(None, parts))), path=path)


def _folder(log: str, id_: CommandId) -> str:
    hour = _hour(uuid7_time_ms(id_) // _HOUR_MS)  # first: text that is no id may have no UTF-8 to digest
    shard = hashlib.sha256(id_.encode()).hexdigest()[0]
    return f"wal/v1/{log}/{shard}/{hour}/{id_}"


@lru_cache(maxsize=1024)
def _hour(hours: int) -> str:
    moment = format_time(hours * _HOUR_MS * 1000)
    return f"{moment[:4]}{moment[5:7]}{moment[8:10]}/{moment[11:13]}"

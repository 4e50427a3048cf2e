"""A record as it was stored, read back with nothing taken on trust.

Everything the envelope promises is checked here: members, kinds, forms. What the record's own members
say is checked only where other records depend on it (decision, status, the digests that tie a command
together). A reader that meets another `v` stops: it must not guess what a later version means.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from postern.audit.canonical import malformed, parse_canonical, type_names
from postern.audit.chain import VERSION, WORD, Source
from postern.audit.records import RecordType
from postern.audit.shapes import Shapes
from postern.audit.times import parse_time, time_within_hour
from postern.types import CommandId, Sha256Hex

SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_ENV = re.compile(r"[0-9a-f]{32}")
_STATUS = re.compile(r"[a-z][a-z_]{0,39}")
_TYPES = {type_.value: type_ for type_ in RecordType}
_BLOB_NAME = frozenset({"blob", "sha256", "bytes"})
_BLOB_MEMBER = b'"blob":'
_MAX_PLACE = 9999  # of a blob, in its key
SETTLEMENTS = frozenset({"committed", "rolled_back", "unknown"})
_RESULTS = frozenset({"allow", "refuse"})
# The member by which a record names the one before it in its command.
_NAMES = {RecordType.OUTCOME: "intent", RecordType.SETTLED: "outcome"}
_SHAPES = Shapes()


@dataclass(frozen=True, slots=True)
class Link:
    """A record's place in its writer's chain, as the record says."""

    env: str
    n: int
    prev: Sha256Hex | None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that has its form. Its claims are not checked against anything else yet."""

    sha256: Sha256Hex  # of the bytes it was read from
    type: RecordType
    kind: str
    id: CommandId
    time_us: int
    source: Source
    link: Link
    is_refused: bool  # an intent whose decision is `refuse`
    status: str | None  # an outcome's or a settlement's
    names: Sha256Hex | None  # the intent that an outcome names, the outcome that a settlement names
    blobs: tuple[tuple[int, str, int], ...]  # place, SHA-256 and length of each blob that it names, by their places


def parse_record(data: bytes, *, sha256: Sha256Hex | None = None) -> StoredRecord:
    """The record in `data`; `sha256` is of these bytes, where it is known already.

    Raises `IntegrityError` (`evidence.malformed`) where it has not the form.
    """
    found = _SHAPES.match(data)
    if found is not None:
        return _of_shape(found, data, sha256)
    members = parse_canonical(data)
    record = parse_members(members, data, sha256=sha256)
    if _BLOB_MEMBER not in data:
        _SHAPES.learn(members, data, record.type, is_first=record.link.prev is None)
    return record


def parse_members(members: Mapping[str, object], data: bytes, *, sha256: Sha256Hex | None = None) -> StoredRecord:
    """The same of what `data` is the canonical form of, for who needs its other members, too."""
    if members.get("v") != VERSION or isinstance(members.get("v"), bool):
        raise malformed("v", f"{VERSION} (a later version needs a later reader)", _describe(members.get("v")))
    type_ = _TYPES[_word(members, "type", _TYPES.__contains__)]
    names = _NAMES.get(type_)
    return StoredRecord(
        sha256=sha256 or Sha256Hex(hashlib.sha256(data).hexdigest()),
        type=type_,
        kind=_word(members, "kind", WORD.fullmatch),
        id=CommandId(_word(members, "id", str.isascii)),
        time_us=parse_time(_word(members, "time", str.isascii)),
        source=_parse_source(members),
        link=_parse_link(_object(members, "writer")),
        is_refused=type_ is RecordType.INTENT and _parse_decision(members) == "refuse",
        names=None if names is None else Sha256Hex(_word(members, names, SHA256_HEX.fullmatch)),
        status=_parse_status(members, type_),
        # Walking every member costs more than all the rest, and few records name a blob.
        blobs=tuple(sorted(_blobs(members))) if _BLOB_MEMBER in data else (),
    )


def _of_shape(found: re.Match[str], data: bytes, sha256: Sha256Hex | None) -> StoredRecord:
    """The record in bytes of a known shape: what stands here is what `parse_members` gives."""
    of = found.groupdict()
    n, prev = int(of["n"]), of.get("prev")
    return StoredRecord(
        sha256=sha256 or Sha256Hex(hashlib.sha256(data).hexdigest()),
        type=_TYPES[of["type"]],
        kind=of["kind"],
        id=CommandId(of["id"]),
        time_us=time_within_hour(of["time"]),
        source=_source(of["log"], of["deployment"], of["version"], of["function"]),
        link=Link(of["env"], n, None if prev is None else Sha256Hex(prev)),
        is_refused=of.get("result") == "refuse",
        names=None if "names" not in of else Sha256Hex(of["names"]),
        status=of.get("status"),
        blobs=(),
    )


def _blobs(value: object) -> Iterator[tuple[int, str, int]]:
    """Each blob that is named anywhere in the value: an object of exactly `blob`, `sha256` and `bytes`."""
    if isinstance(value, list):
        for one in value:
            yield from _blobs(one)
    elif isinstance(value, dict):
        if value.keys() == _BLOB_NAME:
            yield _parse_blob(value["blob"], value["sha256"], value["bytes"])
        for one in value.values():
            yield from _blobs(one)


def _parse_blob(place: object, sha256: object, size: object) -> tuple[int, str, int]:
    # `type(…) is int`: true and false are numbers to `isinstance`.
    if type(place) is not int or not 0 <= place <= _MAX_PLACE or type(size) is not int or size < 0:
        raise malformed("blob", f"a place from 0 to {_MAX_PLACE} and a length", "something else")
    if not isinstance(sha256, str) or SHA256_HEX.fullmatch(sha256) is None:
        raise malformed("blob", "a SHA-256 of 64 lower-case hex digits", "another form")
    return place, sha256, size


def _parse_source(members: Mapping[str, object]) -> Source:
    code = _object(members, "code")
    given = (members.get("log"), members.get("deployment"), code.get("version"), code.get("function"))
    if all(isinstance(one, str) for one in given):
        return _source(*given)
    names = ("log", "deployment", "version", "function")
    name, value = next((name, one) for name, one in zip(names, given, strict=True) if not isinstance(one, str))
    raise malformed(name, "a string of its form", _describe(value))


@lru_cache(maxsize=256)  # a log is written by few sources
def _source(log: str, deployment: str, code_version: str, function: str) -> Source:
    return Source(log, deployment, code_version, function)


def _parse_status(members: Mapping[str, object], type_: RecordType) -> str | None:
    if type_ is RecordType.OUTCOME:
        return _word(members, "status", _STATUS.fullmatch)
    if type_ is RecordType.SETTLED:
        return _word(members, "status", SETTLEMENTS.__contains__)
    return None


def _parse_link(writer: Mapping[str, object]) -> Link:
    n = writer.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise malformed("writer.n", "0 or a natural number", _describe(n))
    env = _word(writer, "env", _ENV.fullmatch)
    if n > 0:
        return Link(env, n, Sha256Hex(_word(writer, "prev", SHA256_HEX.fullmatch)))
    if "prev" not in writer or writer["prev"] is not None:
        raise malformed("prev", "null in a chain's first record", _describe(writer.get("prev")))
    return Link(env, 0, None)


def _parse_decision(members: Mapping[str, object]) -> str:
    return _word(_object(members, "decision"), "result", _RESULTS.__contains__)


def _word(members: Mapping[str, object], name: str, fits: Callable[[str], object]) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not fits(value):
        raise malformed(name, "a string of its form", _describe(value))
    return value


def _object(members: Mapping[str, object], name: str) -> dict[str, object]:
    value = members.get(name)
    if not isinstance(value, dict):
        raise malformed(name, "an object", _describe(value))
    return value


def _describe(value: object) -> str:
    """A value as an error may quote it: short, one line, no control characters, never a whole object."""
    if isinstance(value, dict | list):
        return f"an {type_names[type(value)]}"
    return "none" if value is None else repr(value)[:80]

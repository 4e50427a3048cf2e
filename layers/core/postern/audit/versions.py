"""The bucket's own account of an object version, one line of `versions.jsonl` each.

    {"delete_marker", "is_latest", "key", "last_modified", "mode", "retain_until", "sha256", "size", "version_id"}

`sha256` and `size` are of the bytes that were pulled, everything else is what the bucket said. A delete
marker has neither bytes nor a lock. Lines are in key order (UTF-8 bytes), versions of a key newest first.
A line may gain members; a reader ignores those it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.canonical import canonical_bytes, malformed, parse_flat
from postern.audit.stored import SHA256_HEX
from postern.audit.times import format_time, parse_any_time, parse_time, time_within_hour
from postern.types import Sha256Hex

MAX_LINE_BYTES = 16 * 1024  # a key has at most 1024 bytes, each at most six characters when escaped
# No bucket has other times, and everything that is counted from these stays within what times may be.
_FROM_US = parse_time("2006-01-01T00:00:00.000000Z")
_UNTIL_US = parse_time("2100-01-01T00:00:00.000000Z")
_LOCKED_UNTIL_US = parse_time("2300-01-01T00:00:00.000000Z")  # a lock lasts a hundred years at most

_TEXT = r"[!#-\[\]-~]+"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
_USUAL = re.compile(
    rf'{{"delete_marker":false,"is_latest":(true|false),"key":"({_TEXT})","last_modified":"({_TIME})","mode":"({_TEXT})",'
    rf'"retain_until":"({_TIME})","sha256":"([0-9a-f]{{64}})","size":(0|[1-9][0-9]{{0,14}}),"version_id":"({_TEXT})"}}'
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker (then `sha256`, `size`, `retain_until_us`, `mode` are None)."""

    key: str
    version_id: str
    is_latest: bool
    delete_marker: bool
    size: int | None
    sha256: Sha256Hex | None
    last_modified_us: int
    retain_until_us: int | None
    mode: str | None


def format_version(version: Version) -> bytes:
    """The version's line, without its line feed."""
    return canonical_bytes(
        {
            "key": version.key,
            "version_id": version.version_id,
            "is_latest": version.is_latest,
            "delete_marker": version.delete_marker,
            "size": version.size,
            "sha256": version.sha256,
            "last_modified": format_time(version.last_modified_us),
            "retain_until": None if version.retain_until_us is None else format_time(version.retain_until_us),
            "mode": version.mode,
        },
        max_bytes=MAX_LINE_BYTES,
    )


def parse_version(line: bytes) -> Version:
    """The version that a line tells of. Raises `IntegrityError` (`evidence.malformed`)."""
    return _parse_usual(line) or _parse_any(line)


def _parse_usual(line: bytes) -> Version | None:
    """The version in a line as `format_version` writes it, of an object in printable ASCII; None where it is another.

    Such a line has one reading. That it is the exact parser's is held by tests.
    """
    match = _USUAL.fullmatch(line.decode("latin-1")) if len(line) <= MAX_LINE_BYTES else None
    if match is None:
        return None
    is_latest, key, last_modified, mode, retain_until, sha256, size, version_id = match.groups()
    return Version(
        key,
        version_id,
        is_latest=is_latest == "true",
        delete_marker=False,
        size=int(size),
        sha256=Sha256Hex(sha256),
        last_modified_us=_within(time_within_hour(last_modified), "last_modified", _UNTIL_US),
        retain_until_us=_within(parse_any_time(retain_until), "retain_until", _LOCKED_UNTIL_US),
        mode=mode,
    )


def _parse_any(line: bytes) -> Version:
    row = parse_flat(line, max_bytes=MAX_LINE_BYTES)
    is_marker = _flag(row, "delete_marker")
    retain_until = _text(row, "retain_until") if row.get("retain_until") is not None else None
    version = Version(
        key=_text(row, "key"),
        version_id=_text(row, "version_id"),
        is_latest=_flag(row, "is_latest"),
        delete_marker=is_marker,
        size=None if is_marker else _size(row),
        sha256=None if is_marker else _digest(row),
        last_modified_us=_within(parse_any_time(_text(row, "last_modified")), "last_modified", _UNTIL_US),
        retain_until_us=None
        if retain_until is None
        else _within(parse_any_time(retain_until), "retain_until", _LOCKED_UNTIL_US),
        mode=_text(row, "mode") if row.get("mode") is not None else None,
    )
    if is_marker and any(row.get(name) is not None for name in ("size", "sha256", "retain_until", "mode")):
        raise malformed("delete marker", "null size, sha256, retain_until and mode", "a value")
    return version


def _within(time_us: int, name: str, until_us: int) -> int:
    if not _FROM_US <= time_us < until_us:
        raise malformed(name, f"a time from 2006, when S3 began, to before {format_time(until_us)[:4]}", "one outside")
    return time_us


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if type(value) is not str or (not value.isascii() and not _is_unicode(value)):
        raise malformed(name, "a string", "something else")
    return value


def _is_unicode(value: str) -> bool:
    """False for text with an unpaired surrogate, which JSON can spell and UTF-8 cannot."""
    return not any("\ud800" <= one <= "\udfff" for one in value)


def _flag(row: Mapping[str, object], name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise malformed(name, "true or false", "something else")
    return value


def _size(row: Mapping[str, object]) -> int:
    value = row.get("size")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise malformed("size", "a number of bytes", "something else")
    return value


def _digest(row: Mapping[str, object]) -> Sha256Hex:
    value = _text(row, "sha256")
    if SHA256_HEX.fullmatch(value) is None:
        raise malformed("sha256", "64 lower-case hex digits", "another form")
    return Sha256Hex(value)

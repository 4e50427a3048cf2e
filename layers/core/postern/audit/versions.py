"""The bucket's own account of an object version, one line of `versions.jsonl` each.

    {"delete_marker", "is_latest", "key", "last_modified", "mode", "retain_until", "sha256", "size", "version_id"}

`sha256` and `size` are of the bytes that were pulled, everything else is what the bucket said. A delete
marker has neither bytes nor a lock. Lines are in key order (UTF-8 bytes), versions of a key newest first.
A line may gain members; a reader ignores those it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.canonical import canonical_bytes, malformed, parse_flat
from postern.audit.stored import SHA256_HEX
from postern.audit.times import format_time, parse_any_time
from postern.types import Sha256Hex

MAX_LINE_BYTES = 16 * 1024  # a key has at most 1024 bytes, each at most six characters when escaped


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
        last_modified_us=parse_any_time(_text(row, "last_modified")),
        retain_until_us=None if retain_until is None else parse_any_time(retain_until),
        mode=_text(row, "mode") if row.get("mode") is not None else None,
    )
    if is_marker and any(row.get(name) is not None for name in ("size", "sha256", "retain_until", "mode")):
        raise malformed("delete marker", "null size, sha256, retain_until and mode", "a value")
    return version


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

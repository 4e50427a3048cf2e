"""Steps 2 to 8: what can be said of one object by itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from postern.audit.findings import Bounds, Finding, Step
from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import LogKey, LogPart, RecordKey, parse_key, record_key
from postern.audit.listing import Listed, PulledLog
from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord, parse_record
from postern.audit.times import format_time
from postern.audit.versions import Version
from postern.errors import IntegrityError
from postern.tlog.bundles import MAX_ENTRY_BYTES

MAX_OBJECT_BYTES = 32 * 1024 * 1024  # of 256 entries as long as an entry may be there are half as many
_MODE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that holds by itself, with the bucket's time of it."""

    key: str
    record: StoredRecord
    last_modified_us: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object under wal/ that is no record, and why; whether it may be there, the log must say."""

    key: str
    parsed: RecordKey
    sha256: str
    size: int
    last_modified_us: int
    finding: Finding


def check_key(key: str) -> object:
    """2. What the key says, one of `keys.parse_key`'s forms; a finding where it has none of them."""
    try:
        return parse_key(key)
    except IntegrityError as error:
        return Finding(Step.KEY, key, "key", "a key of this log's forms", error.detail)


def check_stored(listed: Listed, parsed: object, bounds: Bounds, until_us: int | None) -> Finding | None:
    """3 and 4. As many versions as may be, no delete marker, each locked: to `until_us` at least, if it is given."""
    if isinstance(parsed, LogKey) and parsed.part is LogPart.LATEST:
        finding = _check_every_version(listed)
    else:
        finding = _check_versions(listed)
    if finding is not None:
        return finding
    for version in listed.versions:
        finding = _check_lock(version, bounds, until_us)
        if finding is not None:
            return finding
    return None


def read_object(listed: Listed, pulled: PulledLog) -> bytes | Finding:
    """5. The bytes, which are those that the bucket holds; none of an object that is too long to be one of ours."""
    version = listed.versions[0]
    if not listed.is_pulled:
        return Finding(Step.BYTES, listed.key, "object", "its bytes", "no file")
    try:
        data = pulled.read(listed.key, MAX_OBJECT_BYTES)
    except KeyError:
        return Finding(Step.BYTES, listed.key, "object", "a plain file", "something else")
    if len(data) > MAX_OBJECT_BYTES:
        return Finding(Step.BYTES, version.key, "size", f"at most {MAX_OBJECT_BYTES} bytes", "more")
    return _check_bytes(version, len(data), hashlib.sha256(data).hexdigest()) or data


def check_record(listed: Listed, parsed: RecordKey, pulled: PulledLog, bounds: Bounds) -> Checked | Opaque | Finding:
    """5 to 8 of an object under wal/."""
    version = listed.versions[0]
    if (version.size or 0) > MAX_ENTRY_BYTES and listed.is_pulled:
        return _check_long(listed, parsed, pulled)
    data = read_object(listed, pulled)
    if isinstance(data, Finding):
        return data
    # 6. They are a record.
    try:
        record = parse_record(data, sha256=version.sha256)
    except IntegrityError as error:
        finding = Finding(Step.FORM, listed.key, "record", "a record's form", error.detail)
        return _opaque(version, parsed, finding)
    # 7 and 8. It stands where and when it says.
    found = _check_place(listed.key, parsed, record) or _check_times(version, record, bounds)
    return found or Checked(listed.key, record, version.last_modified_us)


def _check_long(listed: Listed, parsed: RecordKey, pulled: PulledLog) -> Opaque | Finding:
    """5 and 6 of an object that cannot be an entry: it is never held as a whole."""
    version = listed.versions[0]
    try:
        size, sha256 = pulled.digest(listed.key)
    except KeyError:
        return Finding(Step.BYTES, listed.key, "object", "a plain file", "something else")
    got = f"{version.size} bytes"
    finding = Finding(Step.FORM, listed.key, "record", f"at most {MAX_ENTRY_BYTES} bytes", got)
    return _check_bytes(version, size, sha256) or _opaque(version, parsed, finding)


def _opaque(version: Version, parsed: RecordKey, finding: Finding) -> Opaque:
    sha256, size = version.sha256 or "", version.size or 0
    return Opaque(version.key, parsed, sha256, size, version.last_modified_us, finding)


def _check_versions(listed: Listed) -> Finding | None:
    first = listed.versions[0]
    if len(listed.versions) == 1 and first.is_latest and not first.delete_marker and not listed.skipped:
        return None
    markers = sum(version.delete_marker for version in listed.versions)
    if markers:
        return Finding(Step.VERSION, listed.key, "versions", "no delete marker", f"{markers}")
    if len(listed.versions) != 1 or listed.skipped:
        return Finding(Step.VERSION, listed.key, "versions", "exactly 1", f"{listed.skipped + len(listed.versions)}")
    if not first.is_latest:
        return Finding(Step.VERSION, listed.key, "versions", "the latest", "an older one alone")
    return None


def _check_every_version(listed: Listed) -> Finding | None:
    for number, version in enumerate(listed.versions, listed.skipped):
        if version.delete_marker:
            return Finding(Step.VERSION, listed.key, "versions", "no delete marker", f"{version.version_id}")
        if version.is_latest != (number == 0):
            got = "another" if number else "an older one"
            return Finding(Step.VERSION, listed.key, "versions", "the latest first, and one of it", got)
    return None


def _check_lock(version: Version, bounds: Bounds, until_us: int | None) -> Finding | None:
    if version.mode != _MODE:
        return Finding(Step.LOCK, version.key, "lock mode", _MODE, version.mode or "none")
    least_us = version.last_modified_us + bounds.min_retention_us - bounds.skew_us
    if until_us is not None and until_us > least_us:
        least_us = until_us
    if version.retain_until_us is None or version.retain_until_us < least_us:
        got = "none" if version.retain_until_us is None else format_time(version.retain_until_us)
        return Finding(Step.LOCK, version.key, "retain until", f"{format_time(least_us)} or later", got)
    return None


def _check_bytes(version: Version, size: int, sha256: str) -> Finding | None:
    if size != version.size:
        return Finding(Step.BYTES, version.key, "size", f"{version.size} bytes", f"{size}")
    if sha256 != version.sha256:
        return Finding(Step.BYTES, version.key, "SHA-256", f"{version.sha256}", sha256)
    return None


def _check_place(key: str, parsed: RecordKey, record: StoredRecord) -> Finding | None:
    if (record.id, record.type, record.source.log) == (parsed.id, parsed.type, parsed.log):
        return None
    try:
        expected = record_key(record.source.log, record.type, record.id)
    except IntegrityError as error:
        return Finding(Step.PLACE, key, "id", "a UUIDv7", error.detail)
    return Finding(Step.PLACE, key, "place", f"{expected} by its content", "this key")


def _check_times(version: Version, record: StoredRecord, bounds: Bounds) -> Finding | None:
    id_us = uuid7_time_ms(record.id) * 1000
    earliest_us, latest_us = id_us - bounds.skew_us, id_us + bounds.delay_us
    # An outcome may come late and a settlement later still: only what opens an id is bound to the id's time.
    opens = record.type in (RecordType.INTENT, RecordType.EVENT)
    if record.time_us < earliest_us or (opens and record.time_us > latest_us):
        return _time_finding(version, "time", f"that of its id, {format_time(id_us)}", record.time_us)
    if version.last_modified_us < record.time_us - bounds.skew_us:
        return _time_finding(version, "time", f"not after it was stored, {_stored(version)}", record.time_us)
    if version.last_modified_us > record.time_us + bounds.delay_us:
        return _time_finding(version, "time", f"that of its storing, {_stored(version)}", record.time_us)
    return None


def _stored(version: Version) -> str:
    return format_time(version.last_modified_us)


def _time_finding(version: Version, what: str, expected: str, got_us: int) -> Finding:
    return Finding(Step.TIME, version.key, what, expected, format_time(got_us))

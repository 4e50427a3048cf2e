"""Steps 2 to 8: what can be said of one object by itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from postern.audit.findings import Bounds, Finding, Step
from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import BlobKey, parse_key, record_key
from postern.audit.listing import Listed, PulledLog
from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord, parse_record
from postern.audit.times import format_time
from postern.audit.versions import Version
from postern.errors import IntegrityError

MAX_OBJECT_BYTES = 16 * 1024 * 1024
_MODE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that holds by itself, with the bucket's time of it."""

    key: str
    record: StoredRecord
    last_modified_us: int


@dataclass(frozen=True, slots=True)
class Blob:
    """What a record is too short for, beside it: bytes without a form of their own."""

    key: str
    sha256: str


def check_object(listed: Listed, pulled: PulledLog, bounds: Bounds) -> Checked | Blob | Finding:
    """The object, if steps 2 to 8 hold for it; otherwise the first thing that does not."""
    # 2. The key is one of ours.
    try:
        parsed = parse_key(listed.key)
    except IntegrityError as error:
        return Finding(Step.KEY, listed.key, "key", "a key of this log's forms", error.detail)
    # 3 and 4. One version of it for ever, under a lock.
    version = listed.versions[0]
    finding = _check_versions(listed) or _check_lock(version, bounds)
    if finding is not None:
        return finding
    # 5. The bytes are those that the bucket holds.
    if not listed.is_pulled:
        return Finding(Step.BYTES, listed.key, "object", "its bytes", "no file")
    try:
        data = pulled.read(listed.key, MAX_OBJECT_BYTES)
    except KeyError:
        return Finding(Step.BYTES, listed.key, "object", "a plain file", "something else")
    finding = _check_bytes(version, data)
    if finding is not None:
        return finding
    if isinstance(parsed, BlobKey):
        return Blob(listed.key, version.sha256 or "")
    # 6. They are a record.
    try:
        record = parse_record(data)
    except IntegrityError as error:
        return Finding(Step.FORM, listed.key, "record", "a record's form", error.detail)
    # 7 and 8. It stands where and when it says.
    finding = _check_place(listed.key, record) or _check_times(version, record, bounds)
    return finding or Checked(listed.key, record, version.last_modified_us)


def _check_versions(listed: Listed) -> Finding | None:
    markers = sum(version.delete_marker for version in listed.versions)
    if markers:
        return Finding(Step.VERSION, listed.key, "versions", "no delete marker", f"{markers}")
    if len(listed.versions) != 1:
        return Finding(Step.VERSION, listed.key, "versions", "exactly 1", f"{len(listed.versions)}")
    if not listed.versions[0].is_latest:
        return Finding(Step.VERSION, listed.key, "versions", "the latest", "an older one alone")
    return None


def _check_lock(version: Version, bounds: Bounds) -> Finding | None:
    if version.mode != _MODE:
        return Finding(Step.LOCK, version.key, "lock mode", _MODE, version.mode or "none")
    least_us = version.last_modified_us + bounds.min_retention_us - bounds.skew_us
    if version.retain_until_us is None or version.retain_until_us < least_us:
        got = "none" if version.retain_until_us is None else format_time(version.retain_until_us)
        return Finding(Step.LOCK, version.key, "retain until", f"{format_time(least_us)} or later", got)
    return None


def _check_bytes(version: Version, data: bytes) -> Finding | None:
    if len(data) > MAX_OBJECT_BYTES:
        return Finding(Step.BYTES, version.key, "size", f"at most {MAX_OBJECT_BYTES} bytes", "more")
    if len(data) != version.size:
        return Finding(Step.BYTES, version.key, "size", f"{version.size} bytes", f"{len(data)}")
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != version.sha256:
        return Finding(Step.BYTES, version.key, "SHA-256", f"{version.sha256}", sha256)
    return None


def _check_place(key: str, record: StoredRecord) -> Finding | None:
    try:
        expected = record_key(record.source.log, record.type, record.id)
    except IntegrityError as error:
        return Finding(Step.PLACE, key, "id", "a UUIDv7", error.detail)
    if key != expected:
        return Finding(Step.PLACE, key, "place", f"{expected} by its content", "this key")
    return None


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

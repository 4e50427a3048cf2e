"""What a `quarantine` event says: that an object under wal/ is no entry of its log, and never will be."""

from __future__ import annotations

from postern.audit.canonical import MAX_RECORD_BYTES, parse_canonical
from postern.audit.findings import Finding, Step
from postern.audit.keys import RecordKey, parse_key, parse_record_key
from postern.audit.listing import PulledLog
from postern.audit.stored import SHA256_HEX
from postern.audit.verify import rows
from postern.audit.verify.spill import Spill
from postern.audit.verify.terms import Terms
from postern.errors import IntegrityError


def file_quarantine(pulled: PulledLog, spill: Spill, terms: Terms, key: str) -> Finding | None:
    """Files the object that the event under `key`, an entry, names; a finding where it names none of its own log."""
    try:
        members = parse_canonical(pulled.read(key, MAX_RECORD_BYTES))
        named = str(members.get("key"))
        parsed = parse_key(named)
    except (IntegrityError, KeyError):
        return None  # an object under a key that is none of ours is a finding where it lies
    size, sha256 = members.get("bytes"), members.get("sha256")
    if not isinstance(parsed, RecordKey) or type(size) is not int or size < 0:
        return Finding(Step.FORM, key, "quarantine", "key and length of an object under wal/", "others")
    if sha256 is not None and (not isinstance(sha256, str) or SHA256_HEX.fullmatch(sha256) is None):
        return Finding(Step.FORM, key, "quarantine's sha256", "64 hex digits or null", "another form")
    own = parse_record_key(key).log
    if parsed.log != own:
        return Finding(Step.FORM, key, "quarantined object", f"one of its own log, {own}", parsed.log)
    log = terms.logs.get(own)
    if log is not None:
        digest = rows.NO_DIGEST if sha256 is None else bytes.fromhex(sha256)
        id_ = rows.id_bytes(parsed.id)
        code = rows.code_of(parsed.type)
        row = rows.Aside(id_, rows.About.QUARANTINED, log.number, code, size, digest)
        rows.add(spill, row, rows.part_of(id_))
    return None

"""Steps 1 to 9 and 11 over a stretch of the listing: each object by itself, the records of each command together.

What ties an object to others far away is filed: its digest and place, its link in its writer's chain, the blobs that it
names or is, the trees that it speaks of.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from postern.audit.chain import Source
from postern.audit.commands import check_command
from postern.audit.findings import Finding, Step
from postern.audit.keys import BlobKey, LogKey, RecordKey
from postern.audit.listing import VERSIONS_FILE, Listed, PulledLog, Stretch, read_listing
from postern.audit.log_bodies import EPOCH_END, EPOCH_START, KEY, QUARANTINE
from postern.audit.objects import Checked, Opaque, check_key, check_record, check_stored, read_object
from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern.audit.verify import rows
from postern.audit.verify.found import Found
from postern.audit.verify.log_objects import Sizes, check_log_object
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.terms import Log, Terms
from postern.tlog.bundles import MAX_ENTRY_BYTES

# Events about the log itself.
_MARKS = {KEY: rows.Mark.KEYS, QUARANTINE: rows.Mark.QUARANTINE, EPOCH_START: rows.Mark.START, EPOCH_END: rows.Mark.END}


@dataclass(slots=True)
class Stretched:
    """What a stretch held. `sizes` are by the log's name."""

    found: Found = field(default_factory=Found)
    lines: int = 0
    last_key: str = ""
    first_key: str | None = None
    sizes: dict[str, Sizes] = field(default_factory=dict)


def check_stretch(pulled: PulledLog, spill: Spill, terms: Terms, stretch: Stretch) -> Stretched:
    """Every step over every object of the stretch, in one pass."""
    walk = _Walk(pulled, spill, terms)
    for row in read_listing(pulled, stretch):
        # 1. The listing has its form and agrees with the files.
        if isinstance(row, Finding):
            walk.done.found.find(row)
            walk.done.lines += row.where.startswith(f"{VERSIONS_FILE}:")
        else:
            walk.take(row)
    walk.close()
    spill.flush()
    return walk.done


@dataclass(slots=True)
class _Walk:
    pulled: PulledLog
    spill: Spill
    terms: Terms
    done: Stretched = field(default_factory=Stretched)
    command: list[Checked] = field(default_factory=list)
    folder: str = ""  # of the command
    damaged: str = ""  # the folder of the last object that does not hold by itself

    def take(self, row: Listed) -> None:
        done = self.done
        done.lines += len(row.versions)
        done.last_key = row.key
        done.first_key = row.key if done.first_key is None else done.first_key
        # 2. The key is one of ours.
        parsed = check_key(row.key)
        if isinstance(parsed, Finding):
            done.found.count["objects"] += 1
            self.find(row, parsed)
        elif self.terms.is_asked(parsed.log):  # type: ignore[attr-defined]  # every key of ours has a log
            done.found.count["objects"] += not row.skipped
            self.look(row, parsed)
        else:
            done.found.count["others"] += not row.skipped

    def look(self, row: Listed, parsed: object) -> None:
        """3 to 9 and 11."""
        folder = row.key.rpartition("/")[0]
        if folder != self.folder:
            self.close()
            self.folder = folder
        log = self.terms.logs.get(parsed.log)  # type: ignore[attr-defined]
        until_us = None if log is None else log.retain_until_us
        finding = check_stored(row, parsed, self.terms.bounds, until_us)
        if finding is not None:
            self.find(row, finding)
        elif isinstance(parsed, RecordKey):
            self.take_record(row, parsed)
        elif isinstance(parsed, BlobKey):
            self.take_blob(row, parsed)
        elif isinstance(parsed, LogKey) and log is not None:
            sizes = self.done.sizes.setdefault(parsed.log, Sizes())
            finding = check_log_object(row, parsed, log, self.pulled, self.spill, sizes)
            self.done.found.count[parsed.part.name] += not row.skipped
            if finding is not None:
                self.find(row, finding)
        else:
            self.find(row, Finding(Step.BYTES, row.key, "object", "its bytes", "no file"))

    def find(self, row: Listed, finding: Finding) -> None:
        self.damaged = row.key.rpartition("/")[0]
        self.done.found.find(finding)

    def take_blob(self, row: Listed, parsed: BlobKey) -> None:
        data = read_object(row, self.pulled)
        if isinstance(data, Finding):
            self.find(row, data)
            return
        self.done.found.count["blobs"] += 1
        number = rows.blob_number(parsed.n, len(data))
        self.file_aside(parsed.log, parsed.id, rows.About.BLOB, 0, number, row.versions[0].sha256 or "")

    def take_record(self, row: Listed, parsed: RecordKey) -> None:
        checked = check_record(row, parsed, self.pulled, self.terms.bounds)
        if isinstance(checked, Finding):
            self.find(row, checked)
        elif isinstance(checked, Opaque):
            self.take_opaque(row, checked)
        elif (finding := _check_deployment(checked, self.terms.logs[parsed.log])) is not None:
            self.find(row, finding)
        else:
            self.command.append(checked)
            self.file_record(checked, parsed)

    def take_opaque(self, row: Listed, one: Opaque) -> None:
        """No record: the log must hold it all the same, or a quarantine say why it does not."""
        self.damaged = row.key.rpartition("/")[0]
        if not self.terms.logs[one.parsed.log].has_tree:
            self.done.found.find(one.finding)
            return
        self.done.found.count["objects_opaque"] += 1
        mark = rows.Mark.OPAQUE | (rows.Mark.TOO_LONG if one.size > MAX_ENTRY_BYTES else 0)
        digest, number = bytes.fromhex(one.sha256), self.terms.logs[one.parsed.log].number
        id_, code = rows.id_bytes(one.parsed.id), rows.code_of(one.parsed.type)
        wal = rows.Wal(digest, number, code, id_, 0, one.last_modified_us, mark)
        rows.add(self.spill, wal, rows.part_of(digest))
        if mark & rows.Mark.TOO_LONG:
            self.file_aside(one.parsed.log, one.parsed.id, rows.About.LONG, code, one.size, one.sha256)

    def file_record(self, checked: Checked, parsed: RecordKey) -> None:
        record = checked.record
        self.done.found.count[record.type.value] += 1
        self.done.found.count["refused"] += record.is_refused
        log = self.terms.logs[parsed.log].number
        digest, id_, code = bytes.fromhex(record.sha256), rows.id_bytes(record.id), rows.code_of(record.type)
        mark = int(_MARKS.get(record.kind, 0)) if record.type is RecordType.EVENT else 0
        stored_us = checked.last_modified_us
        wal = rows.pack_wal(digest, log, code, id_, record.time_us, stored_us, mark)
        self.spill.add(Kind.WAL, digest[-1], wal)
        link = record.link
        env, prev = bytes.fromhex(link.env), rows.NO_DIGEST if link.prev is None else bytes.fromhex(link.prev)
        chain = rows.pack_chain(env, link.n, digest, prev, stored_us, _digest_of(record.source), log, code, id_)
        self.spill.add(Kind.CHAIN, env[-1], chain)
        for n, sha256, size in record.blobs:
            self.file_aside(parsed.log, record.id, rows.About.NAMED, code, rows.blob_number(n, size), sha256)

    def file_aside(self, log: str, id_: str, about: rows.About, code: int, number: int, sha256: str) -> None:
        named = bytes.fromhex(id_.replace("-", ""))
        known = self.terms.logs.get(log)
        row = rows.Aside(named, about, 0 if known is None else known.number, code, number, bytes.fromhex(sha256))
        rows.add(self.spill, row, rows.part_of(named))

    def close(self) -> None:
        """9. The records of one folder together, when the next folder begins."""
        command, self.command = self.command, []
        # With one of its records damaged, what is said of the rest would only repeat that.
        if not command or self.folder == self.damaged:
            return
        result = check_command(command, self.terms.bounds)
        if isinstance(result, Finding):
            self.done.found.find(result)
        elif result is not None:
            self.done.found.leave_open(result)
            limit_us = self.terms.bounds.max_open_us
            if limit_us is not None and result.since_us < self.terms.now_us - limit_us:
                got = f"none since {format_time(result.since_us)}"
                step, what = Step.COMMAND, f"{result.waits_for.value}"
                self.done.found.find(Finding(step, result.key, what, "one within the bound", got))


def _check_deployment(checked: Checked, log: Log) -> Finding | None:
    """7. It was written by the deployment whose log it is in."""
    deployment = checked.record.source.deployment
    if log.origin is None or log.origin == f"postern.{deployment}/{log.name}":
        return None
    return Finding(Step.PLACE, checked.key, "deployment", f"that of {log.origin[:100]}", deployment[:100])


@lru_cache(maxsize=256)  # a log is written by few sources
def _digest_of(source: Source) -> bytes:
    return hashlib.sha256(repr(source).encode()).digest()[:8]

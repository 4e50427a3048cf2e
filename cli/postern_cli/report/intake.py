"""An entry of the log on its way into the report's scratch database."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from postern.audit.canonical import parse_canonical
from postern.audit.keys import blob_key
from postern.audit.records import RecordType
from postern.audit.run_bodies import RUN_KINDS
from postern.audit.stored import StoredRecord, parse_members
from postern.errors import IntegrityError
from postern.types import Sha256Hex
from postern_cli.evidence.entries import Entry
from postern_cli.evidence.members import Members, Odd
from postern_cli.evidence.period import Period
from postern_cli.evidence.words import shown
from postern_cli.pulled import PulledFolder
from postern_cli.report.facts import EVENTS
from postern_cli.report.principals import who
from postern_cli.report.store import Cell, Store

STATEMENT_KINDS = frozenset({"statement", *RUN_KINDS})
WORLD_KINDS = frozenset({"provision", "teardown"})
_MAX_BLOB_BYTES = 16 * 1024 * 1024
_MAX_RELATIONS = 200  # of one statement that are named


@dataclass(slots=True)
class Intake:
    """Takes every entry of a log once, in order. `finish` adds what was counted."""

    folder: PulledFolder
    store: Store
    period: Period
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # by type, kind, place in the period
    writers: Counter[tuple[str, str]] = field(default_factory=Counter)  # of the period's records: function, version
    last_time: str = ""  # the latest time that any record says

    def take(self, entry: Entry) -> None:
        digest = Sha256Hex(hashlib.sha256(entry.data).hexdigest())
        try:
            members = parse_canonical(entry.data)
            record = parse_members(members, entry.data, sha256=digest)
        except IntegrityError as error:
            self.counts["opaque", "-", "within"] += 1
            what = f"no record: {shown(error.detail, 200)}"
            self.store.add("odd", {"log": entry.log, "at": entry.index, "sha256": digest, "within": 1, "what": what})
            return
        self._take_record(entry, record, members)

    def finish(self) -> None:
        for (type_, kind, place), records in sorted(self.counts.items()):
            self.store.add("tally", {"type": type_, "kind": kind, "place": place, "records": records})
        for (function, version), records in sorted(self.writers.items()):
            self.store.add("writer", {"function": function, "version": version, "records": records})

    def _take_record(self, entry: Entry, record: StoredRecord, value: Mapping[str, object]) -> None:
        odd = Odd()
        members = Members(value, lambda *named: self._blob(record, *named), odd)
        time = str(value["time"])  # of the one form that a record may have
        place = "within" if self.period.holds(time) else "before" if time < self.period.begin else "after"
        self.counts[record.type.value, record.kind, place] += 1
        if place == "within":
            self.writers[record.source.function, record.source.code_version] += 1
        self.last_time = max(self.last_time, time)
        head: dict[str, Cell] = {
            "log": entry.log,
            "at": entry.index,
            "id": record.id,
            "sha256": record.sha256,
            "time": time,
            "within": int(place == "within"),
            "kind": record.kind,
            "function": record.source.function,
            "version": record.source.code_version,
            "policy": members.text("policy"),
        }
        if record.type in (RecordType.OUTCOME, RecordType.SETTLED):
            self._take_ending(head, record, members)
        elif place != "after":
            self._take_first(head, record, members)
        if odd.names:
            what = f"members of another form: {', '.join(sorted(set(odd.names)))}"
            self.store.add("odd", {**head, "what": what})

    def _take_first(self, head: dict[str, Cell], record: StoredRecord, members: Members) -> None:
        if record.type is RecordType.EVENT:
            take = EVENTS.get(record.kind)
            if take is None:
                self.store.add("other", {**head, "type": "event"})
            else:
                take(self.store, head, members)
        elif record.kind in STATEMENT_KINDS | WORLD_KINDS:
            self._take_act(head, record, members)
        else:
            self.store.add("other", {**head, "type": "intent"})

    def _take_act(self, head: dict[str, Cell], record: StoredRecord, members: Members) -> None:
        decision, statement = members.inside("decision"), members.inside("statement")
        task, target, approval = members.inside("task"), members.inside("target"), members.inside("approval")
        relations = decision.texts("relations")
        writes = decision.flag("writes") or record.kind == "run_once"
        if record.kind in STATEMENT_KINDS and not record.is_refused:
            for relation in dict.fromkeys(relations[:_MAX_RELATIONS]):
                self.store.use(task.text("id") or "", relation, writes=writes, within=bool(head["within"]))
        if not head["within"] and record.kind in STATEMENT_KINDS:
            return
        text = statement.text("text")
        self.store.add(
            "act",
            {
                **head,
                **who(members),
                "result": "refuse" if record.is_refused else "allow",
                "code": decision.text("code"),
                "reason": decision.text("reason"),
                "run_by": members.text("by"),
                "task": task.text("id"),
                "sequence": task.number("sequence"),
                "database_name": target.text("database"),
                "role": target.text("role"),
                "writes": int(writes),
                "relations": _named(relations),
                "mode": statement.text("mode") or "full",
                "text": text,
                "text_digest": statement.text("sha256") or statement.text("hmac_sha256"),
                "fingerprint": statement.text("fingerprint"),
                "parameters": statement.inside("parameters").number("count"),
                "needed": approval.number("needed"),
                "given": " ".join(approval.texts("given")),
                "lookups": len(statement.objects("lookups")),
            },
        )

    def _take_ending(self, head: dict[str, Cell], record: StoredRecord, members: Members) -> None:
        """Whatever its own time: an intent at the period's end has its outcome after it."""
        task = members.inside("task").text("id")
        sums: Counter[str] = Counter()
        for one in members.objects("masked"):
            mask, count = one.text("mask") or "-", one.number("count") or 0
            sums["unmasked" if mask == "unmasked" else "detected" if mask.startswith("detected:") else "masked"] += (
                count
            )
            row = {"outcome": record.sha256, "task": task, "name": one.text("column"), "mask": mask, "count": count}
            self.store.add("mask", row)
        self.store.add(
            "ending",
            {
                **head,
                "type": record.type.value,
                "names": record.names,
                "status": record.status,
                "error": members.text("error"),
                "sqlstate": members.text("sqlstate"),
                "row_count": members.number("rows"),
                "affected": members.number("affected"),
                "bytes": members.number("bytes"),
                "truncated": members.flag("truncated"),
                "sensitive": members.number("sensitive_values"),
                "duration_ms": members.number("duration_ms"),
                "rows_written": members.inside("transaction").number("rows_written"),
                **sums,
                "left_over": _left(members),
            },
        )

    def _blob(self, record: StoredRecord, place: int, sha256: str, size: int) -> object:
        """The value in a blob; None where the copy has it not, or not with this digest, which the verifier tells."""
        if size > _MAX_BLOB_BYTES:
            return None
        try:
            data = self.folder.read(blob_key(record.source.log, record.id, place), size)
        except KeyError:
            return None
        try:
            return json.loads(data) if hashlib.sha256(data).hexdigest() == sha256 else None
        except (ValueError, RecursionError):
            return None


def _left(members: Members) -> int | None:
    """What a teardown left behind, of all sorts; None where it does not say."""
    left = members.inside("left")
    counts = [left.number(name) for name in ("sessions", "schemas", "roles", "keys")]
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def _named(relations: list[str]) -> str:
    more = f" … and {len(relations) - _MAX_RELATIONS:,} more" if len(relations) > _MAX_RELATIONS else ""
    return " ".join(relations[:_MAX_RELATIONS]) + more

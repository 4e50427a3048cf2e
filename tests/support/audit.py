"""Evidence without a bucket: a record store in memory, a good log to start from, and ways to spoil it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postern.audit.canonical import canonical_bytes
from postern.audit.chain import Linked, Source, Writer, link
from postern.audit.ids import uuid7
from postern.audit.keys import blob_key, record_key
from postern.audit.listing import WHOLE, Stretch
from postern.audit.records import Record, RecordType
from postern.audit.times import format_time, parse_time
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.types import CommandId, Sha256Hex

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BASE_US = 1_795_341_600_000_000  # 2026-11-22T10:00:00Z
DAY_US = 86_400_000_000
Json = dict[str, object]


def source(function: str = "query", *, log: str = "prod-2026") -> Source:
    return Source(log=log, deployment="shop", code_version="0.1.0", function=function)


class Immutable(dict[str, bytes]):
    """Objects under Object Lock: a key is set once. Setting it again or removing it fails the test."""

    def __setitem__(self, key: str, data: bytes) -> None:
        assert key not in self, f"{key}: an immutable key was written twice"
        super().__setitem__(key, data)

    def __delitem__(self, key: str) -> None:
        raise AssertionError(f"{key}: an immutable key was deleted")

    def pop(self, key: str, *_: object) -> bytes:
        raise AssertionError(f"{key}: an immutable key was removed")


@dataclass
class MemoryRecordStore:
    """`ports.RecordStore` in memory. Stores that share `objects` write to one bucket, each its own chains.

    `fail_next("before")` loses the next record; `fail_next("after")` writes it and loses the answer and
    the look-up, as a broken network would: either way the caller sees `EvidenceUnavailable`.
    """

    source: Source = field(default_factory=source)
    objects: Immutable = field(default_factory=Immutable)
    name: str = "env"
    chains: int = 0
    puts: int = 0
    _writer: Writer | None = None
    _failures: list[str] = field(default_factory=list)
    _unknown: dict[str, tuple[Record, Linked]] = field(default_factory=dict)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    def fail_next(self, *when: str) -> None:
        self._failures.extend(when)

    def put(self, record: Record) -> Sha256Hex:
        with self._one_at_a_time:  # a chain is one, whoever adds to it
            return self._put(record)

    def _put(self, record: Record) -> Sha256Hex:
        self.puts += 1
        key = record_key(self.source.log, record.type, record.id)
        known, linked = self._unknown.get(key, (None, None))
        if known != record or linked is None:
            for n, blob in enumerate(record.blobs):
                self._store(blob_key(self.source.log, record.id, n), blob)
            linked = link(record, self._chain(), self.source)
            self._writer = None
            self._create(key, record, linked)
            self._writer = linked.next
            return linked.sha256
        self._create(key, record, linked)
        return linked.sha256

    def bodies(self, record_type: RecordType | None = None) -> list[Json]:
        """The records as objects, in the order in which they were written."""
        found = [json.loads(data) for key, data in self.objects.items() if not key.startswith("blob/")]
        return [one for one in found if record_type is None or one["type"] == record_type.value]

    def _chain(self) -> Writer:
        if self._writer is None:
            self.chains += 1
            env = hashlib.sha256(f"{self.name}/{self.source.function}/{self.chains}".encode()).hexdigest()[:32]
            self._writer = Writer(env)
        return self._writer

    def _create(self, key: str, record: Record, linked: Linked) -> None:
        failure = self._failures.pop(0) if self._failures else None
        if failure != "before":
            self._store(key, linked.data)
        if failure is not None:
            self._unknown[key] = (record, linked)
            raise EvidenceUnavailable("evidence.unavailable", f"record: expected an answer, got one lost {failure}")

    def _store(self, key: str, data: bytes) -> None:
        if key not in self.objects:
            self.objects[key] = data
        elif self.objects[key] != data:
            raise IntegrityError("evidence.conflict", f"{key}: expected our bytes, got others")


@dataclass
class Copy:
    """A pulled log in memory, open to tampering. Implements `audit.listing.PulledLog`."""

    objects: dict[str, bytes]
    rows: list[Json]
    lines: list[bytes] | None = None  # set where the text of the listing itself was tampered with

    def stretches(self, wanted: int) -> list[Stretch]:
        """The rows in so many parts; a part ends where the next one's folder begins."""
        rows = self.rows if self.lines is None else []
        folders = [str(row["key"]).rpartition("/")[0] for row in rows]
        begins = [at for at in range(1, len(rows)) if folders[at] != folders[at - 1]]
        some = begins[:: max(1, len(begins) // max(1, wanted - 1))][: wanted - 1] if wanted > 1 else []
        edges = [0, *some, None]
        firsts = ["", *(str(rows[at]["key"]) for at in some), None]
        spans = zip(edges, edges[1:], firsts, firsts[1:], strict=False)
        return [Stretch(begin or 0, end, first or "", until) for begin, end, first, until in spans]

    def version_lines(self, stretch: Stretch = WHOLE) -> Iterator[bytes]:
        lines = self.lines if self.lines is not None else [json.dumps(row).encode() for row in self.rows]
        yield from lines[stretch.begin : stretch.end]

    def keys(self, stretch: Stretch = WHOLE) -> Iterator[str]:
        keys = sorted(self.objects, key=str.encode)
        yield from (key for key in keys if key >= stretch.first and (stretch.until is None or key < stretch.until))

    def names(self, folder: str) -> Sequence[str]:
        prefix = f"{folder}/"
        return list({key[len(prefix) :].partition("/")[0] for key in self.objects if key.startswith(prefix)})

    def read(self, key: str, limit: int) -> bytes:
        return self.objects[key][: limit + 1]

    def digest(self, key: str) -> tuple[int, str]:
        return len(self.objects[key]), hashlib.sha256(self.objects[key]).hexdigest()

    def row(self, key: str) -> Json:
        (found,) = [row for row in self.rows if row["key"] == key]
        return found

    def key_of(self, **members: object) -> str:
        """The key of the first record that has these members."""
        for key, data in self.objects.items():
            record = json.loads(data)
            if all(record.get(name) == value for name, value in members.items()):
                return key
        raise LookupError(members)

    def remove(self, key: str) -> None:
        del self.objects[key]
        self.rows.remove(self.row(key))

    def store(self, key: str, data: bytes) -> None:
        """Puts bytes under a key with a sound line of their own, as someone who owns the bucket could."""
        self.objects[key] = data
        self.rows = [row for row in self.rows if row["key"] != key]
        self.rows.append(row_of(key, data))
        self.rows.sort(key=lambda row: str(row["key"]).encode())

    def rewrite(self, key: str, change: Callable[[Json], object]) -> None:
        """Changes a record's content and makes bytes and listing agree with it again; its times in the bucket stay."""
        record = json.loads(self.objects[key])
        change(record)
        self.replace_bytes(key, canonical_bytes(record, max_bytes=1 << 20))

    def replace_bytes(self, key: str, data: bytes) -> None:
        self.objects[key] = data
        self.row(key).update(size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def write_to(self, folder: Path) -> None:
        for key, data in self.objects.items():
            path = folder / "objects" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "versions.jsonl").write_bytes(b"".join(line + b"\n" for line in self.version_lines()))


def row_of(key: str, data: bytes) -> Json:
    """The listing's line for an object that was stored 200 ms after its record's time and locked for ten days."""
    try:
        stored_us = parse_time(json.loads(data)["time"]) + 200_000
    except (ValueError, KeyError, TypeError):
        stored_us = BASE_US
    return {
        "key": key,
        "version_id": hashlib.sha256(key.encode()).hexdigest()[:16],
        "is_latest": True,
        "delete_marker": False,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "last_modified": format_time(stored_us // 1_000_000 * 1_000_000),
        "retain_until": format_time(stored_us + 10 * DAY_US),
        "mode": "COMPLIANCE",
    }


def copy_of(objects: dict[str, bytes]) -> Copy:
    rows = [row_of(key, objects[key]) for key in sorted(objects, key=str.encode)]
    return Copy(dict(objects), rows)


@dataclass
class Story:
    """Writes commands a second apart, with ids and times that follow from their number."""

    objects: Immutable = field(default_factory=Immutable)
    second: int = 0

    def id_at(self, second: int) -> CommandId:
        return CommandId(uuid7(BASE_US + second * 1_000_000, hashlib.sha256(str(second).encode()).digest()[:10]))

    def event(self, store: MemoryRecordStore, kind: str, body: Json | None = None) -> CommandId:
        self.second += 1
        id_ = self.id_at(self.second)
        store.put(Record(RecordType.EVENT, kind, id_, self.now_us, body or {"decision": {"result": "allow"}}))
        return id_

    def act(
        self,
        store: MemoryRecordStore,
        kind: str = "statement",
        *,
        result: str = "allow",
        status: str | None = "ok",
        settled: bool = False,
        settlement: str = "committed",
    ) -> CommandId:
        """An intent, an outcome unless it was refused or `status` is None, and a settlement if asked for."""
        self.second += 1
        id_ = self.id_at(self.second)
        body: Json = {"decision": {"result": result}, "statement": {"text": f"select {self.second}"}}
        intent = store.put(Record(RecordType.INTENT, kind, id_, self.now_us, body))
        if result == "refuse" or status is None:
            return id_
        self.second += 1
        after = {"intent": intent, "status": status, "rows": 3}
        outcome = store.put(Record(RecordType.OUTCOME, kind, id_, self.now_us, after))
        if settled:
            self.second += 1
            last = {"outcome": outcome, "status": settlement}
            store.put(Record(RecordType.SETTLED, kind, id_, self.now_us, last))
        return id_

    def act_unsure(self, store: MemoryRecordStore) -> None:
        """An intent that is there though its PUT failed: its writer knows nothing of it and begins another chain."""
        self.second += 1
        body: Json = {"decision": {"result": "allow"}, "statement": {"text": "select 1"}}
        with contextlib.suppress(EvidenceUnavailable):
            store.put(Record(RecordType.INTENT, "statement", self.id_at(self.second), self.now_us, body))

    @property
    def now_us(self) -> int:
        return BASE_US + self.second * 1_000_000


def good_log() -> Copy:
    """A log that holds: three environments, 6 completed acts, one refused, one open, three events, one blob."""
    story = Story()
    tasks, provision, query = (
        MemoryRecordStore(source(name), story.objects) for name in ("tasks", "provision", "query")
    )
    story.event(tasks, "grant")
    story.act(provision, "provision")
    story.act(query)
    story.act(query, result="refuse")
    story.event(tasks, "refusal", {"decision": {"result": "refuse"}})
    story.act(query, status="failed")
    story.act(query, status="pending", settled=True)
    story.act(query)
    story.act(query, status=None)
    story.act(provision, "teardown")
    story.event(tasks, "grant")
    return copy_of({**story.objects, f"blob/prod-2026/{story.id_at(4)}/0": b"select 'a long one'"})


def make_evidence_bucket(client: S3Client, name: str, *, days: int = 2) -> None:
    """A bucket as infra/audit.yaml makes it: versioned, Object Lock, COMPLIANCE by default."""
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}},
        },
    )


@dataclass
class LossyS3:
    """An S3 client whose next PUTs fail as told, each before or after it persisted; everything else passes."""

    client: S3Client
    put_failures: list[tuple[str, Exception]] = field(default_factory=list)
    head_failures: list[Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    puts: list[dict[str, Any]] = field(default_factory=list)

    def put_object(self, **request: Any) -> Any:
        self.calls.append("put")
        self.puts.append(request)
        when, error = self.put_failures.pop(0) if self.put_failures else ("never", Exception())
        if when == "before":
            raise error
        answer = self.client.put_object(**request)
        if when == "after":
            raise error
        return answer

    def head_object(self, **request: Any) -> Any:
        self.calls.append("head")
        if self.head_failures:
            raise self.head_failures.pop(0)
        return self.client.head_object(**request)

"""Two epochs of a log as they lie in the bucket, with all that a good log may hold, and what it takes to spoil them.

Who only has the bucket spoils the copy (`Copy`). Who also owns the signing key changes what was written and makes
the tree anew (`Written`, `lay_down`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache

from postern.audit import log_bodies
from postern.audit.canonical import canonical_bytes
from postern.audit.keys import log_key, parse_record_key, record_key
from postern.audit.log_bodies import PreviousEpoch, ValidKey
from postern.audit.records import Record, RecordType
from postern.audit.times import format_time
from postern.services.stage import Stage, format_stage
from postern.tlog.append import append
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import EMPTY_ROOT, Hash
from postern.types import CommandId
from tests.support.audit import BASE_US, DAY_US, Copy, Json, MemoryRecordStore, Story, source
from tests.support.log_copy import LogKey, signed
from tests.support.log_copy import log_key as signing_key

OLD, NEW = "prod-2025", "prod-2026"
OLD_ORIGIN, NEW_ORIGIN = f"postern.shop/{OLD}", f"postern.shop/{NEW}"
OLD_KEY, FIRST_KEY, SECOND_KEY = signing_key(OLD_ORIGIN, 1), signing_key(NEW_ORIGIN, 2), signing_key(NEW_ORIGIN, 3)
OLD_UNTIL_US, NEW_UNTIL_US = BASE_US + 400 * DAY_US, BASE_US + 765 * DAY_US
NOW_US = BASE_US + 7200 * 1_000_000
_SECOND_US = 1_000_000


@dataclass
class Batch:
    """So many entries, sequenced together and signed by these keys."""

    entries: int
    keys: tuple[LogKey, ...]


@dataclass
class Written:
    """One epoch before it is laid down: objects under wal/ and blob/, which of them are entries, and in what order."""

    log: str
    until_us: int
    objects: dict[str, bytes]
    order: list[str]  # keys of the entries
    batches: list[Batch]
    left_stage: bool = False  # with a stage that was overtaken
    stored_us: dict[str, int] = field(default_factory=dict)  # where it is not 200 ms after the record's time


@dataclass
class GoodLog:
    """Both epochs, and what an auditor holds of them."""

    old: Written
    new: Written

    def lay_down(self) -> Copy:
        return lay_down(self.old, self.new)


def checkpoints(copy: Copy, log: str) -> dict[int, bytes]:
    """Every published checkpoint, by its size."""
    folder = log_key(log, "checkpoints/0")[:-1]
    return {int(key[len(folder) :]): copy.objects[key] for key in copy.objects if key.startswith(folder)}


def good(*, small: bool = False) -> GoodLog:
    """A fresh one, free to be changed; the same every time. A small one has no full bundle, and is checked sooner."""
    return deepcopy(_good(small=small))


def good_copy() -> Copy:
    copy = _good_copy()
    return Copy(dict(copy.objects), [dict(row) for row in copy.rows])


@cache
def _good_copy() -> Copy:
    return _good(small=False).lay_down()


@cache
def _good(*, small: bool) -> GoodLog:
    old = _old_epoch()
    closing = tree_of(old)[-1].note
    return GoodLog(old, _new_epoch(closing, acts=3) if small else _new_epoch(closing, acts=40))


# What was written.


@dataclass
class _Writers:
    """The environments that write one log, over one set of objects; the keys in the order of writing."""

    story: Story
    tasks: MemoryRecordStore
    provision: MemoryRecordStore
    query: MemoryRecordStore
    reap: MemoryRecordStore

    @classmethod
    def of(cls, log: str, second: int) -> _Writers:
        story = Story(second=second)
        stores = (
            MemoryRecordStore(source(name, log=log), story.objects, name=log)
            for name in ("tasks", "provision", "query", "reap")
        )
        return cls(story, *stores)

    def event(self, store: MemoryRecordStore, make: Callable[[CommandId, int], Record]) -> CommandId:
        self.story.second += 1
        id_ = self.story.id_at(self.story.second)
        store.put(make(id_, self.story.now_us))
        return id_

    def begin(self, *, origin: str, retain_until_us: int, key: LogKey, previous: PreviousEpoch | None) -> None:
        """The log's first entry."""
        self.event(
            self.reap,
            lambda id_, time_us: log_bodies.epoch_start_event(
                id_,
                time_us,
                origin=origin,
                retain_until_us=retain_until_us,
                vkeys=[str(key.verifier)],
                previous=previous,
            ),
        )

    def written(self) -> dict[str, bytes]:
        return dict(self.story.objects)


def _old_epoch() -> Written:
    writers = _Writers.of(OLD, -86_400)
    writers.begin(origin=OLD_ORIGIN, retain_until_us=OLD_UNTIL_US, key=OLD_KEY, previous=None)
    story = writers.story
    story.event(writers.tasks, "grant")
    story.act(writers.provision, "provision")
    for _ in range(3):
        story.act(writers.query)
    story.act(writers.provision, "teardown")
    story.second = -5  # the next epoch begins
    writers.event(writers.reap, lambda id_, time_us: log_bodies.epoch_end_event(id_, time_us, next_log=NEW))
    objects = writers.written()
    order = [key for key in objects if key.startswith("wal/")]
    return Written(OLD, OLD_UNTIL_US, objects, order, [Batch(3, (OLD_KEY,)), Batch(len(order) - 3, (OLD_KEY,))])


def _new_epoch(closing: bytes, *, acts: int) -> Written:
    """Five entries an act; with 40, one batch ends where the first bundle is full."""
    writers = _Writers.of(NEW, 0)
    story = writers.story
    previous = PreviousEpoch(OLD, OLD_ORIGIN, closing.decode())
    writers.begin(origin=NEW_ORIGIN, retain_until_us=NEW_UNTIL_US, key=FIRST_KEY, previous=previous)
    story.event(writers.tasks, "grant")
    story.act(writers.provision, "provision")
    for number in range(acts):
        story.act(writers.query)
        story.act(writers.query, status="failed")
        story.act(writers.query, result="refuse")
        if number % 20 == 0:
            story.event(writers.tasks, "refusal", {"decision": {"result": "refuse"}})
    _acts_of_all_sorts(writers)
    _key_change(writers)
    planted = _planted(story)
    _quarantine(writers, *planted["long"])
    story.act(writers.query, status=None)  # open
    for _ in range(acts * 3 // 4):
        story.act(writers.query)
    story.act(writers.provision, "teardown")
    objects = {**writers.written(), **dict(planted.values())}
    order = [key for key in writers.written() if key.startswith("wal/")]
    order.insert(5 * acts, planted["opaque"][0])
    late = order.index(
        next(key for key in order[2 * acts :] if key.endswith("1-intent.json") and _has_outcome(key, order))
    )
    order.insert(late + 9, order.pop(late))  # its event came late
    order = order[:-2]  # the last two are not sequenced yet
    both = (FIRST_KEY, SECOND_KEY)
    first = [Batch(size, (FIRST_KEY,)) for size in (1, acts, acts + acts // 2, acts * 5 // 2 - 1)]
    full = 256 - sum(batch.entries for batch in first) if acts == 40 else 2
    batches = [*first, Batch(full, both), Batch(7, both)]
    batches.append(Batch(len(order) - sum(batch.entries for batch in batches), (SECOND_KEY,)))
    stored_us = {key: story.now_us for key, _ in planted.values()}
    return Written(NEW, NEW_UNTIL_US, objects, order, batches, left_stage=True, stored_us=stored_us)


def _has_outcome(key: str, order: Iterable[str]) -> bool:
    return key.replace("1-intent", "2-outcome") in order


def _acts_of_all_sorts(writers: _Writers) -> None:
    story = writers.story
    story.act(writers.query, status="pending", settled=True)
    for status in ("rolled_back", "unknown"):
        story.act(writers.query, status="pending", settled=True, settlement=status)
    story.act(writers.query, status="rolled_back")
    story.act(writers.query, status="too_large")
    # A chain that was given up: the PUT's result stayed unknown.
    writers.query.fail_next("after")
    story.act_unsure(writers.query)
    # A statement too long for its record.
    text = b"select " + b"1, " * 5000 + b"1"
    named = {"blob": 0, "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    story.second += 1
    body: Json = {"decision": {"result": "allow"}, "statement": {"text": named}}
    id_ = story.id_at(story.second)
    intent = writers.query.put(Record(RecordType.INTENT, "statement", id_, story.now_us, body, (text,)))
    writers.reap.put(log_bodies.abandoned_outcome("statement", id_, story.now_us + _SECOND_US, intent, {"id": "t"}))


def _key_change(writers: _Writers) -> None:
    keys = [
        ValidKey(str(FIRST_KEY.verifier), BASE_US, BASE_US + 500 * _SECOND_US),
        ValidKey(str(SECOND_KEY.verifier), BASE_US + 200 * _SECOND_US, None),
    ]
    writers.event(writers.reap, lambda id_, time_us: log_bodies.key_event(id_, time_us, keys))


def _planted(story: Story) -> dict[str, tuple[str, bytes]]:
    """Objects under wal/ that are no records: one short enough for an entry, one not."""
    story.second += 1
    opaque = record_key(NEW, RecordType.EVENT, story.id_at(story.second))
    story.second += 1
    too_long = record_key(NEW, RecordType.INTENT, story.id_at(story.second))
    return {"opaque": (opaque, b"\xffno record"), "long": (too_long, b"x" * 70_000)}


def _quarantine(writers: _Writers, key: str, data: bytes) -> None:
    writers.event(
        writers.reap,
        lambda id_, time_us: log_bodies.quarantine_event(
            id_,
            time_us,
            key=key,
            version_id="v",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),  # type: ignore[arg-type]
            reason="over 65535 bytes",
        ),
    )


# How it lies in the bucket.


@dataclass(frozen=True)
class Head:
    """A tree after a batch: what was written for it, and its checkpoint."""

    size: int
    root: Hash
    writes: Mapping[str, bytes]
    note: bytes
    stage: tuple[str, bytes]
    stored_us: int


def tree_of(written: Written, *, deployment: str = "shop") -> list[Head]:
    """The trees of the epoch, one a batch."""
    stored: dict[str, bytes] = {}
    heads: list[Head] = []
    size, root, at, time_us = 0, EMPTY_ROOT, 0, 0
    for batch in written.batches:
        keys = written.order[at : at + batch.entries]
        if not keys:
            continue
        entries = [written.objects[key] for key in keys]
        appended = append(size, root, stored.__getitem__, entries)
        stage = format_stage(Stage(written.log, size, root, tuple(keys), tuple(entries), closes=False))
        size, root, at = appended.size, appended.root, at + batch.entries
        stored.update(appended.writes)
        note = signed(Checkpoint(f"postern.{deployment}/{written.log}", size, root), *batch.keys)
        time_us = max([time_us, *(stored_us(written, key) for key in keys)]) + 2 * _SECOND_US
        heads.append(Head(size, root, appended.writes, note, (f"stage/{size}-{root.hex()}", stage), time_us))
    return heads


def stored_us(written: Written, key: str) -> int:
    if key in written.stored_us:
        return written.stored_us[key]
    id_ = key.split("/")[-2]
    ahead = {"1-intent.json": 0, "1-event.json": 0, "2-outcome.json": 1, "3-settled.json": 2}
    return int(id_[:8] + id_[9:13], 16) * 1000 + ahead[key.rpartition("/")[2]] * _SECOND_US


def lay_down(*epochs: Written) -> Copy:
    """The bucket of these epochs, pulled."""
    copy = Copy({}, [])
    for written in epochs:
        for key, data in written.objects.items():
            put(copy, key, data, stored_us(written, key) if key.startswith("wal/") else BASE_US, written.until_us)
        heads = tree_of(written)
        for head in heads:
            for path, data in (*head.writes.items(), (f"checkpoints/{head.size}", head.note), head.stage):
                put(copy, log_key(written.log, path), data, head.stored_us, written.until_us)
        _put_latest(copy, written, heads)
        if written.left_stage:
            _put_left_stage(copy, written, heads[0])
    copy.rows.sort(key=lambda row: str(row["key"]).encode())
    return copy


def put(copy: Copy, key: str, data: bytes, time_us: int, until_us: int) -> None:
    copy.objects[key] = data
    copy.rows.append(row_of(key, data, time_us, until_us))


def row_of(key: str, data: bytes, time_us: int, until_us: int) -> Json:
    return {
        "key": key,
        "version_id": hashlib.sha256(key.encode() + data).hexdigest()[:16],
        "is_latest": True,
        "delete_marker": False,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "last_modified": format_time(time_us // _SECOND_US * _SECOND_US),
        "retain_until": format_time(until_us),
        "mode": "COMPLIANCE",
    }


def _put_latest(copy: Copy, written: Written, heads: list[Head]) -> None:
    """Every version of `checkpoint`, newest first; the newest one's bytes."""
    key = log_key(written.log, "checkpoint")
    copy.objects[key] = heads[-1].note
    for head in reversed(heads):
        copy.rows.append({**row_of(key, head.note, head.stored_us, written.until_us), "is_latest": head is heads[-1]})


def _put_left_stage(copy: Copy, written: Written, base: Head) -> None:
    """A batch of another sequencer on the first tree, which was overtaken."""
    keys = tuple(written.order[5:9])
    entries = tuple(written.objects[key] for key in keys)
    stored = dict(base.writes)
    left = append(base.size, base.root, stored.__getitem__, entries)
    stage = format_stage(Stage(written.log, base.size, base.root, keys, entries, closes=False))
    key = log_key(written.log, f"stage/{left.size}-{left.root.hex()}")
    put(copy, key, stage, base.stored_us, written.until_us)


def keys_of(written: Written, type_: RecordType) -> list[str]:
    """The entries of a type, in the log's order."""
    return [key for key in written.order if parse_record_key(key).type is type_]


# What the owner of the signing key can do.


def rewrite(written: Written, change: Callable[[str, Json], Json | None]) -> None:
    """Changes records, or drops those that become None, and makes every digest, chain and batch agree with it again."""
    digests: dict[str, str] = {}
    places: dict[str, int] = {}
    objects: dict[str, bytes] = {}
    for key, data in written.objects.items():
        if not _is_record(data):
            objects[key] = data
            continue
        record = change(key, json.loads(data))
        if record is None:
            continue
        writer = dict(record["writer"])  # type: ignore[call-overload]
        n = places[writer["env"]] = places.get(writer["env"], -1) + 1
        record["writer"] = {"env": writer["env"], "n": n, "prev": digests.get(f"{writer['env']}/{n - 1}")}
        for name in ("intent", "outcome"):
            if name in record:
                record[name] = digests[str(record[name])]
        objects[key] = canonical_bytes(record)
        sha256 = hashlib.sha256(objects[key]).hexdigest()
        digests[hashlib.sha256(data).hexdigest()] = digests[f"{writer['env']}/{n}"] = sha256
    gone = [key for key in written.order if key not in objects]
    written.objects = objects
    for key in gone:
        drop_entry(written, key)


def drop_entry(written: Written, key: str) -> None:
    """Takes an entry out of its place; its batch is one shorter."""
    at = written.order.index(key)
    written.order.pop(at)
    _batch_of(written, at).entries -= 1


def add_entry(written: Written, key: str, at: int) -> None:
    """Puts an object in as an entry at this place."""
    _batch_of(written, at).entries += 1
    written.order.insert(at, key)


def _batch_of(written: Written, at: int) -> Batch:
    for batch in written.batches:
        if at < batch.entries:
            return batch
        at -= batch.entries
    return written.batches[-1]


def _is_record(data: bytes) -> bool:
    return data.startswith(b'{"')

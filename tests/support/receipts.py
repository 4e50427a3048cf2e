"""A published log that holds two agents' commands, to ask receipts of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.audit.bodies import principal_member
from postern.audit.records import Record, RecordType
from postern.reap_ports import DatedKey, Fixed, LogKeys
from postern.services.receipts import Receipts
from postern.types import CommandId, Principal
from tests.support.audit import BASE_US, Immutable, MemoryRecordStore, Story
from tests.support.domain import AGENT
from tests.support.log_copy import LogKey, build, log_key
from tests.support.log_fakes import LogStore, MemoryLogBucket, MemoryLogTable

LOG = "prod-2026"
ORIGIN = f"postern.shop/{LOG}"
KEY = log_key(ORIGIN)


@dataclass
class Commands:
    """Writes the records of commands that name who sent them."""

    objects: Immutable = field(default_factory=Immutable)
    story: Story = field(default_factory=Story)

    def run(self, principal: Principal = AGENT, *, settled: bool = False) -> CommandId:
        """A statement's intent and outcome, and its settlement if asked for."""
        store = MemoryRecordStore(objects=self.objects, name=f"env{len(self.objects)}")
        self.story.second += 1
        id_, at_us = self.story.id_at(self.story.second), BASE_US + self.story.second * 1_000_000
        body = {
            "principal": principal_member(principal),
            "decision": {"result": "allow"},
            "statement": {"text": "select 1"},
        }
        intent = store.put(Record(RecordType.INTENT, "statement", id_, at_us, body))
        status = "pending" if settled else "ok"
        outcome = store.put(Record(RecordType.OUTCOME, "statement", id_, at_us, {"intent": intent, "status": status}))
        if settled:
            last = {"outcome": outcome, "status": "committed"}
            store.put(Record(RecordType.SETTLED, "statement", id_, at_us, last))
        return id_


@dataclass
class Published:
    """The commands' records in a log, its index, and the use case over both."""

    store: LogStore
    receipts: Receipts


def published(commands: Commands, *, batches: Sequence[int] = (), key: LogKey = KEY) -> Published:
    """The log of all records, or of the first ones that these batches hold; the index has all of them."""
    records = list(commands.objects.items())
    sizes = tuple(batches) or (len(records),)
    entries = [data for _, data in records]
    log = build(entries[: sum(sizes)], origin=ORIGIN, batches=sizes, key=key)
    store = LogStore(places={record: place for place, (record, _) in enumerate(records)})
    store.latest[LOG] = [log.pop("checkpoint")]
    store.objects.update({(LOG, path): data for path, data in log.items()})
    return Published(store, receipts_of(store))


def receipts_of(store: LogStore) -> Receipts:
    keys = LogKeys(LOG, (DatedKey(str(KEY.verifier), BASE_US),), told=Fixed(CommandId("x"), BASE_US))
    return Receipts(
        table=MemoryLogTable(store),
        buckets=lambda log: MemoryLogBucket(store, log),
        keys=lambda log: keys if log == LOG else None,
        deployment="shop",
        watermark=lambda log: None,
        left_notes=lambda log: None,
    )

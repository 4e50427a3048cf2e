"""Records of the size that the product writes, for measuring the log: commands of an intent and an outcome each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from tests.support.log_fakes import LogStore

from postern.audit.chain import Source, Writer, link
from postern.audit.ids import uuid7
from postern.audit.keys import parse_record_key, record_key
from postern.audit.records import Record, RecordType
from postern.reap_ports import Epoch, Fixed
from postern.types import CommandId

LOG = "bench-2026"
DEPLOYMENT = "bench"

_BEGUN_US = 1_795_341_600_000_000
_SOURCE = Source(log=LOG, deployment=DEPLOYMENT, code_version="0.1.0", function="query")
_STATEMENT = "SELECT o.id, o.status, o.total, c.region FROM orders AS o JOIN customers AS c ON c.id = o.customer_id "
# What an intent holds besides: principal, policy, target, task. A statement of 250 characters makes 1,600 bytes in all.
_INTENT = {"statement": {"text": (_STATEMENT * 3)[:250]}, "rest": "x" * 960, "decision": {"result": "allow"}}
_OUTCOME = {"status": "ok", "rest": "x" * 270, "intent": "0" * 64}  # 750 bytes in all


def put_start(store: LogStore) -> str:
    """The event that the log begins with; returns its key."""
    key = _put(store, 0, RecordType.EVENT, "epoch_start", {}, 0)
    store.epochs[LOG] = Epoch(LOG, None, begin=Fixed(parse_record_key(key).id, _BEGUN_US))
    return key


def put_commands(
    store: LogStore, count: int, *, per_second: float, first: int = 1, is_varied: bool = False
) -> list[str]:
    """So many commands, evenly over time, from number `first` on; their keys in the order in which they came.

    Varied, they name other numbers of tables and masked columns: nine shapes of records in place of two.
    """
    keys = []
    for n in range(first, first + count):
        at_us = int(n / per_second * 1_000_000)
        intent = {**_INTENT, "relations": ["public.orders"] * (1 + n % 5)} if is_varied else _INTENT
        outcome = {**_OUTCOME, "masked": ["email"] * (n % 4)} if is_varied else _OUTCOME
        keys.append(_put(store, n, RecordType.INTENT, "statement", intent, at_us))
        keys.append(_put(store, n, RecordType.OUTCOME, "statement", outcome, at_us))
    return keys


def _put(store: LogStore, n: int, type_: RecordType, kind: str, body: Mapping[str, object], at_us: int) -> str:
    random = hashlib.sha256(f"{n}".encode()).digest()
    time_us = _BEGUN_US + at_us
    record = Record(type_, kind, CommandId(uuid7(time_us, random[:10])), time_us, body)
    key = record_key(LOG, type_, record.id)
    store.put(key, link(record, Writer(random[:16].hex()), _SOURCE).data)
    return key

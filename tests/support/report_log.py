"""A log of work as Postern records it: tasks, approvals, statements and their ends, told in a few words each.

Everything follows from what is told: no clock, no randomness. Records have the members of docs/log-format.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from postern.audit.chain import Source, Writer, link
from postern.audit.ids import uuid7
from postern.audit.keys import blob_key, record_key
from postern.audit.log_bodies import epoch_start_event
from postern.audit.records import Record, RecordType
from postern.audit.times import parse_time
from postern.types import CommandId, Sha256Hex
from tests.support.audit import Copy, Immutable
from tests.support.good_log import Batch, Written, lay_down
from tests.support.log_copy import log_key as signing_key

Json = dict[str, Any]
LOG = "prod-2026"
KEY = signing_key(f"postern.shop/{LOG}", 7)
VKEY = str(KEY.verifier)
BEGIN_US = parse_time("2026-03-01T00:00:00.000000Z")
UNTIL_US = parse_time("2027-06-01T00:00:00.000000Z")
POLICY = "a" * 64
SECOND_US = 1_000_000
SCOPE = {
    "public.orders": ["select"],
    "public.customers": ["select"],
    "public.notes": ["select", "update"],
}
COLUMNS: dict[str, list[tuple[str, str | None, str | None]]] = {
    "public.orders": [("id", None, None), ("total", None, None)],
    "public.customers": [("id", None, None), ("email", "pii.email", "email"), ("name", "pii.name", "redact")],
    "public.notes": [("body", "text.free", None)],
}


@dataclass
class Work:
    """Writes records in the order in which it is told of them; times never go back."""

    objects: Immutable = field(default_factory=Immutable)
    stored_us: dict[str, int] = field(default_factory=dict)
    at_us: int = BEGIN_US
    count: int = 0
    _chains: dict[str, Writer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.write(
            "reap",
            lambda id_, at: epoch_start_event(
                id_, at, origin=KEY.name, retain_until_us=UNTIL_US, vkeys=[VKEY], previous=None
            ),
        )

    def to(self, time: str) -> Work:
        """Goes on at this time, such as 2026-03-02T10:00:00Z."""
        at_us = parse_time(time.replace("Z", ".000000Z"))
        assert at_us >= self.at_us, f"{time} is past"
        self.at_us = at_us
        return self

    def later(self, seconds: float) -> Work:
        self.at_us += int(seconds * SECOND_US)
        return self

    def event(self, kind: str, body: Json, function: str = "tasks") -> CommandId:
        return self.write(function, lambda id_, at: Record(RecordType.EVENT, kind, id_, at, body))

    def grant(
        self, task: str, who: str = "agent", /, *, needed: int = 0, scope: object = None, **more: object
    ) -> CommandId:
        body = {
            "principal": principal(who),
            "task": {**task_member(task), "expires_at_s": self.at_us // SECOND_US + 3600},
            "database": "shop",
            "scope": scope_member() if scope is None else scope,
            "budgets": {"statements": 500, "rows": 1_000_000},
            "lookup": [],
            "scope_digest": "5" * 64,
            "policy": POLICY,
            "decision": {"result": "allow", "needs_approval": needed > 0, "approvals_needed": needed, "reasons": ["p"]},
            **more,
        }
        return self.event("grant", body)

    def approve(self, task: str, who: str, result: str = "approve", **decision: object) -> CommandId:
        body = {
            "principal": principal(who),
            "task": task_member(task),
            "requester": {"id": "ci|agent", "on_behalf_of": None},
            "database": "shop",
            "scope_digest": "5" * 64,
            "comment": "as agreed",
            "needed": 1,
            "earlier": [],
            "policy": POLICY,
            "decision": {"result": result, "policies": ["p"], **decision},
        }
        return self.event("approval", body)

    def refuse_task(self, who: str = "agent", code: str = "policy.refused", purpose: str = "look") -> CommandId:
        refusals = [{"what": "select on staff", "code": code, "reason": "not open to you"}]
        body = {
            "principal": principal(who),
            "request": {"database": "shop", "purpose": purpose, "ticket": None},
            "policy": POLICY,
            "decision": {"result": "refuse", "refusals": refusals},
        }
        return self.event("refusal", body)

    def revoke(self, task: str, who: str = "operator", reason: str = "no longer due") -> CommandId:
        revocation = {"of": {"kind": "task", "name": task}, "reason": reason, "expires_at_s": None, "id": "-"}
        body = {
            "principal": principal(who),
            "revocation": revocation,
            "policy": POLICY,
            "decision": {"result": "allow"},
        }
        return self.event("revocation", body, "revoke")

    def world(self, kind: str, task: str, *, status: str = "ok", given: tuple[str, ...] = ()) -> CommandId:
        """Provisioning or teardown, with its outcome."""
        body = {
            "principal": principal("agent"),
            "task": task_member(task),
            "target": target(task),
            "scope": scope_member(),
            "policy": POLICY,
            "decision": {"result": "allow"},
            "by": "task",
            "approval": {"scope_digest": "5" * 64, "needed": len(given), "given": list(given)},
        }
        left = {"left": dict.fromkeys(("sessions", "schemas", "roles", "keys"), 0)} if kind == "teardown" else {}
        return self.act("provision", kind, body, {"task": {"id": task}, "status": status, **left})

    def statement(
        self,
        task: str,
        sql: str = "select id from orders",
        relations: tuple[str, ...] = ("public.orders",),
        *,
        who: str = "agent",
        writes: bool = False,
        settled: str | None = None,
        outcome: Json | None = None,
        **members: object,
    ) -> CommandId:
        """An allowed statement; with an empty `outcome` it stays open, with `settled` it is a write."""
        body = {
            "principal": principal(who),
            "task": {**task_member(task), "sequence": self.count},
            "target": target(task),
            "statement": {
                "text": sql,
                "sha256": hashlib.sha256(sql.encode()).hexdigest(),
                "bytes": len(sql),
                "fingerprint": "0123456789abcdef",
                "parameters": {"count": 0, "hmac_sha256": "d" * 64},
            },
            "decision": {"result": "allow", "relations": list(relations), "writes": writes},
            "policy": POLICY,
            **members,
        }
        ended = {"status": "ok", "rows": 3, "bytes": 120, "truncated": False, "masked": [], "duration_ms": 9}
        ended |= {"task": {"id": task}, "answer_hmac_sha256": "f" * 64, "sensitive_values": 0}
        ended |= {} if settled is None else {"status": "pending", "affected": 2, "transaction": {"rows_written": 2}}
        after = None if outcome == {} else {**ended, **(outcome or {})}
        return self.act("query", "statement", body, after, settled=settled)

    def refuse(
        self, task: str, code: str = "guard.relation", sql: str = "select * from staff", who: str = "agent"
    ) -> CommandId:
        decision = {"result": "refuse", "code": code, "reason": "not of this task"}
        return self.statement(task, sql, who=who, outcome={}, decision=decision)

    def run_once(self, task: str, kind: str, status: str, *, settled: str | None = None) -> CommandId:
        """A statement that people approved, or its trial."""
        body = {
            "principal": principal("agent"),
            "task": {**task_member(task), "sequence": 0},
            "target": target(task),
            "owner_role": "owner",
            "statement": {"mode": "normalized", "text": "alter table t add c int", "hmac_sha256": "e" * 64},
            "decision": {"result": "allow", "relations": [], "writes": True, "run_once": True},
            "policy": POLICY,
            "by": "ci|agent",
        }
        return self.act("run", kind, body, {"task": {"id": task}, "status": status}, settled=settled)

    def act(
        self, function: str, kind: str, body: Json, outcome: Json | None, *, settled: str | None = None
    ) -> CommandId:
        """An intent, what came of it, and its settlement, where they are told."""
        id_ = self.write(function, lambda id_, at: Record(RecordType.INTENT, kind, id_, at, body))
        named = self._last
        if outcome is not None:
            after = {**outcome, "intent": named}
            self.later(0.01)
            self.write(function, lambda _, at: Record(RecordType.OUTCOME, kind, id_, at, after), id_)
            named = self._last
        if settled is not None:
            last = {"outcome": named, "status": settled, "task": body["task"]}
            self.write(function, lambda _, at: Record(RecordType.SETTLED, kind, id_, at, last), id_)
        return id_

    def write(self, function: str, make: Any, id_: CommandId | None = None) -> CommandId:
        self.count += 1
        self.later(0.01)
        if id_ is None:
            id_ = CommandId(uuid7(self.at_us, hashlib.sha256(b"%d" % self.count).digest()[:10]))
        record = make(id_, self.at_us)
        source = Source(log=LOG, deployment="shop", code_version="0.1.0", function=function)
        writer = self._chains.get(function) or Writer(
            hashlib.sha256(f"{function}/{self.count}".encode()).hexdigest()[:32]
        )
        linked = link(record, writer, source)
        self._chains[function] = linked.next
        for n, blob in enumerate(record.blobs):
            self.objects[blob_key(LOG, record.id, n)] = blob
        key = record_key(LOG, record.type, record.id)
        self.objects[key], self.stored_us[key] = linked.data, self.at_us + 200_000
        self._last = Sha256Hex(linked.sha256)
        return id_

    def plant(self, data: bytes) -> str:
        """Bytes that are no record, where a record would be, and an entry all the same."""
        self.count += 1
        id_ = CommandId(uuid7(self.at_us, hashlib.sha256(b"%d" % self.count).digest()[:10]))
        key = record_key(LOG, RecordType.EVENT, id_)
        self.objects[key], self.stored_us[key] = data, self.at_us + 200_000
        return key

    def written(self, batch: int = 100) -> Written:
        order = [key for key in self.objects if key.startswith("wal/")]
        batches = [Batch(min(batch, len(order) - at), (KEY,)) for at in range(0, len(order), batch)]
        return Written(LOG, UNTIL_US, self.objects, order, batches, stored_us=self.stored_us)

    def copy(self, batch: int = 100) -> Copy:
        """The bucket, pulled."""
        return lay_down(self.written(batch))


def principal(who: str) -> Json:
    return {
        "issuer": "ci",
        "issuer_url": "https://token.example",
        "subject": who,
        "on_behalf_of": "dana" if who == "agent" else None,
        "attributes": {},
        "groups": ["agents"],
        "token_sha256": hashlib.sha256(who.encode()).hexdigest(),
        "token_expires_at_s": 1_795_345_000,
    }


def task_member(task: str) -> Json:
    return {"id": task, "purpose": "why is the order stuck", "ticket": None, "expires_at_s": 1_795_345_200}


def target(task: str) -> Json:
    return {
        "database": "shop",
        "dbname": "shop",
        "host": "db.example",
        "port": 5432,
        "resource_id": "db-1",
        "role": task,
    }


def scope_member() -> list[Json]:
    return [
        {
            "table": table,
            "actions": actions,
            "columns": [{"name": name, "class": class_, "mask": mask} for name, class_, mask in COLUMNS[table]],
            "row_filter": None,
        }
        for table, actions in SCOPE.items()
    ]


def told_log() -> Work:
    """Three days of March with something of everything that a report has a figure for."""
    work = Work()
    work.to("2026-03-02T09:00:00Z").grant("t0")
    work.world("provision", "t0")
    work.statement("t0")  # before the period of the tests, which begins on the third
    work.to("2026-03-03T10:00:00Z").statement("t0", "select email from customers", ("public.customers",),
        outcome={"masked": [{"column": "email", "mask": "email", "count": 3}], "sensitive_values": 0})  # fmt: skip
    work.grant("t1", needed=1)
    given = work.later(120).approve("t1", "erin")
    work.approve("t1", "agent", "refuse", code="approval.own")
    work.world("provision", "t1", given=(given,))
    for _ in range(4):
        work.later(60).statement("t1", outcome={"masked": [{"column": "name", "mask": "redact", "count": 2}]})
    work.statement("t1", "update notes set body = $1", ("public.notes",), writes=True, settled="committed")
    work.statement("t1", "select body from notes", ("public.notes",), outcome={
        "masked": [{"column": "body", "mask": "unmasked", "count": 5},
                   {"column": "body", "mask": "detected:email", "count": 1}], "sensitive_values": 4})  # fmt: skip
    work.refuse("t1")
    work.refuse("t1", "guard.function", "select pg_sleep(10)")
    work.refuse_task()
    work.world("teardown", "t1")
    work.to("2026-03-04T23:00:00Z").grant("t2", "bot", needed=2)
    work.later(7200).approve("t2", "frank", "deny")  # on the fifth, by the clock
    work.revoke("t0")
    work.statement("t0", "select 1", (), outcome={})  # open
    after = {"version": "0.1.0", "code": "c" * 64, "template": "d" * 64, "policy": POLICY, "authorities": {}}
    work.event("deploy", {"deploy": {"before": None, "after": after, "deployment": None}}, "record")
    work.run_once("t3", "dry_run", "ok")
    work.run_once("t3", "run_once", "pending", settled="committed")
    work.event("release", {"principal": None, "by": "timer", "revocation": {"of": {"kind": "task", "name": "t0"}}})
    work.event("erasure", {"task": {"id": "t0"}, "erasure": {"by": "operator", "reason": "asked", "count": 1}})
    work.event("something_new", {})
    work.to("2026-03-08T00:00:00Z").statement("t0")  # after it
    return work

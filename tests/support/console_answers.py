"""What the API says to the console, in the shapes of the contract."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

TASK = "0199a0b0c0d07000800000000000000a"
MIGRATION = "0199a0b0c0d07000800000000000000b"
DIGEST = "ab" * 32
BUDGETS = {
    "statements": 500,
    "rows": 1_000_000,
    "bytes": 1_000_000_000,
    "affected": 10_000,
    "values": 100_000,
    "lookups": 100,
}
PURPOSE = "Find out why so many orders of the north are returned."
ASKER = "ci|repo:acme/reports:main"


def at(offset_s: float = 0) -> str:
    return datetime.fromtimestamp(time.time() + offset_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def principal(**changed: Any) -> dict[str, Any]:
    return {
        "principal": "people|person:ann",
        "issuer": "people",
        "subject": "person:ann",
        "on_behalf_of": None,
        "groups": ["approvers"],
        "token_expires_at_s": int(time.time()) + 3600,
        "may": {"approve": ["shop"], "revoke": ["shop"], "audit": ["shop"]},
    } | changed


def review(**changed: Any) -> dict[str, Any]:
    columns = [
        {"name": "id", "class": None, "mask": None},
        {"name": "email", "class": "pii.email", "mask": {"kind": "token", "keep": 4}},
        {"name": "birth_date", "class": "pii.birth", "mask": None},
    ]
    return {
        "attention": ["shows raw values of pii.birth", "writes public.orders: update"],
        "requester": {
            "id": ASKER,
            "issuer": "ci",
            "issuer_url": "https://ci.example",
            "subject": "repo:acme/reports:main",
            "on_behalf_of": "ben",
            "attributes": {"repository": "acme/reports", "region": "north"},
        },
        "tables": [
            {
                "table": "public.customers",
                "actions": ["select"],
                "columns": columns,
                "row_filter": "region = $region",
                "row_filter_values": {"region": "north"},
                "triggers": [],
                "cascades": [],
                "estimated_rows": 2000,
            },
            {
                "table": "public.orders",
                "actions": ["select", "update"],
                "columns": columns[:1],
                "row_filter": None,
                "row_filter_values": {},
                "triggers": ["public.orders_touch"],
                "cascades": ["public.order_lines"],
                "estimated_rows": None,
            },
        ],
        "functions": ["pg_catalog.lower"],
        "lookup": ["ref.person"],
        "statements": [],
        "ttl_s": 7200,
        "wait_ends_at": at(80_000),
        "scope_digest": DIGEST,
        "given": [{"approver": "people|person:cleo", "at": at(-600), "comment": "fine by me", "event_id": "0199"}],
        "denied": None,
        "approved_by_you": False,
    } | changed


def task(**changed: Any) -> dict[str, Any]:
    return {
        "task_id": TASK,
        "state": "pending_approval",
        "database": "shop",
        "purpose": PURPOSE,
        "ticket": "OPS-7",
        "created_at": at(-900),
        "expires_at": at(80_000),
        "scope": [],
        "lookup": ["ref.person"],
        "budgets": BUDGETS,
        "worlds": 0,
        "ttl_s": 7200,
        "scope_digest": DIGEST,
        "approvals": {"needed": 2, "given": 1},
        "review": review(),
        "statements": None,
        "run": None,
        "dry_runs": [],
    } | changed


def migration(**changed: Any) -> dict[str, Any]:
    sql = "ALTER TABLE public.orders\n  ADD COLUMN reviewed boolean NOT NULL DEFAULT false; -- once"
    ran = {
        "status": "ok",
        "affected": 0,
        "error": None,
        "sqlstate": None,
        "duration_ms": 12,
        "command_id": None,
        "locks": [{"relation": "public.orders", "mode": "AccessExclusiveLock"}],
    }
    dry = {
        "id": "d",
        "state": "done",
        "started_at": at(-500),
        "finished_at": at(-499),
        "error": None,
        "statements": [ran],
        "by": "people|person:ann",
        "database": "shop_copy",
        "note": "Sequences are not rolled back.",
    }
    checked = {
        "sql": sql,
        "sha256": "cd" * 32,
        "kind": "ALTER TABLE",
        "in_transaction": True,
        "effects": ["takes an exclusive lock of public.orders"],
    }
    attention = ["runs 1 statements once, as the owner of the tables: no mask stands before them"]
    asked = review(attention=attention, tables=[], functions=[], lookup=[], statements=[sql])
    return task(task_id=MIGRATION, statements=[checked], dry_runs=[dry], review=asked) | changed


def live(**changed: Any) -> dict[str, Any]:
    left = BUDGETS | {"statements": 320, "rows": 90_000, "bytes": 912_000_000, "lookups": 98}
    return {
        "task_id": TASK,
        "state": "active",
        "database": "shop",
        "principal": ASKER,
        "on_behalf_of": "ben",
        "purpose": PURPOSE,
        "ticket": "OPS-7",
        "created_at": at(-900),
        "expires_at": at(2700),
        "scope": [
            {"table": "public.customers", "actions": ["select"], "columns": 7, "raw": 1, "is_filtered": True},
            {"table": "public.orders", "actions": ["select", "update"], "columns": 3, "raw": 0, "is_filtered": False},
        ],
        "tables": 2,
        "unmasked": ["pii.birth"],
        "lookup": [],
        "statements": 0,
        "budgets": {"granted": BUDGETS, "left": left},
        "sequence": 4,
        "may_revoke": True,
    } | changed


def revoked(**changed: Any) -> dict[str, Any]:
    steps = {"nologin_ms": 12, "terminated_ms": 31, "dropped_ms": 74, "verified_ms": 83}
    ended = {
        "task_id": TASK,
        "role": f"task_{TASK}",
        "state": "revoked",
        "terminated": 1,
        "steps": steps,
        "left": {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0},
    }
    return {
        "id": "0199a0b0-c0d0-7000-8000-00000000000f",
        "kind": "task",
        "name": TASK,
        "reason": "the shop closes",
        "expires_at": None,
        "recorded": True,
        "whole": True,
        "tasks": [ended],
        "remaining": [],
    } | changed


def found(records: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    return {
        "log": "prod-2026",
        "audits": ["shop"],
        "audits_all": True,
        "records": [
            {
                "index": 10 + index,
                "key": f"wal/v1/prod-2026/5/20261122/10/{record['id']}/1",
                "record": record,
                "unreadable": None,
            }
            for index, record in enumerate(records)
        ],
        "next": None,
        "searched": {"from_index": 0, "to_index": 300, "slack_s": 3600},
        "tree": {"size": 300, "time": "2026-11-22T10:40:00.000000Z"},
    } | changed


WHO = {
    "issuer": "ci",
    "issuer_url": "https://ci.example",
    "subject": "repo:acme/reports:main",
    "on_behalf_of": "ben",
    "attributes": {},
    "groups": ["agents"],
}
TARGET = {"database": "shop", "role": f"task_{TASK}"}


def record(minute: float, sort: str, kind: str, **members: Any) -> dict[str, Any]:
    """A record, some minutes after ten; records of one command share `id`."""
    seconds = minute * 60
    clock = f"2026-11-22T10:{int(seconds // 60):02}:{seconds % 60:09.6f}Z"
    identity = members.pop("id", f"019aab11-5d00-7000-8000-{int(minute * 1000):012}")
    return {"v": 1, "type": sort, "kind": kind, "id": identity, "time": clock, "task": {"id": TASK}, **members}


def life() -> list[dict[str, Any]]:
    """A task's records, as they stand in the log."""
    scope = [
        {
            "table": "public.customers",
            "actions": ["select"],
            "columns": [
                {"name": "email", "class": "pii.email", "mask": "token"},
                {"name": "id", "class": "open", "mask": None},
            ],
            "row_filter": None,
        }
    ]
    asked = {"id": TASK, "purpose": PURPOSE, "ticket": "OPS-7", "expires_at_s": 1795344000}
    text = (
        "SELECT region, count(*) -- by region\nFROM customers WHERE email = 'ann@example.com' AND id > 10\nGROUP BY 1"
    )
    return [
        record(
            0,
            "event",
            "grant",
            principal=WHO,
            task=asked,
            database="shop",
            scope=scope,
            budgets=BUDGETS,
            lookup=["ref.person"],
            decision={"result": "allow", "needs_approval": True, "approvals_needed": 1, "reasons": []},
        ),
        record(
            1.2,
            "event",
            "approval",
            principal=WHO | {"issuer": "people", "subject": "person:ann"},
            database="shop",
            comment="as agreed",
            needed=1,
            earlier=[],
            decision={"result": "approve", "policies": ["approvers-approve"]},
        ),
        record(
            1.25,
            "intent",
            "provision",
            principal=WHO,
            target=TARGET,
            by="approval",
            decision={"result": "allow"},
            approval={"needed": 1, "given": ["019aab11"]},
        ),
        record(1.26, "outcome", "provision", id="019aab11-5d00-7000-8000-000000001250", status="ok"),
        record(
            2,
            "intent",
            "statement",
            principal=WHO,
            target=TARGET,
            statement={"text": text, "ran": text, "sha256": "00", "parameters": {"count": 1}},
            decision={"result": "allow", "relations": ["public.customers"]},
        ),
        record(
            2.01,
            "outcome",
            "statement",
            id="019aab11-5d00-7000-8000-000000002000",
            status="ok",
            rows=4,
            bytes=212,
            truncated=False,
            duration_ms=18,
            masked=[{"column": "email", "mask": "token", "count": 4}],
        ),
        record(
            3,
            "intent",
            "statement",
            principal=WHO,
            target=TARGET,
            statement={"text": "SELECT * FROM staff"},
            decision={"result": "refuse", "code": "guard.relation", "reason": "staff is not in this task's scope"},
        ),
        record(
            4,
            "intent",
            "statement",
            principal=WHO,
            target=TARGET,
            statement={"text": "UPDATE orders SET status = 'open' WHERE id = $1"},
            decision={"result": "allow", "relations": ["public.orders"], "writes": True},
        ),
        record(
            4.01,
            "outcome",
            "statement",
            id="019aab11-5d00-7000-8000-000000004000",
            status="pending",
            affected=3,
            duration_ms=7,
        ),
        record(4.02, "settled", "statement", id="019aab11-5d00-7000-8000-000000004000", status="committed"),
        record(
            5,
            "event",
            "revocation",
            principal=WHO | {"issuer": "people", "subject": "person:oda"},
            revocation={
                "id": "0199",
                "time": "2026-11-22T10:05:00.000000Z",
                "of": {"kind": "task", "name": TASK},
                "reason": "the shop closes",
                "expires_at_s": None,
            },
            decision={"result": "allow"},
        ),
        record(5.01, "intent", "teardown", principal=WHO, target=TARGET, by="revocation", decision={"result": "allow"}),
        record(
            5.02,
            "outcome",
            "teardown",
            id="019aab11-5d00-7000-8000-000000005010",
            status="ok",
            left={"sessions": 0, "schemas": 0, "roles": 0, "keys": 0},
            terminated=1,
            steps={"nologin_ms": 12, "terminated_ms": 31, "dropped_ms": 74, "verified_ms": 83},
        ),
    ]


ORIGIN = "postern.shop/prod-2026"
WITNESS = "witness.example/one+5ec0ffee+" + "B" * 44


def log(**changed: Any) -> dict[str, Any]:
    return {
        "origin": ORIGIN,
        "keys": [
            {
                "vkey": f"{ORIGIN}+0badcafe+{'A' * 44}",
                "valid_from": "2026-01-01T00:00:00.000000Z",
                "valid_until": None,
            }
        ],
        "checkpoint": f"{ORIGIN}\n300\nVGhpcyBpcyBub3QgYSByb290IGhhc2ggYXQgYWxsIQA=\n\n— {ORIGIN} {'A' * 92}\n",
        "size": 300,
        "watermark": {"at": at(-130), "behind_s": 130, "max_staleness_s": 3600, "is_closed": False},
        "cosigned": {"vkey": WITNESS, "time": at(-7200), "size": 290, "note": "…", "wrong": None},
    } | changed


def everything() -> dict[tuple[str, str], Any]:
    """A script of every call, for somebody who may do everything."""

    def tasks(asked: Any) -> tuple[int, Any]:
        lists = {"pending_approval": [task(), migration()], "live": [live()]}
        return 200, {"tasks": lists[asked.query["state"]], "next": None}

    return {
        ("GET", "/v1/principal"): lambda _: (200, principal()),
        ("GET", "/v1/tasks"): tasks,
        ("GET", f"/v1/tasks/{TASK}"): lambda _: (200, task()),
        ("GET", f"/v1/tasks/{MIGRATION}"): lambda _: (200, migration()),
        ("POST", f"/v1/tasks/{TASK}/approval"): lambda _: (200, task(state="active")),
        ("POST", "/v1/revocations"): lambda _: (200, revoked()),
        ("GET", "/v1/records"): lambda _: (200, found(life())),
        ("GET", "/v1/log"): lambda _: (200, log()),
    }

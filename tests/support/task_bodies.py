"""Answers about tasks, of the contract's shape."""

from __future__ import annotations

from typing import Any

TASK = "01a208c8f47a7a1d880bfb9ebb5a42d3"
DIGEST = "d" * 64
BUDGETS = {
    "statements": 500,
    "rows": 1_000_000,
    "bytes": 1_000_000_000,
    "affected": 10_000,
    "values": 100_000,
    "lookups": 100,
}
COLUMNS = [
    {"name": "id", "type": "bigint", "class": "open", "mask": None, "insert": False, "update": False},
    {"name": "email", "type": "text", "class": "pii.email", "mask": "email", "insert": False, "update": False},
]
TASK_BODY: dict[str, Any] = {
    "task_id": TASK,
    "state": "pending_approval",
    "database": "shop",
    "purpose": "why are orders returned?",
    "ticket": "OPS-7",
    "created_at": "2026-11-23T08:00:00Z",
    "expires_at": "2026-11-24T08:00:00Z",
    "scope": [
        {"table": "public.customers", "actions": ["select"], "columns": COLUMNS, "row_filter": "region = 'north'"}
    ],
    "lookup": [],
    "budgets": BUDGETS,
    "ttl_s": 7200,
    "approvals": {"needed": 2, "given": 1},
}
ACTIVE_BODY: dict[str, Any] = {**TASK_BODY, "state": "active", "approvals": None}
REVIEW: dict[str, Any] = {
    "attention": ["shows raw values of pii.birth"],
    "requester": {
        "id": "ci|repo:acme/shop",
        "issuer": "ci",
        "issuer_url": "https://issuer.example",
        "subject": "repo:acme/shop",
        "on_behalf_of": "dana",
        "attributes": {"repository": "acme/shop"},
    },
    "tables": [
        {
            "table": "public.customers",
            "actions": ["select"],
            "columns": [
                {"name": "id", "class": None, "mask": None},
                {"name": "phone", "class": "pii.phone", "mask": {"kind": "partial", "keep_last": 2}},
                {"name": "born", "class": "pii.birth", "mask": None},
            ],
            "row_filter": "region = $region",
            "row_filter_values": {"region": "north"},
            "triggers": ["note_change"],
            "cascades": [],
            "estimated_rows": 2000,
        }
    ],
    "functions": ["shop.price"],
    "lookup": ["ref.person"],
    "statements": [],
    "ttl_s": 7200,
    "wait_ends_at": "2026-11-24T08:00:00Z",
    "scope_digest": DIGEST,
    "given": [{"approver": "people|erin", "at": "2026-11-23T08:10:00Z", "comment": "as agreed", "event_id": "e1"}],
    "denied": None,
    "approved_by_you": False,
}
REVIEWED: dict[str, Any] = {**TASK_BODY, "review": REVIEW}
ANSWER: dict[str, Any] = {
    "command_id": "01a208c8-5d88-7644-9672-de205e614adb",
    "columns": [
        {"name": "id", "type": "bigint", "mask": None},
        {"name": "email", "type": "text", "mask": "email"},
        {"name": "note", "type": "text", "mask": None},
    ],
    "rows": [[1, "a***@e***.com", "fine"], [2, "b***@e***.com", None]],
    "row_count": 2,
    "affected": None,
    "truncated": False,
    "masked": [{"column": "email", "mask": "email", "count": 2}],
    "remaining": {**BUDGETS, "seconds": 3000},
    "receipt": {"intent_sha256": "0" * 64, "outcome_sha256": "1" * 64, "log": "local", "digest_key": None},
}

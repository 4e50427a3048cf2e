"""Valid domain objects that tests start from and change one thing of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from postern.policy.scope_digest import scope_digest
from postern.ports import World
from postern.types import (
    Action,
    Budgets,
    DatabaseAddress,
    DatabaseName,
    Grant,
    GrantedColumn,
    GrantedTable,
    Mask,
    MaskKind,
    Principal,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
    View,
    ViewColumn,
)

NOW_S = 1_790_000_000
DIGEST = Sha256Hex("d" * 64)
TASK_ID = TaskId("0199a0b0c0d07000800000000000000a")
ADDRESS = DatabaseAddress(DatabaseName("shop"), "127.0.0.1", 5432, "shop", "cluster-LOCAL", "us-east-1", "ca.pem")
AGENT = Principal(
    "ci", "https://ci.example", "repo:acme/shop:main", Sha256Hex("e" * 64), NOW_S + 600, groups=("agents",)
)
OTHER = replace(AGENT, subject="repo:acme/other:main")

GRANT = Grant(
    database=DatabaseName("shop"),
    schema_default="public",
    tables=(
        GrantedTable(
            "public",
            "customers",
            "customers",
            (Action.SELECT,),
            (GrantedColumn("id", None, None), GrantedColumn("email", "pii.email", Mask(MaskKind.EMAIL))),
        ),
    ),
    functions=(),
    policy_digest=DIGEST,
)
VIEWS = (
    View(
        "public",
        "customers",
        "customers",
        (
            ViewColumn("id", "integer", None, None),
            ViewColumn("email", "text", "pii.email", MaskKind.EMAIL),
        ),
        oid=4711,
    ),
)
WORLD = World(VIEWS, server_major=18)
BUDGETS = Budgets(statements=5, rows=100, bytes=50_000_000, affected=20, values=50, lookups=3)


def a_task(**changes: Any) -> Task:
    """An active task of the agent's, with the world of `VIEWS`, and the digest of whatever scope it then has."""
    task = Task(
        id=TASK_ID,
        state=TaskState.ACTIVE,
        principal=AGENT,
        purpose="look into late parcels",
        ticket=None,
        grant=GRANT,
        created_at_s=NOW_S,
        expires_at_s=NOW_S + 3600,
        budgets=BUDGETS,
        views=VIEWS,
        server_major=18,
    )
    changed = replace(task, **changes)
    return changed if "scope_digest" in changes else replace(changed, scope_digest=scope_digest(changed))

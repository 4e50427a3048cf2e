"""One open task of the demo's policy, and the query function around it: over fakes that answer at once, or over AWS's
own clients whose transport does.

Everything between an event of the gateway and its answer is the function's own. What stands in for the database gives
a canned result; no socket is opened, and nothing but the log line of each answer is written, which goes nowhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.query import handler

from bench.own_cost_ports import (
    AtOnceRates,
    AtOnceRecords,
    AtOnceTasks,
    CannedDatabase,
    Deployed,
    FreshWatermarks,
    NoTokens,
)
from postern.audit.chain import Source
from postern.edges.policy_files import read_layer
from postern.edges.system import SystemClock, SystemIdentifiers
from postern.identity.context import format_principal
from postern.identity.issuer_url import LocalIssuer
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.policy.decide import decide
from postern.policy.layer_paths import DATABASES
from postern.policy.requests import AccessRequest, Granted, TaskRequest
from postern.ports import Result
from postern.services.admission import Admission
from postern.services.gate import Gate
from postern.services.journal import Journal
from postern.services.run_statements import RunStatements
from postern.types import (
    Action,
    Budgets,
    DatabaseName,
    Grant,
    GrantedTable,
    Principal,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
    View,
    ViewColumn,
)

DEMO = Path(__file__).parent.parent / "local/postern_local/demo/policy"
LOG = "bench"
SOURCE = Source(LOG, "bench", "0.0.0", "query")
TASK_ID = TaskId("0199a0b0c0d07000800000000000000a")
LOCAL_ISSUER = "http://127.0.0.1:8080"
BUDGETS = Budgets(10**6, 10**9, 10**12, 10**6, 10**9, 10**6)
FIRST_OID = 16_400  # of the task's views
_FAR_S = 8 * 3600
_ADDRESSES = {
    "shop": {
        "host": "db.local.example",
        "port": 5432,
        "dbname": "shop",
        "resource_id": "cluster-BENCH",
        "region": "us-east-1",
        "ca": "/opt/ca.pem",
    }
}
AGENT = Principal(
    "ci",
    LOCAL_ISSUER,
    "repo:acme/shop:ref:refs/heads/main",
    Sha256Hex("e" * 64),
    int(time.time()) + _FAR_S,
    {"repository": "acme/shop", "region": "EU"},
    ("agents",),
    "ann@example.com",
)


def deployed() -> PolicyBundle:
    """The demo's policy layer, as an environment has it once it is warm."""
    files = {**read_layer(DEMO), DATABASES: json.dumps(_ADDRESSES).encode()}
    return parse_bundle(files, local=LocalIssuer(LOCAL_ISSUER))


def open_task(bundle: PolicyBundle) -> Task:
    """A task on all tables of the demo, as policy grants it, whose world stands."""
    tables = tuple(str(name) for name in bundle.catalogs[DatabaseName("shop")].tables)
    access = (AccessRequest(tables, (Action.SELECT,), None),)
    request = TaskRequest(DatabaseName("shop"), "look into late parcels", None, access, (), (), 3600, BUDGETS)
    granted = decide(bundle, AGENT, request, now_us=time.time_ns() // 1000)
    if not isinstance(granted, Granted):
        raise SystemExit(f"bench: expected the demo's policy to grant its tables, got {granted}")
    now_s = int(time.time())
    return Task(
        id=TASK_ID,
        state=TaskState.ACTIVE,
        principal=AGENT,
        purpose=request.purpose,
        ticket=None,
        grant=granted.grant,
        created_at_s=now_s,
        expires_at_s=now_s + _FAR_S,
        budgets=BUDGETS,
        views=_views(granted.grant),
        server_major=18,
        worlds=1,
        address=bundle.address(DatabaseName("shop")),
    )


def _views(grant: Grant) -> tuple[View, ...]:
    return tuple(_view(table, FIRST_OID + n) for n, table in enumerate(grant.tables))


def _view(table: GrantedTable, oid: int) -> View:
    columns = tuple(
        ViewColumn(one.name, one.type or "text", one.class_name, one.mask.kind if one.mask else None)
        for one in table.columns
    )
    return View(table.schema, table.name, table.view, columns, oid=oid)


def over_fakes(bundle: PolicyBundle, task: Task, results: Mapping[str, Result]) -> RunStatements:
    """The function's service, each of whose ports answers at once."""
    clock, threads = SystemClock(), ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside")
    # Parts of their ports alone: what statements that read call.
    tasks: Any = AtOnceTasks(task)
    rates: Any = AtOnceRates()
    database: Any = CannedDatabase(results)
    tokens: Any = NoTokens()
    gate = Gate(FreshWatermarks(), clock, LOG, 600, int(time.time()) + _FAR_S)
    return RunStatements(
        admission=Admission(Deployed(bundle), tasks, rates, SystemIdentifiers(), clock, gate, threads),
        tasks=tasks,
        journal=Journal(AtOnceRecords(SOURCE), clock, LOG),
        database=database,
        tokens=tokens,
        clock=clock,
        threads=threads,
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """What Lambda gives a handler."""

    aws_request_id: str = "6fb3f5c6-9a3b-4a0e-9f6e-4f8e7d1f2a10"

    def get_remaining_time_in_millis(self) -> int:
        return 28_000


_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Authorization": "[removed]",
    "Content-Type": "application/json",
    "Host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
    "User-Agent": "python-httpx/0.28.1",
    "X-Amzn-Trace-Id": "Root=1-6fb3f5c6-9a3b4a0e9f6e4f8e7d1f2a10",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


def event(sql: str, params: Sequence[object]) -> dict[str, Any]:
    """A call of the query function as API Gateway's proxy integration sends it, with the authorizer's principal."""
    return {
        "resource": "/v1/tasks/{id}/query",
        "path": f"/v1/tasks/{TASK_ID}/query",
        "httpMethod": "POST",
        "headers": _HEADERS,
        "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"id": TASK_ID},
        "requestContext": {
            "requestId": "0d2fb1f0-6b2c-4d5e-8f3a-1b2c3d4e5f60",
            "stage": "v1",
            "authorizer": {"principal": format_principal(AGENT), "principalId": AGENT.id},
        },
        "body": json.dumps({"sql": sql, "params": list(params)}),
        "isBase64Encoded": False,
    }


def asking(run: RunStatements, sql: str, params: Sequence[object]) -> Callable[[], dict[str, Any]]:
    """A call of the function's handler, event in to answer out, over this service."""
    asked, context = event(sql, params), _Context()

    def ask() -> dict[str, Any]:
        handler.services = lambda: run  # type: ignore[assignment]
        return handler.handler(asked, context)  # type: ignore[arg-type]

    return ask

"""Policy layers of any size, and a task that one grants."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace

from bench.own_cost_site import AGENT, BUDGETS, DEMO, LOCAL_ISSUER, deployed, open_task
from postern.edges.policy_files import read_layer
from postern.identity.issuer_url import LocalIssuer
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.policy.decide import decide
from postern.policy.layer_paths import DATABASES
from postern.policy.requests import AccessRequest, Decision, Granted, TaskRequest
from postern.types import Action, DatabaseName, GrantedColumn, Task, View, ViewColumn

SHOP = DatabaseName("shop")
_DATABASES = {
    "shop": {
        "host": "db.example",
        "port": 5432,
        "dbname": "shop",
        "resource_id": "cluster-BENCH",
        "region": "us-east-1",
        "ca": "/opt/ca.pem",
    }
}
_CLASSES = "classes:\n  pii.email: {mask: email}\n"


def files_of(*, tables: int = 4, columns: int = 5, policies: int = 4) -> dict[str, bytes]:
    """A layer whose catalog has so many tables of so many columns each, every fifth masked, and so many policies."""
    named = ["id", *(f"c{n}" for n in range(1, columns))]
    each = ", ".join(f"{name}: {'pii.email' if n % 5 == 4 else 'open'}" for n, name in enumerate(named))
    body = "".join(f"  public.t{n}:\n    columns: {{{each}}}\n" for n in range(tables))
    catalog = f"database: shop\nschema_default: public\n{_CLASSES}tables:\n{body}functions: []\n"
    files = {path: text for path, text in read_layer(DEMO).items() if not path.startswith(("catalog/", "policy/"))}
    return files | {
        "catalog/shop.yaml": catalog.encode(),
        "policy/all.cedar": _policies(policies).encode(),
        DATABASES: json.dumps(_DATABASES).encode(),
    }


def bundle_of(*, tables: int = 4, columns: int = 5, policies: int = 4) -> PolicyBundle:
    return parse_bundle(files_of(tables=tables, columns=columns, policies=policies), local=LocalIssuer(LOCAL_ISSUER))


def asked(bundle: PolicyBundle, tables: Sequence[str]) -> Decision:
    """What policy says to a request for these tables."""
    access = (AccessRequest(tuple(tables), (Action.SELECT,), None),)
    request = TaskRequest(SHOP, "see what grows", None, access, (), (), 3600, BUDGETS)
    return decide(bundle, AGENT, request, now_us=time.time_ns() // 1000)


def task_on(bundle: PolicyBundle, tables: Sequence[str]) -> Task:
    """A task that was granted these tables, and whose world stands."""
    given = asked(bundle, tables)
    if not isinstance(given, Granted):
        raise SystemExit(f"bench: expected {len(tables)} tables to be granted, got {given}")
    views = tuple(
        View(
            table.schema,
            table.name,
            table.view,
            tuple(
                ViewColumn(one.name, "text", one.class_name, one.mask.kind if one.mask else None)
                for one in table.columns
            ),
            oid=16_400 + number,
        )
        for number, table in enumerate(given.grant.tables)
    )
    like = open_task(deployed())
    return replace(like, grant=given.grant, views=views, address=bundle.address(SHOP))


def _column(one: GrantedColumn) -> ViewColumn:
    return ViewColumn(one.name, "text", one.class_name, one.mask.kind if one.mask else None)


def names(count: int) -> list[str]:
    """The tables of a catalog of so many."""
    return [f"t{number}" for number in range(count)]


def _policies(count: int) -> str:
    """Two that let agents in, and others that speak of groups that nobody here is in."""
    others = "".join(
        f'permit (principal in Postern::Group::"team-{n}", action == Postern::Action::"select",\n'
        f'        resource == Postern::Table::"shop.public.t{n % 4}");\n'
        for n in range(count - 2)
    )
    return (
        'permit (principal in Postern::Group::"agents", action == Postern::Action::"select",\n'
        '        resource in Postern::Database::"shop");\n'
        'permit (principal in Postern::Group::"agents", action == Postern::Action::"autoApprove",\n'
        '        resource == Postern::Database::"shop");\n' + others
    )

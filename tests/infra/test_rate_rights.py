"""Who may count what: a function counts what it is asked for, and nobody else's."""

from __future__ import annotations

import pytest

from postern_local.model import Deployment, Role
from tests.infra.test_roles import FUNCTIONS, may, role_of
from tests.support.stack import project_deployment

COUNTED = {
    "rate#openings#ab#1": {"tasks"},
    "rate#statements#ab#1": {"query"},
    "rate#provisions#ab#1": {"tasks", "revoke", "reap"},
    "pending#ab": {"tasks"},
}


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()


def may_count(role: Role, table: str, key: str) -> bool:
    return may(role, "dynamodb:UpdateItem", table, {"dynamodb:LeadingKeys": (key,)})


@pytest.mark.parametrize("key", COUNTED)
def test_counts_are_written_by_those_who_take_of_them(deployed: Deployment, key: str):
    (name,) = (table.name for table in deployed.tables if table.name.endswith("StateTable"))
    table = f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
    assert {one for one in FUNCTIONS if may_count(role_of(deployed, one), table, key)} == COUNTED[key]

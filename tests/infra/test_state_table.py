"""The state table: what the code asks of it, and that it is not lost by a slip."""

from __future__ import annotations

from typing import Any

import pytest

from postern_local.model import Table
from postern_local.transform import read_yaml
from tests.support.stack import PROJECT, project_deployment


@pytest.fixture(scope="module")
def table() -> Table:
    (table,) = (table for table in project_deployment().tables if table.name.endswith("StateTable"))
    return table


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    resource: dict[str, Any] = read_yaml(PROJECT / "template.yaml")["Resources"]["StateTable"]
    return resource


def test_has_the_keys_and_indexes_that_the_task_store_uses(table: Table) -> None:
    types = {one["AttributeName"]: one["AttributeType"] for one in table.create["AttributeDefinitions"]}

    assert [(key["AttributeName"], key["KeyType"]) for key in table.create["KeySchema"]] == [
        ("pk", "HASH"),
        ("sk", "RANGE"),
    ]
    assert {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in table.create["GlobalSecondaryIndexes"]
    } == {"by_principal": ["gsi1pk", "gsi1sk"], "by_deadline": ["gsi2pk", "gsi2sk"]}
    assert types == {"pk": "S", "sk": "S", "gsi1pk": "S", "gsi1sk": "S", "gsi2pk": "S", "gsi2sk": "N"}


def test_is_kept_encrypted_and_recoverable(table: Table, written: dict[str, Any]) -> None:
    assert table.point_in_time_recovery
    assert table.ttl_attribute == "ttl_s"
    assert table.create["DeletionProtectionEnabled"] is True
    assert table.create["SSESpecification"] == {"Enabled": True}
    assert written["DeletionPolicy"] == written["UpdateReplacePolicy"] == "Retain"

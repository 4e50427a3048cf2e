"""Where a deployment's data keys come from, by its environment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from postern.edges import clients
from postern.edges.seal_keys import seal_keys
from postern.errors import PolicyUnavailable
from postern.types import StatementText

ENVIRONMENT = {"POSTERN_SEAL_TABLE": "seals", "POSTERN_SEAL_KEY": "arn:aws:kms:us-east-1:123456789012:key/k"}


def settings(mode: StatementText) -> Any:
    return SimpleNamespace(statement_text=mode, deployment="shop", log="prod-2026")


def test_a_deployment_that_seals_gets_its_keys_where_its_environment_says():
    made = seal_keys(clients.connect("us-east-1"), settings(StatementText.SEALED), ENVIRONMENT)
    assert made is not None
    assert (made.table, made.kms_key) == tuple(ENVIRONMENT.values())
    assert (made.deployment, made.log) == ("shop", "prod-2026")


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_deployment_that_seals_does_not_start_without_table_or_key(name):
    less = {other: value for other, value in ENVIRONMENT.items() if other != name}
    with pytest.raises(PolicyUnavailable, match=name):
        seal_keys(clients.connect("us-east-1"), settings(StatementText.SEALED), less)


@pytest.mark.parametrize("mode", [StatementText.FULL, StatementText.NORMALIZED])
def test_a_deployment_that_does_not_seal_needs_neither(mode):
    assert seal_keys(clients.connect("us-east-1"), settings(mode), {}) is None

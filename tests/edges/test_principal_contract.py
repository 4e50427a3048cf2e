"""The answer of GET /v1/principal: its shape, byte for byte, and that nothing of the token is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from postern.edges.openapi import description
from postern.edges.task_routes import ROUTES
from postern.services.read_principal import Rights
from postern.types import DatabaseName
from tests.support.domain import AGENT, NOW_S

SHOP = DatabaseName("shop")
PERSON = replace(AGENT, issuer="people", subject="ann", groups=("leads", "ops"), attributes={"region": "eu"})


def answer(principal: Any, rights: Rights) -> tuple[int, bytes]:
    services: Any = SimpleNamespace(principal=SimpleNamespace(rights=lambda who: rights if who == principal else None))
    status, body = ROUTES["GET", "/v1/principal"]({}, principal, services)
    return status, msgspec.json.encode(body)


def test_a_persons_is_whole():
    assert answer(PERSON, Rights(approve=(SHOP,), audit=(SHOP,))) == (
        200,
        b'{"principal":"people|ann","issuer":"people","subject":"ann","on_behalf_of":null,"groups":["leads","ops"],'
        b'"token_expires_at_s":%d,"may":{"approve":["shop"],"revoke":[],"audit":["shop"]}}' % (NOW_S + 600),
    )


def test_an_agents_names_the_person():
    body = json.loads(answer(replace(AGENT, on_behalf_of="ann"), Rights())[1])
    assert (body["principal"], body["on_behalf_of"]) == ("ci|repo:acme/shop:main", "ann")
    assert body["may"] == {"approve": [], "revoke": [], "audit": []}


@pytest.mark.parametrize("name", ["principal", "may", "token_expires_at_s"])
def test_the_description_has_it(name: str):
    described = json.loads(description())
    operation = described["paths"]["/v1/principal"]["get"]
    assert {"200", "401", "503"} <= set(operation["responses"])
    assert "security" not in operation
    assert name in described["components"]["schemas"]["PrincipalAnswer"]["properties"]

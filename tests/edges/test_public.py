"""What anyone may read of whom the gate trusts (RFC 9728)."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from postern.edges.public import public_answer
from postern.identity.issuers import ALGORITHMS, parse_issuers

PATH = "/.well-known/oauth-protected-resource"


def metadata(*lines: str, headers: dict[str, str] | None = None, route: str = PATH, **context: str) -> dict[str, Any]:
    """The metadata of a gate with an issuer for each line of an entry."""
    text = "issuers: [" + ", ".join(
        f"{{name: i{number}, issuer: 'https://i{number}.example', audience: us{line}}}"
        for number, line in enumerate(lines)
    )
    issuers = parse_issuers(f"{text}]".encode(), file="issuers.yaml", local=None)
    event = {
        "resource": route,
        "headers": headers or {},
        "requestContext": {"domainName": "postern.example", "path": PATH} | context,
    }
    policy: Any = SimpleNamespace(load=lambda: SimpleNamespace(issuers=issuers))
    answer: dict[str, Any] = json.loads(public_answer(event, policy)["body"])
    return answer


def test_names_the_gate_its_issuers_and_how_a_token_is_sent():
    given = metadata("", ", dpop: required")
    assert given["authorization_servers"] == ["https://i0.example", "https://i1.example"]
    assert given["bearer_methods_supported"] == ["header"]
    assert set(given["dpop_signing_alg_values_supported"]) == ALGORITHMS
    assert given["dpop_bound_access_tokens_required"] is False
    assert metadata(", dpop: required")["dpop_bound_access_tokens_required"] is True


@pytest.mark.parametrize(
    ("context", "resource"),
    [
        ({}, "https://postern.example"),
        (
            {"domainName": "a.execute-api.eu-west-1.amazonaws.com", "path": f"/live{PATH}"},
            "https://a.execute-api.eu-west-1.amazonaws.com/live",
        ),
        ({"domainName": "127.0.0.1:8080"}, "http://127.0.0.1:8080"),
    ],
    ids=["custom domain", "own domain", "local stack"],
)
def test_says_where_it_is_by_the_gateways_word_and_no_header(context, resource):
    assert metadata(headers={"X-Forwarded-Proto": "ftp", "Host": "evil.example"}, **context)["resource"] == resource


@pytest.mark.parametrize(
    ("domain", "before", "resource"),
    [
        ("postern.example", "", "https://postern.example/mcp"),
        ("postern.example", "/gate", "https://postern.example/gate/mcp"),
        ("a.execute-api.eu-west-1.amazonaws.com", "/live", "https://a.execute-api.eu-west-1.amazonaws.com/live/mcp"),
        ("127.0.0.1:8080", "", "http://127.0.0.1:8080/mcp"),
    ],
    ids=["custom domain", "base path", "own domain with its stage", "local stack"],
)
def test_describes_the_resource_for_mcp_as_its_clients_name_it(domain, before, resource):
    given = metadata("", path=f"{before}{PATH}/mcp", route=f"{PATH}/mcp", domainName=domain)
    assert given["resource"] == resource
    assert given["authorization_servers"] == ["https://i0.example"]


def test_tells_how_people_sign_in_with_each_issuer_that_says_so():
    given = metadata(
        "",
        ", sign_in: {client_id: web, device_client_id: cli, scopes: [openid, 'a:b', offline_access],"
        " audience_parameter: audience, origins: ['https://l.example']}",
        ", sign_in: {client_id: us, token: id_token}",
    )
    assert given["postern_sign_in"] == [
        {
            "name": "i1",
            "issuer": "https://i1.example",
            "client_id": "web",
            "device_client_id": "cli",
            "scopes": ["openid", "a:b", "offline_access"],
            "token": "access_token",
            "origins": ["https://l.example"],
            "parameters": {"audience": "us"},
        },
        {
            "name": "i2",
            "issuer": "https://i2.example",
            "client_id": "us",
            "device_client_id": "us",
            "scopes": ["openid"],
            "token": "id_token",
            "origins": [],
            "parameters": {},
        },
    ]
    assert given["scopes_supported"] == ["a:b", "openid"]


def test_names_no_scopes_where_none_are_known():
    given = metadata("")
    assert given["postern_sign_in"] == []
    assert "scopes_supported" not in given

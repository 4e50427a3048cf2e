"""What anyone may read of whom the gate trusts (RFC 9728)."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from postern.edges.public import public_answer
from postern.identity.issuers import ALGORITHMS, parse_issuers

PATH = "/.well-known/oauth-protected-resource"


def metadata(*lines: str, headers: dict[str, str] | None = None, **context: str) -> dict[str, Any]:
    """The metadata of a gate with an issuer for each line of an entry."""
    text = "issuers: [" + ", ".join(
        f"{{name: i{number}, issuer: 'https://i{number}.example', audience: us{line}}}"
        for number, line in enumerate(lines)
    )
    issuers = parse_issuers(f"{text}]".encode(), file="issuers.yaml", local=None)
    event = {
        "resource": PATH,
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

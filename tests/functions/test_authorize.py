"""The authorizer's answers to API Gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from functions.authorize import handler as function

from postern.edges import invocation
from postern.edges.invocation import InvocationFailed
from postern.errors import IssuerUnavailable, StateUnavailable
from postern.identity.context import parse_principal
from postern.identity.keys import KeySource
from postern.identity.proofs import Proof, UsedProofs
from postern.services.authorize import Authorize
from tests.support.fake_clock import FakeClock
from tests.support.identity import AUDIENCE, NOW_S, FixedKeys, NoKeys, issuer_keys, jwk, key_set, rules, token
from tests.support.issuer_server import issuer_server
from tests.support.proofs import MemoryUsedProofs, bound_token, proof
from tests.support.telling import Context, Telling

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/POST/v1/tasks"


def event(*authorization: str, name: str = "Authorization") -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": ARN,
        "httpMethod": "POST",
        "requestContext": {"domainName": "postern.example", "path": "/v1/tasks", "stage": "live"},
        "headers": {name: authorization[-1]} if authorization else None,
        "multiValueHeaders": {name: list(authorization)} if authorization else None,
    }


def respond(sent: dict[str, Any], to: Authorize) -> dict[str, Any]:
    return function.respond(sent, to, Telling("authorize").invocation())


def services(keys: KeySource | None = None, used: UsedProofs | None = None) -> Authorize:
    clock = FakeClock(at_us=NOW_S * 1_000_000)
    return Authorize(rules(), keys or FixedKeys(issuer_keys()), used or MemoryUsedProofs(), clock)


def with_proof(unverified_token: str, *proofs: str, name: str = "DPoP", **context: str) -> dict[str, Any]:
    """An event with these proofs, whose gateway's context has these changes."""
    sent = event(f"DPoP {unverified_token}")
    sent["multiValueHeaders"] |= {name: list(proofs)} if proofs else {}
    sent["headers"] |= {name: proofs[-1]} if proofs else {}
    return sent | {"requestContext": sent["requestContext"] | context}


def code(answer: dict[str, Any]) -> str:
    """The code of a refusal, after it was made sure that it is one and tells nothing else."""
    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}
    ]
    assert answer["principalId"] == "nobody"
    assert list(answer["context"]) == ["code"]
    return str(answer["context"]["code"])


def test_allows_exactly_the_call_and_passes_the_principal_on():
    answer = respond(event(f"Bearer {token()}"), services())
    assert answer["principalId"] == "ci|repo:octo/shop"
    assert answer["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}],
    }
    assert parse_principal(answer["context"]["principal"], now_s=NOW_S).subject == "repo:octo/shop"


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION", "aUthorization"])
def test_finds_the_header_in_any_case(name):
    assert "principal" in respond(event(f"Bearer {token()}", name=name), services())["context"]


def test_reads_single_headers_where_the_event_has_no_others():
    single = {**event(f"Bearer {token()}"), "multiValueHeaders": None}
    assert "principal" in respond(single, services())["context"]


@pytest.mark.parametrize(
    ("unverified", "refused"),
    [
        (lambda: "x", "token.malformed"),
        (lambda: token(exp=1), "token.expired"),
        (lambda: token(nbf=NOW_S + 999), "token.not_yet_valid"),
        (lambda: token(aud="x"), "token.audience"),
        (lambda: token(iss="x"), "token.issuer"),
        (lambda: token(key="foreign RS256"), "token.signature"),
        (lambda: token(header_changes={"alg": "none"}), "token.algorithm"),
        (lambda: token(header_changes={"kid": "x"}), "token.key"),
        (lambda: token(header_changes={"typ": "x"}), "token.type"),
        (lambda: token(sub=1), "token.claims"),
        (lambda: token(repository_owner="x"), "token.rules"),
        (lambda: "x" * 20_000, "token.too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_a_hostile_token_with_a_code_and_nothing_more(unverified, refused):
    assert code(respond(event(f"Bearer {unverified()}"), services())) == refused


def test_refuses_a_call_without_a_token():
    assert code(respond(event(), services())) == "token.missing"


def test_refuses_two_headers_in_different_case():
    twice = event(f"Bearer {token()}")
    twice["multiValueHeaders"] |= {"authorization": [f"Bearer {token()}"]}
    assert code(respond(twice, services())) == "token.malformed"


def test_raises_while_the_issuer_cannot_be_reached():
    """The gateway answers 503: the token may be good."""
    with pytest.raises(IssuerUnavailable):
        respond(event(f"Bearer {token()}"), services(NoKeys()))


def test_stays_under_api_gateways_bound_on_an_answer():
    """8 KB for policy and context together, with the most groups that are let through and the longest subject."""
    text = "issuers:\n- {name: ci, issuer: 'https://issuer.example', audience: 'https://postern.example', "
    many = replace(services(), issuers=rules(text + "require: {repository_owner: octo}, groups_claim: groups}"))
    for count in range(0, 800, 10):
        groups = [f"group-{number:04}" for number in range(count)]
        answer = respond(event(f"Bearer {token(sub='é' * 255, groups=groups)}"), many)
        if "code" in answer["context"]:
            break
        assert len(json.dumps(answer)) < 8192
    assert count > 50
    assert code(answer) == "token.claims"


def test_logs_why_it_refused_and_nothing_of_the_token():
    telling = Telling("authorize")
    told = telling.invocation()
    marked = token(sub="marker\n", jti="marker", repository_owner="octo")
    function.respond(event(f"Bearer {marked}"), services(), told)
    written = telling.out.getvalue()
    assert told.code == "token.claims"
    assert [line["message"] for line in telling.lines()] == ["refused"]
    assert "marker" not in written
    assert not any(part in written for part in marked.split("."))


def test_allows_the_call_of_a_bound_token_with_its_proof_once():
    bound = bound_token()
    sent, to = with_proof(bound, proof(bound)), services()
    answer = respond(sent, to)
    assert answer["principalId"] == "ci|repo:octo/shop"
    assert answer["policyDocument"]["Statement"][0]["Resource"] == ARN
    assert code(respond(sent, to)) == "token.replayed"
    assert code(respond(with_proof(bound, proof(bound, iat=NOW_S - 1)), to)) == "token.replayed"
    assert "principal" in respond(with_proof(bound, proof(bound, jti="another")), to)["context"]


@pytest.mark.parametrize("name", ["dpop", "DPOP"])
def test_finds_the_proof_in_any_case(name):
    bound = bound_token()
    assert "principal" in respond(with_proof(bound, proof(bound), name=name), services())["context"]


def test_refuses_two_proofs_in_headers_of_different_case():
    bound = bound_token()
    sent = with_proof(bound, proof(bound))
    sent["multiValueHeaders"]["dpop"] = [proof(bound, jti="another")]
    assert code(respond(sent, services())) == "token.proof"


@pytest.mark.parametrize(
    ("context", "url"),
    [
        ({}, "https://postern.example/v1/tasks"),
        (
            {"domainName": "a1b2.execute-api.eu-west-1.amazonaws.com", "path": "/live/v1/tasks"},
            "https://a1b2.execute-api.eu-west-1.amazonaws.com/live/v1/tasks",
        ),
        ({"path": "/gate/v1/tasks"}, "https://postern.example/gate/v1/tasks"),
        ({"domainName": "127.0.0.1:8080"}, "http://127.0.0.1:8080/v1/tasks"),
    ],
    ids=["custom domain", "own domain with the stage", "custom domain with a base path", "local stack"],
)
def test_takes_the_url_from_the_gateways_context_and_no_header(context, url):
    bound = bound_token()
    sent = with_proof(bound, proof(bound, htu=url), **context)
    assert "principal" in respond(sent, services())["context"]
    lie = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "x"}
    stolen = with_proof(bound, proof(bound, htu="http://evil.example/v1/tasks"), **context)
    stolen["headers"] |= lie
    stolen["multiValueHeaders"] |= {name: [value] for name, value in lie.items()}
    assert code(respond(stolen, services())) == "token.proof"


@pytest.mark.parametrize("missing", ["domainName", "path", None])
def test_takes_no_proof_where_the_gateway_does_not_say_what_was_asked(missing):
    bound = bound_token()
    sent = with_proof(bound, proof(bound))
    if missing is None:
        del sent["requestContext"]
    else:
        del sent["requestContext"][missing]
    assert code(respond(sent, services())) == "token.proof"


class Away:
    """Used proofs that cannot be reached."""

    def use(self, proof: Proof, *, now_s: int) -> bool:
        raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")


def test_lets_no_bound_token_through_while_it_cannot_tell_whether_its_proof_was_used():
    bound = bound_token()
    with pytest.raises(StateUnavailable):
        respond(with_proof(bound, proof(bound)), services(used=Away()))
    assert "principal" in respond(event(f"Bearer {token()}"), services(used=Away()))["context"]


def test_writes_nothing_for_a_token_or_a_proof_that_does_not_hold():
    used = MemoryUsedProofs()
    bound = bound_token()
    for sent in (
        with_proof(bound, proof(bound, htm="GET")),
        with_proof(bound_token(repository_owner="x"), proof(bound)),
        with_proof(bound_token(exp=1), proof(bound_token(exp=1))),
        with_proof(bound, proof(bound, key="thief ES256")),
        event(f"Bearer {token()}"),
    ):
        respond(sent, services(used=used))
    assert used.until_s == {}


@pytest.fixture
def fresh(monkeypatch):
    """The handler without services of an earlier test."""
    function._services.cache_clear()
    monkeypatch.setattr(invocation, "_prepare", lambda _: False)  # what it silences is the tests' as well
    yield
    function._services.cache_clear()


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state table that cannot be reached: nothing listens there."""
    for name, value in {
        "POSTERN_TABLE": "state",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("fresh")
def test_serves_from_the_environment_and_reads_it_once(tmp_path, monkeypatch):
    file = tmp_path / "issuers.yaml"
    file.write_text(f"issuers: [{{name: a, issuer: local, audience: '{AUDIENCE}', require: {{sub: agent}}}}]")
    with issuer_server() as server:
        server.publish(key_set(jwk("RS256")))
        monkeypatch.setenv("POSTERN_POLICY_DIR", str(tmp_path))
        monkeypatch.setenv("POSTERN_LOCAL_ISSUER", server.url)
        nowhere(monkeypatch)
        monkeypatch.setattr("postern.edges.system.time.time_ns", lambda: NOW_S * 10**9)
        valid = f"Bearer {token(iss=server.url, sub='agent')}"
        assert function.handler(event(valid), Context())["principalId"] == "a|agent"
        file.unlink()
        assert function.handler(event(valid), Context())["principalId"] == "a|agent"
        assert server.asked.total() == 2


@pytest.mark.usefixtures("fresh")
def test_lets_nobody_in_while_the_policy_layer_is_broken(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("POSTERN_POLICY_DIR", str(tmp_path))
    nowhere(monkeypatch)
    (tmp_path / "issuers.yaml").write_text("issuers:\n- nmae: x")
    with pytest.raises(InvocationFailed, match=r"policy\.unavailable"):
        function.handler(event(f"Bearer {token()}"), Context())
    [told] = [record for record in caplog.records if record.message == "upstream"]
    assert "issuers.yaml:2" in told.__dict__["detail"]
    (tmp_path / "issuers.yaml").write_text("issuers: []")
    assert code(function.handler(event(f"Bearer {token()}"), Context())) == "token.issuer"


def test_importing_the_handler_loads_no_sdk_and_reads_nothing():
    """In a process of its own, without any of the environment that the function needs."""
    seen = subprocess.run(
        [sys.executable, "-c", "import sys, functions.authorize.handler; print(*sorted(sys.modules))"],
        capture_output=True,
        check=True,
        text=True,
        env={"PATH": "", "POSTERN_POLICY_DIR": "/nowhere"},
        cwd=Path(function.__file__).parents[2],
    ).stdout.split()
    # Powertools looks whether there is a botocore, which loads its first module and none that costs anything.
    heavy = {
        "boto3",
        "botocore.session",
        "botocore.client",
        "aws_xray_sdk",
        "cedarpy",
        "pg8000",
        "postgast",
        "msgspec",
        "requests",
        "urllib3",
    }
    assert not heavy & set(seen)

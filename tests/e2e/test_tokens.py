"""Through the whole stack: keys that environments share, whose they are to write, and tokens bound to a key."""

from __future__ import annotations

import os
import secrets
import signal
import time

import boto3
import pytest
from botocore.exceptions import ClientError

from postern.identity.keys import thumbprint
from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.support.proofs import proof, public_jwk
from tests.support.stack import Answer, call, wait_until

AUTHORIZE = "postern-authorize"


@pytest.fixture
def agent(shop: Stack) -> Caller:
    return Caller(shop.ready, "repo:acme/shop:main", {"role": "agent"})


def state_table(shop: Stack) -> str:
    (table,) = (table.name for table in shop.deployment.tables if table.name.endswith("StateTable"))
    return table


def database(shop: Stack, **keys: str) -> object:
    given = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} | keys
    return boto3.client("dynamodb", endpoint_url=shop.ready.aws, region_name="us-east-1", **given)  # type: ignore[call-overload]


def key_of(shop: Stack) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"jwks#{shop.ready.issuer}"}, "sk": {"S": "keys"}}


def test_a_fresh_authorizer_passes_a_good_token_by_the_keys_in_the_table(shop: Stack, agent: Caller) -> None:
    """The processes are killed, and the table says that the issuer was asked just now: so nobody asks it."""
    assert agent.call("GET", "/v1/tasks").status == 200
    client = database(shop)
    client.update_item(  # type: ignore[attr-defined]
        TableName=state_table(shop),
        Key=key_of(shop),
        UpdateExpression="SET fetched_at_s = :old, asked_at_s = :now",
        ExpressionAttributeValues={":old": {"N": str(int(time.time()) - 3600)}, ":now": {"N": str(int(time.time()))}},
    )
    before = shop.lambdas.pids(AUTHORIZE)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: agent.call("GET", "/v1/tasks").status == 200 and not before & shop.lambdas.pids(AUTHORIZE))
    item = client.get_item(TableName=state_table(shop), Key=key_of(shop))["Item"]  # type: ignore[attr-defined]
    assert int(item["fetched_at_s"]["N"]) < time.time() - 3000


@pytest.mark.parametrize("function", ["tasks", "query", "provision", "reap"])
def test_no_other_function_can_write_the_keys(function: str, shop: Stack) -> None:
    (role,) = (one for one in shop.deployment.roles if one.name == shop.deployment.function(f"postern-{function}").role)
    session = shop.aws.assume_as_service(role.arn, session_name=function)
    client = database(
        shop,
        aws_access_key_id=session.access_key_id,
        aws_secret_access_key=session.secret_access_key.reveal(),
        aws_session_token=session.session_token.reveal(),
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        client.update_item(  # type: ignore[attr-defined]
            TableName=state_table(shop),
            Key=key_of(shop),
            UpdateExpression="SET key_set = :mine",
            ExpressionAttributeValues={":mine": {"B": b'{"keys":[]}'}},
        )


def test_a_bound_token_passes_with_a_new_proof_for_its_request_and_not_otherwise(shop: Stack) -> None:
    bound = Caller(shop.ready, "repo:acme/shop:main", {"role": "agent", "cnf": {"jkt": thumbprint(public_jwk())}})
    token, url = bound.token(), f"{shop.ready.api}/v1/tasks"

    def ask(*, scheme: str = "DPoP", **claims: object) -> Answer:
        made = {"htm": "GET", "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(8), **claims}
        return call(f"{url}?limit=1", headers={"Authorization": f"{scheme} {token}", "DPoP": proof(token, **made)})

    assert ask(jti="once").status == 200
    assert ask(jti="once").json["code"] == "token.replayed"
    for refused in (ask(scheme="Bearer"), ask(htu="https://evil.example/v1/tasks"), ask(htm="POST"), ask(iat=1)):
        assert (refused.status, refused.json["code"]) == (401, "token.proof")
        assert 'DPoP error="invalid_token"' in str(refused.headers["WWW-Authenticate"])
    assert ask().status == 200

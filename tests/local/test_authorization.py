"""What an authorizer's result lets through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern_local.authorization import MalformedAuthorization, parse_authorization

ARN = "arn:aws:execute-api:us-east-1:123456789012:local/live/POST/v1/tasks"


def result(effect: str = "Allow", resource: object = ARN, **changed: object) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "somebody", "policyDocument": policy, "context": {"principal": "p"}} | changed


def parse(document: object) -> tuple[bool, dict[str, str]]:
    found = parse_authorization(json.dumps(document).encode(), ARN)
    return found.allowed, dict(found.context)


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        pytest.param(result(), True, id="this call"),
        pytest.param(result(resource="*"), True, id="any call"),
        pytest.param(result(resource=ARN.replace("POST", "*")), True, id="any method"),
        pytest.param(result("Deny", "*"), False, id="refusal"),
        pytest.param(result(resource=ARN + "/x"), False, id="another path"),
        pytest.param(result(resource=ARN.replace("POST", "GET")), False, id="another method"),
        pytest.param(
            result(
                policyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"},
                        {"Action": "execute-api:*", "Effect": "Deny", "Resource": ARN},
                    ],
                }
            ),
            False,
            id="refusal beside a permission",
        ),
        pytest.param(
            result(
                policyDocument={
                    "Version": "2012-10-17",
                    "Statement": [{"Action": "execute-api:ManageConnections", "Effect": "Allow", "Resource": "*"}],
                }
            ),
            False,
            id="another action",
        ),
    ],
)
def test_decides_by_the_policy(document: dict[str, Any], allowed: bool) -> None:
    assert parse(document)[0] is allowed


def test_passes_the_context_on_as_text() -> None:
    _, context = parse(result(context={"text": "a", "number": 7, "yes": True, "no": False}))

    assert context == {"text": "a", "number": "7", "yes": "true", "no": "false", "principalId": "somebody"}


def test_the_context_cannot_replace_the_principal_id() -> None:
    assert parse(result(context={"principalId": "somebody else"}))[1]["principalId"] == "somebody"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(None, id="null"),
        pytest.param("Allow", id="text"),
        pytest.param({"isAuthorized": True}, id="the form of an HTTP API"),
        pytest.param(result(principalId=None), id="no principal"),
        pytest.param(result(policyDocument=None), id="no policy"),
        pytest.param(result(policyDocument={}), id="empty policy"),
        pytest.param(result(policyDocument={"Version": "2012-10-17", "Statement": []}), id="no statement"),
        pytest.param(result(effect="Maybe"), id="unknown effect"),
        pytest.param(result(resource=7), id="resource that is no text"),
        pytest.param(result(context=["a"]), id="context is a list"),
        pytest.param(result(context={"a": {"b": "c"}}), id="context with an object"),
        pytest.param(result(context={"a": ["b"]}), id="context with a list"),
        pytest.param(result(context={"a": None}), id="context with null"),
    ],
)
def test_nobody_passes_on_a_result_of_another_form(document: object) -> None:
    with pytest.raises(MalformedAuthorization):
        parse(document)


def test_nobody_passes_on_a_result_that_is_not_json() -> None:
    with pytest.raises(MalformedAuthorization):
        parse_authorization(b"", ARN)

"""The contract as it is described, and what travels between `tasks` and `provision`."""

from __future__ import annotations

import json

import jsonschema  # type: ignore[import-untyped]
import pytest

from postern.edges import contract, http, openapi, revocation_contract
from postern.edges.presenters import task_answer
from postern.edges.provision_contract import format_error, parse_error
from postern.errors import (
    CODES,
    BadRequest,
    DatabaseUnavailable,
    EvidenceUnavailable,
    Refusal,
    RefusedByPolicy,
    StateUnavailable,
)
from postern.types import TaskState
from tests.support.domain import a_task


def test_every_reference_of_the_description_leads_somewhere():
    text = openapi.description().decode()
    document = json.loads(text)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])
    assert document["components"]["schemas"]["OpenTaskBody"]["additionalProperties"] is False


def test_the_description_has_every_route_that_the_template_gives_to_tasks_and_query():
    paths = json.loads(openapi.description())["paths"]
    assert {(method, path) for path, calls in paths.items() for method in calls} >= {
        ("post", "/v1/tasks"),
        ("get", "/v1/tasks"),
        ("get", "/v1/tasks/{id}"),
        ("delete", "/v1/tasks/{id}"),
        ("get", "/v1/tasks/{id}/schema"),
        ("post", "/v1/tasks/{id}/query"),
        ("get", "/healthz"),
    }


ACCESS = [{"tables": ["a"], "actions": ["select"]}]
OPENING = {"database": "d", "purpose": "p"}
STATEMENTS = [{"sql": "SELECT 1"}]
BODIES = {
    "access": ("OpenTaskBody", {**OPENING, "access": ACCESS}),
    "access, and no statements": ("OpenTaskBody", {**OPENING, "access": ACCESS, "statements": None, "unmask": ["c"]}),
    "statements": ("OpenTaskBody", {**OPENING, "statements": STATEMENTS, "access": None, "lookup": []}),
    "neither": ("OpenTaskBody", OPENING),
    "neither, in words": ("OpenTaskBody", {**OPENING, "access": None}),
    "both": ("OpenTaskBody", {**OPENING, "access": ACCESS, "statements": STATEMENTS}),
    "statements that unmask": ("OpenTaskBody", {**OPENING, "statements": STATEMENTS, "unmask": ["c"]}),
    "statements that look up": ("OpenTaskBody", {**OPENING, "statements": STATEMENTS, "lookup": ["c"]}),
    "revoke a task": ("RevocationBody", {"reason": "r", "task": "t"}),
    "revoke a task for a while": ("RevocationBody", {"reason": "r", "task": "t", "expires_s": 60}),
    "revoke a principal": ("RevocationBody", {"reason": "r", "principal": "ci|x", "expires_s": 60, "task": None}),
    "revoke half a principal": ("RevocationBody", {"reason": "r", "principal": "x"}),
    "hold a database": ("RevocationBody", {"reason": "r", "database": "d", "hold": True}),
    "hold an issuer": ("RevocationBody", {"reason": "r", "issuer": "d", "hold": True}),
    "revoke two": ("RevocationBody", {"reason": "r", "issuer": "d", "database": "d"}),
    "revoke nothing": ("RevocationBody", {"reason": "r", "issuer": None}),
}


@pytest.mark.parametrize(("name", "body"), BODIES.values(), ids=BODIES)
def test_the_description_takes_the_bodies_that_are_taken(name: str, body: dict[str, object]):
    document = json.loads(openapi.description())
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    is_described = jsonschema.Draft202012Validator(schema).is_valid(body)
    assert is_described is _is_taken(name, json.dumps(body).encode())


def _is_taken(name: str, body: bytes) -> bool:
    try:
        if name == "OpenTaskBody":
            http.parse_body(body, contract.OPEN_TASK)
        else:
            revocation_contract.revoked_of(http.parse_body(body, revocation_contract.REVOCATION))
    except BadRequest:
        return False
    return True


def test_every_call_is_described_with_what_the_gateway_says_by_itself():
    for path, calls in json.loads(openapi.description())["paths"].items():
        for call in calls.values():
            assert {"400", "413", "429", "431", "503", "504"} <= set(call["responses"]), path


def test_the_public_calls_alone_want_no_token():
    paths = json.loads(openapi.description())["paths"]
    public = {path for path, calls in paths.items() for call in calls.values() if call.get("security") == []}
    assert public == {"/healthz", "/v1/log"}
    assert all("401" in call["responses"] for path in paths.keys() - public for call in paths[path].values())


def test_a_task_shows_classes_masks_and_types_as_built():
    answer = task_answer(a_task())
    assert [(c.name, c.type, c.class_name, c.mask) for c in answer.scope[0].columns] == [
        ("id", "integer", "open", None),
        ("email", "text", "pii.email", "email"),
    ]
    assert answer.expires_at == "2026-09-21T15:13:20Z"


def test_a_task_without_a_world_shows_what_was_granted():
    answer = task_answer(a_task(state=TaskState.PENDING_APPROVAL, views=()))
    assert [(c.name, c.type, c.mask) for c in answer.scope[0].columns] == [("id", None, None), ("email", None, "email")]


@pytest.mark.parametrize(
    "error",
    [
        RefusedByPolicy("policy.refused", "no", refusals=(Refusal("a", "policy.refused", "why"),), command_id="c"),
        DatabaseUnavailable("database.unavailable", "away", command_id="c"),
        EvidenceUnavailable("evidence.unavailable", "away"),
        StateUnavailable("state.unavailable", "away"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_provisioner_arrives_as_it_was(error):
    arrived = parse_error(json.loads(json.dumps(format_error(error))))
    assert type(arrived) is type(error)
    assert (arrived.code, arrived.detail, arrived.command_id) == (error.code, error.detail, error.command_id)
    assert getattr(arrived, "refusals", ()) == getattr(error, "refusals", ())


@pytest.mark.parametrize("answer", [{}, {"code": "nonsense"}, {"errorType": "KeyError"}], ids=repr)
def test_an_answer_that_says_nothing_is_a_database_that_is_away(answer):
    assert isinstance(parse_error(answer), DatabaseUnavailable)


def test_codes_are_lower_case_words_with_a_family():
    for code, meaning in CODES.items():
        assert code == code.lower()
        assert meaning.endswith(".")

"""The contract as it is described, and what travels between `tasks` and `provision`."""

from __future__ import annotations

import json

import pytest

from postern.edges import openapi
from postern.edges.presenters import task_answer
from postern.edges.provision_contract import format_error, parse_error
from postern.errors import CODES, DatabaseUnavailable, EvidenceUnavailable, Refusal, RefusedByPolicy, StateUnavailable
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

"""What is asked of tasks over HTTP: the shapes that are taken, and all that is not."""

from __future__ import annotations

import json

import pytest

from postern.approvals import Said, Word
from postern.edges import task_requests as asked
from postern.errors import BadRequest

DIGEST = "a" * 64


def event(body: object) -> dict[str, object]:
    return {"body": body if isinstance(body, str) else json.dumps(body)}


def test_reads_an_approvers_word():
    body = {"decision": "approve", "comment": "seen", "scope_digest": DIGEST}
    assert asked.said(event(body)) == Said(Word.APPROVE, "seen", DIGEST)
    assert asked.said(event({"decision": "deny", "comment": "no"})) == Said(Word.DENY, "no")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"comment": "x"}, id="no-decision"),
        pytest.param({"decision": "approve"}, id="no-comment"),
        pytest.param({"decision": "approve", "comment": ""}, id="empty-comment"),
        pytest.param({"decision": "approve", "comment": " \n"}, id="blank-comment"),
        pytest.param({"decision": "APPROVE", "comment": "x"}, id="another-case"),
        pytest.param({"decision": True, "comment": "x"}, id="a-boolean"),
        pytest.param({"decision": ["approve"], "comment": "x"}, id="a-list"),
        pytest.param({"decision": "approve", "comment": "x", "task": "other"}, id="unknown-member"),
        pytest.param({"decision": "approve", "comment": "x" * 2001}, id="long-comment"),
        pytest.param({"decision": "approve", "comment": "x" * 1_000_000}, id="a-megabyte"),
        pytest.param({"decision": "approve", "comment": "x", "scope_digest": DIGEST.upper()}, id="digest-in-capitals"),
        pytest.param(
            {"decision": "approve", "comment": "x", "scope_digest": DIGEST + "\n"}, id="digest-and-a-line-end"
        ),
        pytest.param({"decision": "approve", "comment": "x", "scope_digest": ""}, id="empty-digest"),
        pytest.param('{"decision": "approve", "comment": "\\ud800"}', id="half-a-character"),
        pytest.param("approve", id="not-json"),
        pytest.param("", id="nothing"),
    ],
)
def test_takes_no_other_word(body):
    with pytest.raises(BadRequest):
        asked.said(event(body))


@pytest.mark.parametrize(
    ("values", "listed"),
    [
        pytest.param(None, asked.Listed.OWN, id="none"),
        pytest.param([], asked.Listed.OWN, id="empty"),
        pytest.param(["pending_approval"], asked.Listed.WAITING, id="pending"),
        pytest.param(["live"], asked.Listed.LIVE, id="live"),
    ],
)
def test_lists_ones_own_tasks_or_those_that_wait_or_live(values, listed):
    parameters = None if values is None else {"state": values}
    assert asked.listed({"multiValueQueryStringParameters": parameters}) is listed


@pytest.mark.parametrize(
    "values", [["active"], ["own"], ["PENDING_APPROVAL"], [""], ["pending_approval", "pending_approval"]]
)
def test_lists_by_no_other_state(values):
    with pytest.raises(BadRequest):
        asked.listed({"multiValueQueryStringParameters": {"state": values}})


@pytest.mark.parametrize("cursor", ["", "a" * 31, "a" * 33, "A" * 32, "task#" + "a" * 27, "a" * 31 + "\n"])
def test_goes_on_after_nothing_but_a_tasks_id(cursor):
    with pytest.raises(BadRequest):
        asked.after({"multiValueQueryStringParameters": {"cursor": [cursor]}})

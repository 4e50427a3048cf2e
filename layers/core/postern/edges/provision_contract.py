"""What `tasks` says to `provision`, and what that answers: plain JSON, errors by their code.

{"action": "provision", "task_id": "…"}   {"action": "tear_down", "task_id": "…", "by": "principal", "timer", …}
{"status": "ok", "state": "…"}            {"status": "refused", "code", "detail", "refusals": [...]}
{"status": "ok", "state": "…", "proof": {"sessions": 0, …, "terminated": 1, "steps": {…}}}   of a teardown

{"action": "sweep", "database": "…"}      {"status": "ok", "looked": 3, "dropped": ["…"], "left": [["…", code]], …}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from postern.errors import (
    Conflict,
    DatabaseHeld,
    DatabaseUnavailable,
    EvidenceUnavailable,
    IntegrityError,
    NotFound,
    PolicyUnavailable,
    PosternError,
    Refusal,
    RefusedByPolicy,
    StateUnavailable,
)
from postern.ports import TeardownProof, TeardownSteps, TornDown
from postern.sweep_ports import Swept
from postern.types import TaskId, TaskState


def format_error(error: PosternError) -> dict[str, Any]:
    refusals = error.refusals if isinstance(error, RefusedByPolicy) else ()
    return {
        "status": "refused",
        "code": error.code,
        "detail": error.detail,
        "command_id": error.command_id,
        "refusals": [{"what": one.what, "code": one.code, "reason": one.reason} for one in refusals],
    }


def format_torn_down(torn: TornDown) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": "ok", "state": torn.state.value}
    return answer if torn.proof is None else {**answer, "proof": asdict(torn.proof)}


def parse_torn_down(answer: Mapping[str, Any]) -> TornDown:
    """What was answered to a teardown. An answer that is not understood is a teardown of which nothing is known."""
    try:
        proof = answer.get("proof")
        return TornDown(TaskState(answer["state"]), None if proof is None else _proof(proof))
    except (KeyError, TypeError, ValueError) as error:
        raise DatabaseUnavailable("database.unavailable", "teardown: expected what it came to, got another") from error


def format_swept(swept: Swept) -> dict[str, Any]:
    return {"status": "ok", **asdict(swept)}


def parse_swept(answer: Mapping[str, Any]) -> Swept:
    """What was answered to a sweep. An answer that is not understood is a sweep of which nothing is known."""
    try:
        counts = {name: int(answer[name]) for name in ("looked", "overdue", "unknown", "another", "unlooked")}
        dropped = tuple(TaskId(str(one)) for one in answer["dropped"])
        left = tuple((TaskId(str(id_)), str(code)) for id_, code in answer["left"])
    except (KeyError, TypeError, ValueError) as error:
        raise DatabaseUnavailable("database.unavailable", "sweep: expected what it came to, got another") from error
    return Swept(dropped=dropped, left=left, **counts)


def _proof(members: Mapping[str, Any]) -> TeardownProof:
    return TeardownProof(**{**members, "steps": TeardownSteps(**members["steps"])})


def parse_error(answer: Mapping[str, Any]) -> PosternError:
    """The error that the answer tells of. What is no known code is a database that is not available."""
    code, detail, command_id = str(answer.get("code")), str(answer.get("detail")), answer.get("command_id")
    if code in _REFUSALS:
        refusals = tuple(Refusal(one["what"], one["code"], one["reason"]) for one in answer.get("refusals", ()))
        return RefusedByPolicy(code, detail, refusals=refusals, command_id=command_id)
    error = _BY_CODE.get(code)
    if error is None:
        return DatabaseUnavailable("database.unavailable", "the task's world could not be built or removed: try again")
    return error(code, detail, command_id=command_id)


_REFUSALS = frozenset({"policy.refused", "policy.writes"})
_BY_CODE: dict[str, type[PosternError]] = {
    "database.unavailable": DatabaseUnavailable,
    "evidence.unavailable": EvidenceUnavailable,
    "state.unavailable": StateUnavailable,
    "policy.unavailable": PolicyUnavailable,
    "task.state": Conflict,
    "task.revoked": Conflict,
    "database.held": DatabaseHeld,
    "task.unknown": NotFound,
    "approval.mismatch": IntegrityError,
}

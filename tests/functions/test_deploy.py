"""What CodeDeploy is told: to go on where the deploy is on record, to stop in every other case."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from functions.deploy import handler as function

from postern.edges import invocation
from postern.edges.deploy_hook import CodeDeployHook
from postern.edges.invocation import InvocationFailed
from tests.support.deploys import Deploying
from tests.support.telling import Context

ASKED = {"DeploymentId": "d-ABC123DEF", "LifecycleEventHookExecutionId": "eyJlbmNyeXB0ZWREYXRhIjoi"}


@dataclass
class CodeDeploy:
    """Takes answers, or raises."""

    raises: Exception | None = None
    answers: list[dict[str, str]] = field(default_factory=list)

    def put_lifecycle_event_hook_execution_status(self, **answer: str) -> dict[str, str]:
        if self.raises is not None:
            raise self.raises
        self.answers.append(answer)
        return {"lifecycleEventHookExecutionId": answer["lifecycleEventHookExecutionId"]}


@pytest.fixture
def codedeploy(monkeypatch: pytest.MonkeyPatch) -> CodeDeploy:
    asked = CodeDeploy()
    monkeypatch.setattr(function, "hook", lambda: CodeDeployHook(asked))
    monkeypatch.setattr(invocation, "_prepare", lambda _: False)
    return asked


def called(monkeypatch: pytest.MonkeyPatch, site: Deploying, event: dict[str, Any]) -> dict[str, Any]:
    monkeypatch.setattr(function, "services", lambda: site.asks()[0])
    return function.handler(event, Context())


def test_goes_on_once_the_deploy_is_on_record(monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy) -> None:
    site = Deploying()

    told = called(monkeypatch, site, ASKED)

    assert (told["status"], told["version"]) == ("recorded", site.built.version)
    assert codedeploy.answers == [
        {
            "deploymentId": "d-ABC123DEF",
            "lifecycleEventHookExecutionId": ASKED["LifecycleEventHookExecutionId"],
            "status": "Succeeded",
        }
    ]
    assert len(site.objects) == 1


def test_stops_where_the_record_cannot_be_written(monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy) -> None:
    service, records = Deploying().asks()
    records.fail_next("before")
    monkeypatch.setattr(function, "services", lambda: service)

    assert function.handler(ASKED, Context()) == {"status": "stopped"}
    assert [answer["status"] for answer in codedeploy.answers] == ["Failed"]


@pytest.mark.parametrize("broken", [{"loads": False}, {"authority": None}], ids=["policy", "authorities"])
def test_stops_where_what_is_deployed_cannot_work(
    broken: dict[str, Any], monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy
) -> None:
    assert called(monkeypatch, Deploying(**broken), ASKED) == {"status": "stopped"}
    assert [answer["status"] for answer in codedeploy.answers] == ["Failed"]


def test_stops_where_it_cannot_even_be_made(
    monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy, tmp_path: Path
) -> None:
    """A variable that is missing, or build facts that are."""
    function.services.cache_clear()
    for name in ("POSTERN_DEPLOYMENT", "POSTERN_BUILD"):
        monkeypatch.delenv(name, raising=False)

    assert function.handler(ASKED, Context()) == {"status": "stopped"}
    assert [answer["status"] for answer in codedeploy.answers] == ["Failed"]


def test_stops_at_a_fault_of_its_own(monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy) -> None:
    def fault() -> None:
        raise RuntimeError("a slip")

    monkeypatch.setattr(function, "services", fault)

    assert function.handler(ASKED, Context()) == {"status": "stopped"}
    assert [answer["status"] for answer in codedeploy.answers] == ["Failed"]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutLifecycleEventHookExecutionStatus"),
        EndpointConnectionError(endpoint_url="https://codedeploy.example"),
    ],
    ids=["throttled", "away"],
)
def test_an_answer_that_was_not_taken_is_given_again_and_recorded_once(
    error: Exception, monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy
) -> None:
    """Lambda repeats what raised."""
    site = Deploying()
    codedeploy.raises = error
    with pytest.raises(InvocationFailed, match=r"state\.unavailable"):
        called(monkeypatch, site, ASKED)

    codedeploy.raises = None
    called(monkeypatch, site, ASKED)

    assert [answer["status"] for answer in codedeploy.answers] == ["Succeeded"]
    assert len(site.objects) == 1


def test_an_operator_has_what_stands_recorded_and_nobody_is_answered(
    monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy
) -> None:
    site = Deploying()

    assert called(monkeypatch, site, {"action": "record"})["status"] == "recorded"

    assert site.kept[-1].deployment_id is None
    assert codedeploy.answers == []


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"action": "erase"}, id="another action"),
        pytest.param({"DeploymentId": "d-ABC123DEF"}, id="no execution"),
        pytest.param({**ASKED, "DeploymentId": "x"}, id="no deployment of CodeDeploy's"),
        pytest.param({**ASKED, "DeploymentId": "d-ABC\n"}, id="a line more"),
        pytest.param({**ASKED, "LifecycleEventHookExecutionId": ""}, id="empty execution"),
        pytest.param({**ASKED, "LifecycleEventHookExecutionId": 1}, id="a number for an execution"),
        pytest.param({"action": "record", "DeploymentId": "d-ABC123DEF"}, id="both"),
    ],
)
def test_another_event_records_nothing(
    event: dict[str, Any], monkeypatch: pytest.MonkeyPatch, codedeploy: CodeDeploy
) -> None:
    site = Deploying()

    with pytest.raises(InvocationFailed):
        called(monkeypatch, site, event)

    assert (list(site.objects), codedeploy.answers) == ([], [])

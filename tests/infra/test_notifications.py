"""From a task's move to people: the event, the rule that matches it, the text they read, and who may publish it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from postern.announcements import Announcement
from postern.edges.announcer import EventBridgeAnnouncer, detail
from postern.types import TaskState
from postern_local.aws.server import AwsServer
from postern_local.transform import read_yaml
from tests.support.aws import REGION, allow, client, error_code, function_session, unique
from tests.support.domain import AGENT, NOW_S, a_task
from tests.support.fake_clock import FakeClock
from tests.support.stack import PROJECT
from tests.support.telling import Telling, sent_metrics

ACCOUNT = "123456789012"
RESOURCES: dict[str, Any] = read_yaml(PROJECT / "infra" / "notifications.yaml")["Resources"]


def pattern(deployment: str, states: list[str]) -> str:
    """The rule's pattern with the stack's parameters in it."""
    written = json.loads(json.dumps(RESOURCES["Rule"]["Properties"]["EventPattern"]))
    assert written["detail"] == {"deployment": [{"Ref": "Deployment"}], "state": {"Ref": "States"}}
    return json.dumps({**written, "detail": {"deployment": [deployment], "state": states}})


def announcer(connect: Any, bus: str, deployment: str = "prod") -> EventBridgeAnnouncer:
    told = Telling().invocation()
    return EventBridgeAnnouncer(lambda: connect, bus, deployment, FakeClock(), told.log, told.meter)


def test_what_a_task_function_puts_on_the_bus_reaches_who_asked_for_its_state(aws: AwsServer) -> None:
    events, sqs = client(aws, "events"), client(aws, "sqs")
    bus, queue = unique("tasks"), unique("told")
    bus_arn = events.create_event_bus(Name=bus)["EventBusArn"]
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    events.put_rule(Name="told", EventBusName=bus, EventPattern=pattern("prod", ["pending_approval", "denied"]))
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"}
    events.put_targets(Rule="told", EventBusName=bus, Targets=[target])
    session = function_session(aws, allow("events:PutEvents", bus_arn))

    tell = announcer(client(aws, "events", session), bus)
    waiting = a_task(state=TaskState.PENDING_APPROVAL, approvals_needed=2)
    tell.announce(Announcement(waiting, given=0))
    tell.announce(Announcement(a_task(state=TaskState.ACTIVE)))
    announcer(client(aws, "events", session), bus, "other").announce(Announcement(waiting, given=0))

    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    [event] = [json.loads(message["Body"]) for message in received]
    assert (event["source"], event["detail-type"]) == ("postern", "Task state changed")
    assert event["detail"]["approvals"] == {"needed": 2, "given": 0}

    elsewhere = {"Source": "x", "DetailType": "x", "Detail": "{}", "EventBusName": "default"}
    with pytest.raises(Exception, match="not authorized") as refused:
        client(aws, "events", session).put_events(Entries=[elsewhere])
    assert error_code(refused) == "AccessDeniedException"


def test_an_event_holds_ids_states_and_counts_and_nothing_that_could_be_a_value() -> None:
    task = a_task(
        state=TaskState.ENDING,
        ends_as=TaskState.DENIED,
        principal=AGENT,
        purpose="purpose-text",
        ticket="ticket-text",
        statements=("statement-text",),
    )
    told = detail(Announcement(task, before=TaskState.PENDING_APPROVAL, given=1), "prod", NOW_S * 1_000_000)
    assert told == {
        "deployment": "prod",
        "task_id": task.id,
        "database": "shop",
        "state": "ending",
        "ends_as": "denied",
        "before": "pending_approval",
        "principal": AGENT.id,
        "approvals": {"needed": 0, "given": 1},
        "at": "2026-09-21T14:13:20.000000Z",
    }


def test_a_bus_that_does_not_answer_costs_one_try_and_raises_nothing(capsys) -> None:
    class Away:
        asked = 0

        def put_events(self, **_: object) -> dict[str, object]:
            self.asked += 1
            from botocore.exceptions import ConnectTimeoutError

            raise ConnectTimeoutError(endpoint_url="https://events.example")

    away = Away()
    tell = announcer(away, "tasks")
    for _ in range(3):
        tell.announce(Announcement(a_task()))
    assert away.asked == 1
    tell.clock.at_s += 11
    tell.announce(Announcement(a_task()))
    assert away.asked == 2
    tell.meter.flush()
    assert sent_metrics(capsys.readouterr().out) == {"AnnouncementsLost": 4}


@pytest.mark.parametrize("target", RESOURCES["Rule"]["Properties"]["Targets"], ids=lambda one: one["Id"])
def test_what_people_read_names_the_task_and_fits_the_form_of_its_reader(target: dict[str, Any]) -> None:
    transformer = target["InputTransformer"]
    task = a_task(state=TaskState.PENDING_APPROVAL, approvals_needed=2)
    event = {"detail": detail(Announcement(task, given=1), "prod", NOW_S * 1_000_000)}
    text = transformer["InputTemplate"]
    named = set(re.findall("<([a-z]+)>", text))
    assert named == transformer["InputPathsMap"].keys()
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for step in path.removeprefix("$.").split("."):
            value = value.get(step, "")
        text = text.replace(f"<{name}>", str(value))
    if target["Id"] == "chat":
        told = json.loads(text)
        # The form of a custom notification: version, source and content are required.
        assert (told["version"], told["source"], told["content"]["textType"]) == ("1.0", "custom", "client-markdown")
    else:
        [json.loads(line) for line in text.splitlines()]
    assert task.id in text
    assert "1 of 2" in text


@pytest.mark.parametrize("topic", ["MailTopic", "ChatTopic"])
def test_only_eventbridge_may_publish_and_only_over_tls(topic: str) -> None:
    allows, others, plain = RESOURCES[f"{topic}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    assert {one["Action"] for one in (allows, others, plain)} == {"sns:Publish"}
    # No condition: EventBridge brings no key, and whatever was asked of one would refuse it.
    assert (allows["Effect"], allows["Principal"]) == ("Allow", {"Service": "events.amazonaws.com"})
    assert "Condition" not in allows
    # Every role, user and root has one, and no service: the account's own rights do not help.
    nobody = {"Null": {"aws:PrincipalArn": "false"}}
    assert (others["Effect"], others["Principal"], others["Condition"]) == ("Deny", "*", nobody)
    assert (plain["Effect"], plain["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})

"""Dashboard, alarms, logs and traces: what they name is sent, and every alarm leads to a runbook."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from postern.edges import metric_names
from postern.edges.meter import OK
from postern.errors import CODES
from postern.services.sequence import Count
from postern_cli.groups import load
from postern_local.transform import read_yaml
from tests.support.operate_page import alarm_anchors, commands, headings, sections, shell_blocks
from tests.support.stack import PROJECT, project_deployment

FUNCTIONS = sorted(path.parent.name for path in (PROJECT / "functions").glob("*/handler.py"))
OBSERVABILITY = read_yaml(PROJECT / "infra/observability.yaml")["Resources"]
OF_A_FUNCTION = read_yaml(PROJECT / "infra/function-alarms.yaml")["Resources"]
TEMPLATE = read_yaml(PROJECT / "template.yaml")["Resources"]
ALARMS: dict[str, dict[str, Any]] = {
    name: resource["Properties"]
    for stack in (OBSERVABILITY, OF_A_FUNCTION)
    for name, resource in stack.items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}
NOT_BREACHING = {name for name in ALARMS if name != "WatermarkIsOld"}
# Whose absence of calls is told by nothing else.
TOLD_BY = {"Fn::If": ["HasTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}


def description(alarm: dict[str, Any]) -> str:
    text = alarm["AlarmDescription"]
    return str(text["Fn::Sub"] if isinstance(text, dict) else text)


def watched(alarm: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Namespace, name and dimensions of what an alarm looks at."""
    if "Metrics" not in alarm:
        return [(alarm["Namespace"], alarm["MetricName"], dimensions(alarm["Dimensions"]))]
    metrics = [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]
    return [(one["Namespace"], one["MetricName"], dimensions(one["Dimensions"])) for one in metrics]


def dimensions(written: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["Name"]: one["Value"] for one in written}


@pytest.fixture(scope="module")
def widgets() -> list[dict[str, Any]]:
    """The dashboard's, as CloudWatch would get them for a deployment of this name."""
    body = OBSERVABILITY["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found = json.loads(re.sub(r"\$\{(\w+)\}|\$\{AWS::(\w+)\}", r"\1\2", body))["widgets"]
    return [one["properties"] for one in found]


def shown(widgets: list[dict[str, Any]]) -> set[str]:
    """The names of our own metrics on the dashboard, searched ones too."""
    named = {row[1] for one in widgets for row in one["metrics"] if row[0] == metric_names.NAMESPACE}
    return named | set(re.findall(r'MetricName="(\w+)"', json.dumps(widgets).replace('\\"', '"')))


def test_the_dashboard_shows_what_the_code_sends_and_all_of_it(widgets: list[dict[str, Any]]) -> None:
    alarmed = {name for alarm in ALARMS.values() for space, name, _ in watched(alarm) if space == "Postern"}

    assert shown(widgets) - metric_names.METRICS.keys() == set()
    assert metric_names.METRICS.keys() - shown(widgets) - {metric_names.ANNOUNCEMENTS_LOST} == set()
    assert alarmed - metric_names.METRICS.keys() == set()


def test_each_row_of_the_dashboard_names_who_sends_it(widgets: list[dict[str, Any]]) -> None:
    for one in widgets:
        for row in one["metrics"]:
            if row[0] == metric_names.NAMESPACE:
                _, name, *pairs = [part for part in row if isinstance(part, str)]
                at = dict(zip(pairs[::2], pairs[1::2], strict=True))
                assert at["deployment"] == "Deployment", row
                assert at["service"] in FUNCTIONS, row
                sender = metric_names.METRICS[name].service
                assert sender == metric_names.EVERY_FUNCTION or at["service"] in sender.split(", "), row
                assert at.get("code", OK) in {OK, *CODES}, row


def test_widgets_do_not_lie_over_each_other() -> None:
    body = OBSERVABILITY["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    taken: set[tuple[int, int]] = set()
    for one in json.loads(re.sub(r"\$\{[^}]*\}", "x", body))["widgets"]:
        rows = range(one["y"], one["y"] + one["height"])
        place = {(x, y) for x in range(one["x"], one["x"] + one["width"]) for y in rows}
        assert not taken & place
        assert max(x for x, _ in place) < 24
        taken |= place


def test_every_name_that_the_code_counts_by_is_listed() -> None:
    """In the places where names are written: the sequencer's counts, the reaper's, the steps of a request."""
    reap = PROJECT / "layers/core/postern/services/reap"
    passes = "".join((reap / name).read_text() for name in ("passes.py", "sweep_databases.py"))
    services = "".join(path.read_text() for path in (PROJECT / "layers/core/postern/services").rglob("*.py"))
    edges = "".join(path.read_text() for path in (PROJECT / "layers/core/postern/edges").rglob("*.py"))
    counts = {count.value for count in Count} | set(re.findall(r'"([A-Z][A-Za-z]+)": "\w+"', passes))
    counts |= set(re.findall(r'"([A-Z][A-Za-z]+)": (?:self\.|len|sum)', passes)) | set(
        re.findall(r'counts\["([A-Za-z]+)"\]', passes)
    )
    steps = set(re.findall(r'\.step\("(\w+)"\)', services + edges))

    assert len(counts) > 25
    assert counts - metric_names.METRICS.keys() == set()
    assert steps == metric_names.STEPS.keys()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_of_this_deployment_and_reaches_people(name: str) -> None:
    alarm = ALARMS[name]

    assert alarm["AlarmActions"] == TOLD_BY
    assert json.dumps(alarm["AlarmName"]).startswith('{"Fn::Sub": "${Deployment}-')
    assert alarm["TreatMissingData"] == ("notBreaching" if name in NOT_BREACHING else "breaching")
    assert alarm["ComparisonOperator"] == (
        "LessThanOrEqualToThreshold" if name == "EpochEndsSoon" else "GreaterThanThreshold"
    )
    for space, _, at in watched(alarm):
        if space == metric_names.NAMESPACE:
            assert at["deployment"] == {"Ref": "Deployment"}
            assert at.get("service", FUNCTIONS[0]) in [*FUNCTIONS, {"Ref": "Function"}]
            assert at.get("code", OK) in {OK, *CODES}


# What each alarm of the evidence watches and from when on it calls somebody, in minutes.
EVIDENCE = {
    "WatermarkIsOld": ("WatermarkAge", "reap", 600, 3),
    "EpochEndsSoon": ("EpochDaysLeft", "reap", 14, 60),
    "EvidenceContradictsItself": ("IntegrityFaults", "sequence", 0, 1),
    "ReaperFoundAContradiction": ("IntegrityFaults", "reap", 0, 1),
    "RecordWasOverwritten": ("Overwritten", "reap", 0, 5),
    "RecordsAreOvertaken": ("Overtaken", "reap", 0, 5),
    "EntryIsNoRecord": ("OpaqueEntries", "sequence", 0, 1),
    "RecordIsQuarantined": ("Quarantined", "reap", 0, 5),
    "RecordsAreLate": ("LateObjects", "sequence", 0, 5),
    "RecordsWait": ("WaitingObjects", "sequence", 0, 20),
    "RecordsAreUnread": ("UnreadObjects", "sequence", 0, 15),
    "SweepIsOld": ("SweepAge", "reap", 129_600, 120),
    "SequencerIsCutOff": ("UpstreamFaults", "sequence", 0, 10),
    "ReaperIsCutOff": ("UpstreamFaults", "reap", 0, 10),
    "RevocationsAreNotOnRecord": ("EventsOwed", "reap", 0, 5),
    "TasksAreNotTornDown": ("TeardownsLeft", "reap", 0, 30),
    "StrayRolesAreLeft": ("StrayRolesLeft", "reap", 0, 30),
    "RolesAreOverdue": ("OverdueRoles", "reap", 0, 5),
    "RebuildsAreLeft": ("RebuildsLeft", "reap", 0, 30),
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_somebody_is_told_of_each_way_in_which_evidence_and_its_keeping_can_fail(name: str) -> None:
    alarm, (metric, service, threshold, minutes) = ALARMS[name], EVIDENCE[name]

    assert watched(alarm) == [("Postern", metric, {"deployment": {"Ref": "Deployment"}, "service": service})]
    assert alarm["Threshold"] == threshold
    assert alarm["Period"] * alarm["EvaluationPeriods"] == minutes * 60
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"]


@pytest.mark.parametrize("name", ["RecordsAreLate", "RecordsWait", "RecordsAreUnread"])
def test_a_message_that_comes_back_is_seen_in_each_period(name: str) -> None:
    """Missing data is no alarm, so a period is longer than a message stays away."""
    (queue,) = (queue for queue in project_deployment().queues if queue.name.endswith("-Queue"))

    assert ALARMS[name]["Period"] > int(queue.attributes["VisibilityTimeout"])


def test_each_503_has_an_alarm_and_each_alarm_of_a_code_a_503() -> None:
    """`authorizer.unavailable` is the gateway's own word, which no function counts."""
    alarmed = {at["code"] for alarm in ALARMS.values() for _, _, at in watched(alarm) if "code" in at}

    assert alarmed == codes_of_503() - {"authorizer.unavailable"}


def codes_of_503() -> set[str]:
    """The codes that upstream errors are raised with, found where they are raised, and the gateway's."""
    classes = "|".join(
        re.findall(r"class (\w+)\(UpstreamError\)", (PROJECT / "layers/core/postern/errors.py").read_text())
    )
    found = {"authorizer.unavailable"}
    for path in (PROJECT / "layers/core/postern").rglob("*.py"):
        found |= set(re.findall(rf'(?:{classes})\(\s*"([a-z_.]+)"', path.read_text()))
    assert found <= CODES.keys()
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_has_its_alarms_log_and_trace(function: str) -> None:
    title = function.capitalize()
    stack = OBSERVABILITY[f"{title}Alarms"]["Properties"]
    timeout_ms = TEMPLATE[f"{title}Function"]["Properties"]["Timeout"] * 1000
    role = TEMPLATE[f"{title}Role"]["Properties"]

    assert stack["TemplateURL"] == "function-alarms.yaml"
    assert stack["Parameters"]["Function"] == function
    assert stack["Parameters"]["SlowMs"] == 0 or 0.75 * timeout_ms <= stack["Parameters"]["SlowMs"] < timeout_ms
    assert TEMPLATE[f"{title}Log"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert {"Ref": "WritesTraces"} in role["ManagedPolicyArns"]


def test_only_who_uses_up_its_time_on_purpose_has_no_alarm_for_it() -> None:
    slow = {name: one["Properties"]["Parameters"]["SlowMs"] for name, one in OBSERVABILITY.items() if "Alarms" in name}

    assert {name for name, ms in slow.items() if ms == 0} == {"DeployAlarms", "ReapAlarms", "RevokeAlarms", "RunAlarms"}


def test_the_access_log_names_nothing_that_a_caller_can_write() -> None:
    """But an address, and ids that AWS gives. No path: a caller may ask for any."""
    setting = TEMPLATE["Api"]["Properties"]["AccessLogSetting"]["Fn::If"][1]
    names = set(re.findall(r"\$context\.([A-Za-z.]+)", setting["Format"]))

    assert names == {
        *("requestId", "xrayTraceId", "requestTimeEpoch", "httpMethod", "resourcePath", "status", "responseLatency"),
        *("error.responseType", "authorizer.code", "authorizer.latency", "integrationLatency", "responseLength"),
        "identity.sourceIp",
    }
    line = re.sub(r"\$context\.requestTimeEpoch", "1", setting["Format"])
    assert json.loads(line).keys() >= {"correlation_id", "status", "code"}


def test_the_gateway_logs_no_execution_and_traces_no_bodies() -> None:
    api = TEMPLATE["Api"]["Properties"]
    settings = api["MethodSettings"]

    assert [(one["DataTraceEnabled"], one["LoggingLevel"]) for one in settings] == [(False, "OFF")] * len(settings)
    assert {(one["HttpMethod"], one["ResourcePath"]) for one in settings} == {("*", "/*"), ("GET", "/~1v1~1records")}
    assert api["TracingEnabled"] is True
    assert read_yaml(PROJECT / "template.yaml")["Globals"]["Function"]["Tracing"] == "Active"


def test_every_alarm_names_a_runbook_and_every_runbook_has_its_alarm() -> None:
    named = {name: alarm_anchors(description(alarm)) for name, alarm in ALARMS.items()}
    anchors = {anchor for found in named.values() for anchor in found}

    assert {name: found for name, found in named.items() if len(found) != 1} == {}
    assert anchors == {heading.anchor for heading in headings() if heading.is_runbook}


def test_every_503_has_a_runbook_that_says_what_to_do() -> None:
    told = {heading.text.strip("`"): heading.anchor for heading in headings() if heading.is_runbook}

    assert codes_of_503() - told.keys() == set()
    for anchor, body in sections().items():
        assert len(body.split()) >= 25, f"{anchor}: a runbook says what it means, what to look at and what to do"


COMMANDS = commands()
SHELL = {".", "export", "grep", "jq", "output()", "psql", "while"}


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words[:4]) + f" #{at}" for at, words in enumerate(COMMANDS)])
def test_each_command_of_the_page_is_one_that_there_is(words: list[str]) -> None:
    match words[0]:
        case "postern":
            assert unknown_options(words[1:]) == set()
        case "aws":
            assert unknown_parameters(words[1:]) == set()
        case "make":
            given = words[2].removeprefix("ARGS=").split()
            parameters = read_yaml(PROJECT / "template.yaml")["Parameters"]
            assert words[1] == "deploy"
            assert {word for word in given if word.startswith("--")} <= {"--region", "--parameter-overrides"}
            assert {word.partition("=")[0] for word in given if "=" in word} <= parameters.keys()
        case other:
            assert other in SHELL or re.match(r"[A-Z]+=", other)


def test_each_name_in_a_command_was_given_before() -> None:
    """At two in the morning nobody looks for where a name comes from: the page sets each, from the outputs."""
    text = "\n".join(shell_blocks())
    asked = re.findall(r"\$\(output (\w+)\)", text)
    assert asked
    assert set(asked) <= read_yaml(PROJECT / "template.yaml")["Outputs"].keys()
    given: set[str] = set()
    for line in text.splitlines():
        given |= {name for name in re.findall(r"(?:^|\s)([A-Z][A-Z_]+)=", line) if line.startswith(("export ", name))}
        used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", line))
        assert used - given <= {"NEW_KEY_ARN"}, line  # of the stack that the command before it made


def test_the_kinds_of_events_that_a_search_names_are_written() -> None:
    (named,) = set(re.findall(r"\"kind\":\"\((.*?)\)\"", "\n".join(shell_blocks())))
    code = "".join(path.read_text() for path in (PROJECT / "layers/core/postern/audit").glob("*.py"))
    assert [kind for kind in named.split("|") if f'"{kind}"' not in code] == []


def unknown_options(words: list[str]) -> set[str]:
    """The options that the named subcommand of our command line does not have. Fails where there is no such command."""
    command: Any
    command, words = load(words[0]), words[1:]
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    assert not getattr(command, "commands", None) or words[0].startswith("--"), f"no such command: {words}"
    return {word for word in words if word.startswith("--")} - {one for have in command.params for one in have.opts}


def unknown_parameters(words: list[str]) -> set[str]:
    """The options that AWS's API has no parameter for, by botocore's own model of it."""
    service, operation, *rest = words
    session = botocore.session.get_session()
    if (service, operation) == ("cloudformation", "deploy"):  # the command line's own, of several calls
        return {one for one in rest if one.startswith("--")} - {
            *("--template-file", "--stack-name", "--parameter-overrides"),
        }
    if operation == "wait":
        waiters = session.get_waiter_model(service).waiter_names
        assert rest[0] in {_dashed(name) for name in waiters}
        operation, rest = {"table-exists": "describe-table"}[rest[0]], rest[1:]
    model = session.get_service_model(service)
    (name,) = [one for one in model.operation_names if _dashed(one) == operation]
    shape = model.operation_model(name).input_shape
    known = {f"--{_dashed(member)}" for member in (shape.members if shape else {})}
    return {one for one in rest if one.startswith("--")} - known - {"--query", "--output", "--cli-binary-format"}


def _dashed(name: str) -> str:
    return xform_name(name, "-")

"""Reading the project's templates, and refusing what the local stack would have to leave out in silence."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from postern.edges.settings import parse_settings, signing_keys
from postern_local.deployment import read_deployment
from postern_local.failure import StackFailure
from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Deployment, Queue
from postern_local.transform import read_yaml
from tests.support.stack import NAMES, PARAMETERS, PROJECT, project_deployment


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()


def test_reads_every_route_with_its_function_and_authorizer(deployed: Deployment) -> None:
    routes = {
        (route.method, route.path): (route.function, route.authorizer.name if route.authorizer else None)
        for route in deployed.api.routes
    }

    assert routes == {
        ("POST", "/v1/tasks"): ("postern-tasks", "Token"),
        ("GET", "/v1/tasks"): ("postern-tasks", "Token"),
        ("GET", "/v1/tasks/{id}"): ("postern-tasks", "Token"),
        ("DELETE", "/v1/tasks/{id}"): ("postern-tasks", "Token"),
        ("GET", "/v1/tasks/{id}/schema"): ("postern-tasks", "Token"),
        ("POST", "/v1/tasks/{id}/approval"): ("postern-tasks", "Token"),
        ("POST", "/v1/tasks/{id}/dry-run"): ("postern-tasks", "Token"),
        ("POST", "/v1/tasks/{id}/query"): ("postern-query", "Token"),
        ("POST", "/v1/tasks/{id}/transaction"): ("postern-query", "Token"),
        ("POST", "/v1/revocations"): ("postern-revoke", "Token"),
        ("GET", "/v1/revocations"): ("postern-revoke", "Token"),
        ("DELETE", "/v1/revocations/{id}"): ("postern-revoke", "Token"),
        ("GET", "/v1/receipts/{command_id}"): ("postern-receipts", "Token"),
        ("GET", "/v1/log"): ("postern-receipts", None),
        ("GET", "/v1/records"): ("postern-inspect", "Token"),
        ("POST", "/mcp"): ("postern-mcp", "Token"),
        ("GET", "/mcp"): ("postern-mcp", "Token"),
        ("DELETE", "/mcp"): ("postern-mcp", "Token"),
        ("GET", "/console"): ("postern-console", None),
        ("GET", "/console/{file}"): ("postern-console", None),
        ("GET", "/healthz"): ("postern-tasks", None),
        ("GET", "/openapi.json"): ("postern-tasks", None),
        ("GET", "/.well-known/oauth-protected-resource"): ("postern-tasks", None),
        ("GET", "/.well-known/oauth-protected-resource/mcp"): ("postern-tasks", None),
        ("GET", "/v1/principal"): ("postern-tasks", "Token"),
    }


def test_gives_each_function_exactly_the_variables_it_needs(deployed: Deployment) -> None:
    names = {"POSTERN_DEPLOYMENT", "POSTERN_LOG", "POSTERN_LOG_TABLE", "POSTERN_POLICY_DIR", "POWERTOOLS_SERVICE_NAME"}
    names |= {"POSTERN_BUILD"}
    evidence = {"POSTERN_EPOCH_ENDS", "POSTERN_RETENTION_DAYS", "POSTERN_MAX_STALENESS_S", "POSTERN_STATEMENT_TEXT"}
    shared = names | evidence | {"POSTERN_EVENT_BUS", "POSTERN_SETTINGS"}
    state = {"POSTERN_TABLE", "POSTERN_BUCKET"}
    provision = {"POSTERN_PROVISION_FUNCTION"}

    assert {function.name: set(function.environment) for function in deployed.functions} == {
        "postern-deploy": shared | {"POSTERN_BUCKET"},
        "postern-authorize": shared | {"POSTERN_TABLE"},
        "postern-tasks": shared | state | provision | {"POSTERN_RUN_FUNCTION"},
        "postern-query": shared | state | {"POSTERN_CONNECT_ROLE_ARN", "POSTERN_SEAL_TABLE"},
        "postern-provision": shared | state,
        "postern-run": shared
        | state
        | provision
        | {"POSTERN_CONNECT_ROLE_ARN", "POSTERN_SEAL_TABLE", "POSTERN_RUN_LOCK_TIMEOUT_S"},
        "postern-revoke": shared | state | provision,
        "postern-sequence": shared | {"POSTERN_BUCKET", "POSTERN_SIGNING_KEYS"},
        "postern-reap": shared
        | state
        | provision
        | {"POSTERN_QUEUE_URL", "POSTERN_SEAL_TABLE", "POSTERN_SIGNING_KEYS"},
        "postern-receipts": shared | {"POSTERN_BUCKET"},
        "postern-inspect": shared | state,
        "postern-console": shared,
        "postern-mcp": shared | {"POSTERN_API_ADDRESS", "POSTERN_API_DOMAIN"},
    }


def test_the_deployments_variables_are_the_settings_that_functions_read(deployed: Deployment) -> None:
    reap = {**deployed.function("postern-reap").environment, "AWS_REGION": "us-east-1"}

    settings = parse_settings(reap)

    # The retention after the last day, which is whole.
    assert settings.retain_until_s == datetime(2027, 1, 1, tzinfo=UTC).timestamp() + 400 * 86_400
    assert (settings.log, settings.max_staleness_s, settings.statement_text) == ("test-2026", 3600, "full")
    assert len(signing_keys(reap)) == 1


def test_the_key_for_seals_is_named_in_the_mode_that_seals() -> None:
    sealed = project_deployment(StatementText="sealed")
    (key,) = (key for key in sealed.keys if "KeySpec" not in key.create)

    assert sealed.function("postern-query").environment["POSTERN_SEAL_KEY"].endswith(f":key/{key.id}")


def test_in_a_rotation_the_keys_sign_that_are_named_and_in_that_order() -> None:
    keys = [f"arn:aws:kms:us-east-1:123456789012:key/{name}" for name in ("new", "old")]
    rotating = project_deployment(SigningKeyArns=",".join(keys))

    for function in ("sequence", "reap"):
        assert signing_keys(rotating.function(f"postern-{function}").environment) == tuple(keys)
    assert rotating.outputs["LogKeyArns"] == ",".join(keys)


def _live(deployed: Deployment) -> Queue:
    (live,) = (queue for queue in deployed.queues if "RedrivePolicy" in queue.attributes)
    return live


def _dead_letters(deployed: Deployment) -> Queue:
    (dead,) = (queue for queue in deployed.queues if queue.name.endswith("DeadLetterQueue"))
    return dead


def test_reads_queues_and_who_is_invoked_with_their_messages(deployed: Deployment) -> None:
    dead, live = _dead_letters(deployed), _live(deployed)
    (source,) = deployed.event_sources
    sequence = deployed.function("postern-sequence")

    assert json.loads(live.attributes["RedrivePolicy"]) == {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 20}
    # What Lambda asks for: six times the timeout, and the window.
    assert int(live.attributes["VisibilityTimeout"]) >= 6 * sequence.timeout_s + source.window_s
    assert (source.function, source.queue_arn) == (sequence.name, live.arn)
    assert (source.batch_size, source.window_s, source.reports_items) == (1000, 5, True)


def test_the_queue_takes_messages_from_s3_for_one_account(deployed: Deployment) -> None:
    live = _live(deployed)

    def takes(
        account: str, bucket: str = "arn:aws:s3:::x", service: str = "s3.amazonaws.com", *, deployed: Queue
    ) -> bool:
        policy = parse_policy(deployed.attributes["Policy"], kind=PolicyKind.RESOURCE, name="queue")
        context = {"aws:SourceAccount": (account,), "aws:SourceArn": (bucket,)}
        request = Request(Caller("", "", service=service), "sqs:SendMessage", deployed.arn, context)
        return isinstance(evaluate(PolicySet(resource=(policy,)), request), Allowed)

    assert takes("123456789012", deployed=live)
    assert not takes("210987654321", deployed=live)
    assert not takes("123456789012", service="sns.amazonaws.com", deployed=live)
    elsewhere = _live(project_deployment(EvidenceBucketName="evidence-of-acme", EvidenceAccountId="210987654321"))
    assert takes("210987654321", "arn:aws:s3:::evidence-of-acme", deployed=elsewhere)
    assert not takes("210987654321", "arn:aws:s3:::another", deployed=elsewhere)
    assert not takes("123456789012", "arn:aws:s3:::evidence-of-acme", deployed=elsewhere)


def test_resolves_names_across_the_nested_stack(deployed: Deployment) -> None:
    (bucket,) = deployed.buckets
    table, log_table, seal_table = deployed.tables
    query = deployed.function("postern-query")

    assert query.environment["POSTERN_BUCKET"] == bucket.name
    assert query.environment["POSTERN_TABLE"] == table.name
    assert query.environment["POSTERN_LOG_TABLE"] == log_table.name
    assert query.environment["POSTERN_SEAL_TABLE"] == seal_table.name
    assert query.environment["POSTERN_CONNECT_ROLE_ARN"] in {role.arn for role in deployed.roles}
    assert deployed.function("postern-tasks").environment["POSTERN_PROVISION_FUNCTION"] == (
        "arn:aws:lambda:us-east-1:123456789012:function:postern-provision:live"
    )


def test_uses_an_evidence_bucket_that_stands_elsewhere(deployed: Deployment) -> None:
    elsewhere = project_deployment(
        EvidenceBucketName="evidence-of-acme", LongestLockDays="0", EvidenceAdministratorArn=""
    )

    assert elsewhere.buckets == []
    assert elsewhere.function("postern-tasks").environment["POSTERN_BUCKET"] == "evidence-of-acme"
    assert elsewhere.outputs["EvidenceBucket"] == "evidence-of-acme"


def test_the_reaper_passes_each_minute_and_one_at_a_time(deployed: Deployment) -> None:
    (schedule,) = deployed.schedules
    reap = deployed.function("postern-reap")

    assert (schedule.every_s, schedule.function) == (60, reap.name)
    assert reap.concurrency == 1
    assert reap.timeout_s < schedule.every_s


def test_reserves_the_concurrency_that_is_asked_for(deployed: Deployment) -> None:
    assert deployed.function("postern-query").concurrency is None
    assert project_deployment(QueryConcurrency="7").function("postern-query").concurrency == 7


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param({"LogName": "Prod"}, "LogName", id="capital in the log's name"),
        pytest.param({"LogName": "a" * 41}, "LogName", id="log's name too long"),
        pytest.param({"DatabaseUserArns": "db-ONE"}, "DatabaseUserArns", id="resource id without ARN"),
        pytest.param({"DatabaseUserArns": "arn:aws:rds-db:us-east-1:123456789012:dbuser:*"}, "got", id="any database"),
        pytest.param({"DatabaseUserArns": PARAMETERS["DatabaseUserArns"] + ",x"}, "'x'", id="one of two wrong"),
        pytest.param({"LogEndsOn": "2026-13-01"}, "LogEndsOn", id="no such month"),
        pytest.param({"LogEndsOn": "31.12.2026"}, "a date like", id="date in another form"),
        pytest.param({"RetentionDays": "0"}, "1 to 36499", id="no retention"),
        pytest.param({"RetentionDays": "-1"}, "expected a number", id="negative retention"),
        pytest.param({"RetentionDays": "99999"}, "1 to 36499", id="retention out of bounds"),
        pytest.param({"LongestLockDays": "0"}, "LongestLockDays is required", id="bucket without a longest lock"),
        pytest.param({"StatementText": "none"}, "full, normalized or sealed", id="unknown text mode"),
        pytest.param({"SigningKeyArns": "alias/key"}, "ARNs of KMS keys", id="alias of a key, which can be moved"),
        pytest.param({"EvidenceAdministratorArn": ""}, "EvidenceAdministratorArn is required", id="no administrator"),
        pytest.param({"EvidenceAdministratorArn": "*"}, "ARN of one", id="everybody administrator"),
        pytest.param({"Nope": "1"}, "Nope", id="undeclared parameter"),
    ],
)
def test_refuses_parameters_that_a_deployment_would_refuse(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(StackFailure, match=message.replace("*", ".")):
        project_deployment(**parameters)


def test_refuses_a_required_parameter_left_out() -> None:
    with pytest.raises(StackFailure, match="DatabaseUserArns: expected a value"):
        read_deployment(PROJECT, {name: PARAMETERS[name] for name in PARAMETERS if name != "DatabaseUserArns"}, NAMES)


def _at(template: dict[str, Any], *path: str | int) -> Any:
    for step in path:
        template = template[step]  # type: ignore[index]
    return template


Change = Callable[[dict[str, Any]], object]

CHANGES: dict[str, tuple[Change, str]] = {
    "unknown resource type": (
        lambda t: t["Resources"].update(Q={"Type": "AWS::SNS::Topic", "Properties": {}}),
        "Q: expected a resource type that the local stack knows, got AWS::SNS::Topic",
    ),
    "unknown property": (
        lambda t: _at(t, "Resources", "StateTable", "Properties").update(StreamSpecification={}),
        "StateTable.*StreamSpecification",
    ),
    "unknown property behind a condition that is false": (
        lambda t: t["Resources"].update(
            T={"Type": "AWS::DynamoDB::Table", "Condition": "InVpc", "Properties": {"Nope": 1}}
        ),
        "T.*Nope",
    ),
    "unknown section": (lambda t: t.update(Mappings={}), "Mappings"),
    "unknown function in a policy": (
        lambda t: _at(t, "Resources", "ConnectRole", "Properties").update(
            MaxSessionDuration={"Fn::ImportValue": "other"}
        ),
        "Fn::ImportValue",
    ),
    "reference to nothing": (
        lambda t: _at(t, "Globals", "Function", "Environment", "Variables").update(X={"Ref": "Nowhere"}),
        "Ref Nowhere",
    ),
    "attribute that is not known": (
        lambda t: _at(t, "Globals", "Function", "Environment", "Variables").update(
            X={"Fn::GetAtt": ["StateTable", "StreamArn"]}
        ),
        "StateTable.StreamArn",
    ),
    "policy of a role that is not here": (
        lambda t: _at(t, "Resources", "SequenceEvidence", "Properties").update(RoleName="other"),
        "role policy: expected one of the templates' own, got other",
    ),
    "managed policy that is not here": (
        lambda t: _at(t, "Resources", "AuthorizeRole", "Properties").update(
            ManagedPolicyArns=["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"]
        ),
        "managed policy: expected one of the templates' own, got arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
    ),
    "managed policy of a role that is not here": (
        lambda t: _at(t, "Resources", "ConnectsAsATask", "Properties").update(Roles=["other"]),
        "role policy: expected one of the templates' own, got other",
    ),
    "policy of a queue that is not here": (
        lambda t: _at(t, "Resources", "QueuePolicy", "Properties").update(Queues=["other"]),
        "queue policy: expected one of the templates' own, got other",
    ),
    "unknown property of an event source": (
        lambda t: _at(t, "Resources", "SequenceFunction", "Properties", "Events", "Records", "Properties").update(
            FilterCriteria={"Filters": [{"Pattern": "{}"}]}
        ),
        "FilterCriteria",
    ),
    "cached authorizer": (
        lambda t: _at(t, "Resources", "Api", "Properties", "Auth", "Authorizers", "Token", "Identity").update(
            ReauthorizeEvery=300
        ),
        "no caching",
    ),
    "gateway response with a name that is not rendered": (
        lambda t: _at(t, "Resources", "Api", "Properties", "GatewayResponses", "THROTTLED").update(
            ResponseTemplates={"application/json": '{"message": $context.error.messageString}'}
        ),
        "gateway response THROTTLED",
    ),
    "schedule that is not a rate": (
        lambda t: _at(t, "Resources", "ReapFunction", "Properties", "Events", "Pass", "Properties").update(
            Schedule="cron(0 12 * * ? *)"
        ),
        "expected rate",
    ),
}


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    return read_yaml(PROJECT / "template.yaml")


@pytest.mark.parametrize("change", CHANGES)
def test_stops_at_what_it_would_have_to_leave_out(change: str, written: dict[str, Any], tmp_path: Path) -> None:
    apply, message = CHANGES[change]
    template = copy.deepcopy(written)
    apply(template)
    shutil.copytree(PROJECT / "infra", tmp_path / "infra")
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(template, sort_keys=False))

    with pytest.raises(StackFailure, match=message):
        read_deployment(tmp_path, PARAMETERS, NAMES)


def test_reads_a_copy_that_was_not_changed(written: dict[str, Any], tmp_path: Path) -> None:
    """The counterpart of the test above: it is the change that stops it, not the copying."""
    shutil.copytree(PROJECT / "infra", tmp_path / "infra")
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(copy.deepcopy(written), sort_keys=False))

    assert len(read_deployment(tmp_path, PARAMETERS, NAMES).functions) == 13


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("Resources: [", "expected YAML", id="not YAML"),
        pytest.param("- a", "expected a template", id="not a mapping"),
        pytest.param(None, "expected a template, got: No such file", id="not there"),
    ],
)
def test_says_in_one_line_what_is_wrong_with_a_file(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "template.yaml").write_text(text)

    with pytest.raises(StackFailure, match=message) as failure:
        read_deployment(tmp_path, PARAMETERS, NAMES)
    assert "\n" not in str(failure.value)

"""Reading the project's templates, and refusing what the local stack would have to leave out in silence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from postern_local.deployment import read_deployment
from postern_local.failure import StackFailure
from postern_local.model import Deployment
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
        ("POST", "/v1/tasks/{id}/query"): ("postern-query", "Token"),
        ("POST", "/v1/tasks/{id}/transaction"): ("postern-query", "Token"),
        ("GET", "/healthz"): ("postern-tasks", None),
        ("GET", "/openapi.json"): ("postern-tasks", None),
        ("GET", "/.well-known/oauth-protected-resource"): ("postern-tasks", None),
    }


def test_gives_each_function_exactly_the_variables_it_needs(deployed: Deployment) -> None:
    shared = {"POSTERN_DEPLOYMENT", "POSTERN_LOG", "POSTERN_POLICY_DIR", "POWERTOOLS_SERVICE_NAME"}
    state = {"POSTERN_TABLE", "POSTERN_BUCKET"}

    assert {function.name: set(function.environment) for function in deployed.functions} == {
        "postern-authorize": shared,
        "postern-tasks": shared | state | {"POSTERN_PROVISION_FUNCTION"},
        "postern-query": shared | state | {"POSTERN_PROVISION_FUNCTION", "POSTERN_CONNECT_ROLE_ARN"},
        "postern-provision": shared | state,
    }


def test_resolves_names_across_the_nested_stack(deployed: Deployment) -> None:
    (bucket,) = deployed.buckets
    (table,) = deployed.tables
    query = deployed.function("postern-query")

    assert query.environment["POSTERN_BUCKET"] == bucket.name
    assert query.environment["POSTERN_TABLE"] == table.name
    assert query.environment["POSTERN_CONNECT_ROLE_ARN"] in {role.arn for role in deployed.roles}
    assert query.environment["POSTERN_PROVISION_FUNCTION"] == "postern-provision"


def test_uses_an_evidence_bucket_that_stands_elsewhere(deployed: Deployment) -> None:
    elsewhere = project_deployment(
        EvidenceBucketName="evidence-of-acme", RetentionDays="0", EvidenceAdministratorArn=""
    )

    assert elsewhere.buckets == []
    assert elsewhere.function("postern-tasks").environment["POSTERN_BUCKET"] == "evidence-of-acme"
    assert elsewhere.outputs["EvidenceBucket"] == "evidence-of-acme"


def test_invokes_the_teardown_of_expired_tasks_each_minute(deployed: Deployment) -> None:
    (schedule,) = deployed.schedules

    assert (schedule.every_s, schedule.function, schedule.payload) == (60, "postern-provision", '{"action": "expire"}')


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
        pytest.param({"RetentionDays": "0"}, "RetentionDays is required", id="bucket without retention"),
        pytest.param({"RetentionDays": "-1"}, "expected a number", id="negative retention"),
        pytest.param({"RetentionDays": "99999"}, "0 to 36500", id="retention out of bounds"),
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
        lambda t: t["Resources"].update(Q={"Type": "AWS::SQS::Queue", "Properties": {}}),
        "Q: expected a resource type that the local stack knows, got AWS::SQS::Queue",
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
        lambda t: _at(t, "Resources", "QueryConnects", "Properties").update(RoleName="other"),
        "role policy: expected one of the templates' own, got other",
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
        lambda t: _at(t, "Resources", "ProvisionFunction", "Properties", "Events", "Expire", "Properties").update(
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
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra/audit.yaml").write_bytes((PROJECT / "infra/audit.yaml").read_bytes())
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(template, sort_keys=False))

    with pytest.raises(StackFailure, match=message):
        read_deployment(tmp_path, PARAMETERS, NAMES)


def test_reads_a_copy_that_was_not_changed(written: dict[str, Any], tmp_path: Path) -> None:
    """The counterpart of the test above: it is the change that stops it, not the copying."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra/audit.yaml").write_bytes((PROJECT / "infra/audit.yaml").read_bytes())
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(copy.deepcopy(written), sort_keys=False))

    assert len(read_deployment(tmp_path, PARAMETERS, NAMES).functions) == 4


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

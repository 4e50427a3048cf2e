"""What a deploy does: every change is a version, every version waits for the hook, and callers meet the alias alone."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from postern_local.model import Deployment
from postern_local.transform import read_yaml, transform
from tests.support.stack import NAMES, PARAMETERS, PROJECT, project_deployment

TEMPLATE = PROJECT / "template.yaml"
FUNCTIONS = (
    "authorize",
    "tasks",
    "query",
    "provision",
    "revoke",
    "run",
    "sequence",
    "receipts",
    "inspect",
    "reap",
    "console",
    "mcp",
)
BEHIND_THE_API = {"authorize", "tasks", "query", "revoke", "receipts", "inspect", "mcp"}


@cache
def written() -> dict[str, Any]:
    return read_yaml(TEMPLATE)


@cache
def transformed() -> dict[str, Any]:
    """The template as CloudFormation gets it."""
    document = copy.deepcopy(written())
    defaults = {name: str(one.get("Default", "")) for name, one in document["Parameters"].items()}
    made: dict[str, Any] = transform(document, {**defaults, **PARAMETERS}, region=NAMES.region, where=TEMPLATE)
    return dict(made["Resources"])


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in transformed().items() if one["Type"] == kind}


def logical(function: str) -> str:
    return f"{function.capitalize()}Function"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_moves_its_traffic_behind_the_hook(function: str) -> None:
    alias = transformed()[f"{logical(function)}Aliaslive"]

    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"] == {
        "ApplicationName": {"Ref": "ServerlessDeploymentApplication"},
        "DeploymentGroupName": {"Ref": f"{logical(function)}DeploymentGroup"},
        "BeforeAllowTrafficHook": {"Ref": "DeployFunction"},
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_is_changed_before_the_hook_is(function: str) -> None:
    depends = transformed()[logical(function)]["DependsOn"]

    assert "DeployFunction" in (depends if isinstance(depends, list) else [depends])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_answers_callers_moves_gradually_and_is_turned_back_by_the_alarm(function: str) -> None:
    group = transformed()[f"{logical(function)}DeploymentGroup"]["Properties"]

    is_gradual = "Canary" in json.dumps(group["DeploymentConfigName"])
    assert is_gradual is (function in BEHIND_THE_API)
    assert group.get("AlarmConfiguration") == (
        {"Enabled": True, "Alarms": [{"Name": {"Ref": "FaultsAlarm"}}]} if is_gradual else None
    )
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["ShiftRole", "Arn"]}


def test_the_hook_waits_for_no_hook() -> None:
    assert "UpdatePolicy" not in transformed()["DeployFunctionAliaslive"]
    assert "DeployFunctionDeploymentGroup" not in transformed()


def test_codedeploy_has_no_role_but_ours() -> None:
    assert "CodeDeployServiceRole" not in transformed()


def test_whoever_invokes_a_function_names_its_alias() -> None:
    """Another name would run what is not deployed yet, behind no hook."""
    aliases = {json.dumps({"Ref": name}) for name in of_type("AWS::Lambda::Alias")}
    named = [
        one["Properties"]["FunctionName"]
        for kind in ("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping")
        for one in of_type(kind).values()
    ]
    targets = [rule["Properties"]["Targets"][0]["Arn"] for rule in of_type("AWS::Events::Rule").values()]
    uris = list(_integrations(transformed()["Api"]["Properties"]["Body"]))

    assert {json.dumps(one) for one in (*named, *targets)} <= aliases
    assert uris
    assert all("Aliaslive" in json.dumps(uri) for uri in uris)


def _integrations(body: dict[str, Any]) -> Iterator[Any]:
    for scheme in body["components"]["securitySchemes"].values():
        yield scheme["x-amazon-apigateway-authorizer"]["authorizerUri"]
    for operations in body["paths"].values():
        for operation in operations.values():
            yield operation["x-amazon-apigateway-integration"]["uri"]


@pytest.mark.parametrize("variable", ["POSTERN_PROVISION_FUNCTION", "POSTERN_RUN_FUNCTION"])
def test_functions_call_each_other_by_the_alias(variable: str) -> None:
    callers = [one for one in project_deployment().functions if variable in one.environment]

    assert callers
    assert all(one.environment[variable].endswith(":live") for one in callers)


# What of a function is not of its version: another name is another function; concurrency and the way of shifting are
# the function's own, and hold at once.
NOT_OF_A_VERSION = {"Deployment", "QueryConcurrency", "TrafficShift", "LogRetentionDays"}


def parameters_of(node: Any) -> set[str]:
    """The parameters whose values decide what the node comes to, through conditions too."""
    if isinstance(node, list):
        return set().union(*map(parameters_of, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(parameters_of, node.values())) if node else set()
    if isinstance(node.get("Ref"), str):
        found.add(node["Ref"])
    if "Fn::Sub" in node:
        text = node["Fn::Sub"] if isinstance(node["Fn::Sub"], str) else node["Fn::Sub"][0]
        found.update(re.findall(r"\$\{([A-Za-z]+)\}", text))
    for named in [node["Fn::If"][0]] if "Fn::If" in node else [node["Condition"]] if "Condition" in node else []:
        if isinstance(named, str):
            found |= parameters_of(written()["Conditions"][named])
    return found & written()["Parameters"].keys()


def reaching(function: str) -> set[str]:
    return parameters_of(written()["Resources"][logical(function)]) | parameters_of(written()["Globals"])


@pytest.mark.parametrize("function", [*FUNCTIONS, "deploy"])
def test_a_parameter_that_reaches_a_function_is_a_setting_that_makes_versions(function: str) -> None:
    """SAM publishes where the template changes: without this the next log's name would reach nobody behind an alias."""
    settings = parameters_of(written()["Resources"]["SettingsLayer"]["Properties"])

    assert {"LogName", "LogEndsOn", "RetentionDays"} <= reaching(function)
    assert reaching(function) - NOT_OF_A_VERSION <= settings


@pytest.mark.parametrize("function", [*FUNCTIONS, "deploy"])
def test_a_function_changes_where_a_setting_does(function: str) -> None:
    """Of one that did not change Lambda publishes no version, and CloudFormation's new version would fail."""
    variables = transformed()[logical(function)]["Properties"]["Environment"]["Variables"]

    assert variables["POSTERN_SETTINGS"] == {"Ref": "SettingsLayer"}


def test_parameters_are_found_through_conditions() -> None:
    assert {"SubnetIds", "StatementText", "EvidenceBucketName"} <= reaching("query")
    assert "SubnetIds" not in reaching("tasks")


def test_every_version_is_described_by_the_settings_and_goes_with_the_next() -> None:
    versions = of_type("AWS::Lambda::Version")

    assert len(versions) == len(FUNCTIONS) + 1
    for version in versions.values():
        assert version["Properties"]["Description"] == {"Ref": "SettingsLayer"}
        # A version that stayed would keep its snapshot, and be paid for it.
        assert version["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("layer", ["DepsLayer", "CoreLayer", "PolicyLayer"])
def test_a_changed_layer_makes_versions(layer: str) -> None:
    document = copy.deepcopy(written())
    document["Resources"][layer]["Properties"]["ContentUri"] = "layers/changed"
    defaults = {name: str(one.get("Default", "")) for name, one in document["Parameters"].items()}

    changed = transform(document, {**defaults, **PARAMETERS}, region=NAMES.region, where=TEMPLATE)["Resources"]

    assert not of_type("AWS::Lambda::Version").keys() & {
        name for name, one in changed.items() if one["Type"] == "AWS::Lambda::Version"
    }


@pytest.mark.parametrize(("function", "asked_as"), [("run", "live"), ("reap", "live"), ("deploy", "$LATEST")])
def test_what_nobody_waits_for_is_told_where_it_fails(function: str, asked_as: str) -> None:
    [config] = [
        one["Properties"]
        for one in of_type("AWS::Lambda::EventInvokeConfig").values()
        if one["Properties"]["FunctionName"] == {"Ref": logical(function)}
    ]

    assert config["Qualifier"] == asked_as
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": ["FailedInvocations", "Arn"]}}}
    # What people approved once runs once; a pass of the reaper comes again by itself.
    assert config["MaximumRetryAttempts"] == (2 if function == "deploy" else 0)


def test_nobody_but_the_hook_writes_the_note_of_the_last_deploy(deployed: Deployment) -> None:
    writers = [
        role.name
        for role in deployed.roles
        for document in role.policies.values()
        for statement in document["Statement"]
        if "deploy#" in json.dumps(statement.get("Condition", {}))
    ]

    assert [name.removeprefix("postern-local-") for name in writers] == ["DeployRole"]


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()

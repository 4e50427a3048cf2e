"""How rights are written down: named, reasoned, never wider than a name, and told in docs/permissions.md."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from scripts import generate_permissions_doc
from scripts.generate_permissions_doc import PAGE, PermissionsError, page

from postern_local.model import Names
from postern_local.template import Template
from tests.support.rights.documents import Statement, rights_of
from tests.support.rights.mutations import listed
from tests.support.rights.places import whole
from tests.support.stack import PARAMETERS, PROJECT

# What names an object, a stream, a version or a connection below what a statement names.
BELOW = (
    *("/wal/v1/test-2026/*", "/blob/test-2026/*", "/wal/v1/*", "/blob/*", "/log/*", ":*"),
    *("/log/*/checkpoint", "/log/*/tile/entries/*"),
    *(":network-interface/*", ":security-group/*", ":subnet/*", ":postern-local-ServerlessDeploymentApplication/*"),
)
# Actions for which AWS knows no resource, by the statement that has them.
WITHOUT_RESOURCE = {"LambdaLooksAtTheNetwork", "CodeLeavesTheNetworkAlone", "SendsTraces", "GatewayWritesLogs"}


def test_every_statement_has_a_name_of_its_own() -> None:
    rights = rights_of(whole())
    assert [str(one) for one in rights.statements if not one.content.get("Sid")] == []
    assert len({(one.kind, one.owner, one.content["Sid"]) for one in rights.statements}) == len(rights.statements)


def test_a_role_names_its_actions_and_resources() -> None:
    for statement in rights_of(whole()).statements:
        if statement.kind != "identity":
            continue
        assert all("*" not in action for action in listed(statement.content["Action"])), str(statement)
        assert not {"NotAction", "NotResource"} & statement.content.keys(), str(statement)
        assert [one for one in listed(statement.content["Resource"]) if not is_named(one, statement)] == []


def is_named(resource: str, statement: Statement) -> bool:
    if resource == "*":
        return statement.content["Sid"] in WITHOUT_RESOURCE
    suffix = next((one for one in BELOW if resource.endswith(one)), "")
    return "*" not in resource.removesuffix(suffix)


def test_no_policy_of_awss_own_is_attached() -> None:
    template = Template(PROJECT / "template.yaml", PARAMETERS, Names())
    for found in template.all():
        own = {found.reference(name) for name in found.of_type("AWS::IAM::ManagedPolicy")}
        for name, role in found.of_type("AWS::IAM::Role").items():
            assert set(role.get("ManagedPolicyArns", [])) <= own, name
            assert "PermissionsBoundary" not in role


def test_a_service_invokes_a_function_for_one_source_and_by_its_alias() -> None:
    template = Template(PROJECT / "template.yaml", PARAMETERS, Names())
    found = template.of_type("AWS::Lambda::Permission")
    assert found
    for name, permission in found.items():
        assert permission["Action"] == "lambda:InvokeFunction", name
        assert permission["FunctionName"].endswith(":live"), name
        assert permission["Principal"] in ("apigateway.amazonaws.com", "events.amazonaws.com"), name
        source = permission["SourceArn"].split(":", 5)
        assert source[:3] in (["arn", "aws", "execute-api"], ["arn", "aws", "events"]), name
        assert source[3:5] == ["us-east-1", "123456789012"], name
        # Of a path's parameters a wildcard stands for each, and for the stage; never for the API.
        assert not source[5].startswith("*"), name


def test_the_page_of_permissions_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run `python -m scripts.generate_permissions_doc`"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda why: why.pop("ReadsTasks"), "ReadsTasks: expected a reason", id="a right without a reason"),
        pytest.param(lambda why: why.update(Gone="x"), "none for", id="a reason without a right"),
    ],
)
def test_a_right_and_its_reason_come_together(change: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = generate_permissions_doc._metadata

    def metadata(template: Template, name: str) -> Any:
        found = copy.deepcopy(dict(real(template, name)))
        if name == "QueryRole":
            change(found["Why"])
        return found

    monkeypatch.setattr(generate_permissions_doc, "_metadata", metadata)
    with pytest.raises(PermissionsError, match=told):
        page()

"""The authorizer as API Gateway will have it: asked for every call."""

from __future__ import annotations

from typing import Any

import pytest

from postern_local.model import Names
from postern_local.template import Template
from tests.support.stack import PARAMETERS, PROJECT, project_deployment


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """The OpenAPI document that the transform makes of the template, and AWS imports."""
    template = Template(PROJECT / "template.yaml", PARAMETERS, Names())
    (api,) = template.of_type("AWS::ApiGateway::RestApi").values()
    body: dict[str, Any] = api["Body"]
    return body


def test_keeps_no_result(description: dict[str, Any]) -> None:
    """A kept one would outlive the token's last second, a withdrawn key, a changed rule and a used proof."""
    for name, scheme in description["components"]["securitySchemes"].items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        assert authorizer["authorizerResultTtlInSeconds"] == 0, name
        assert authorizer["type"] == "request", name


def test_is_asked_on_every_route_but_the_public_ones(description: dict[str, Any]) -> None:
    public = {
        path
        for path, operations in description["paths"].items()
        for operation in operations.values()
        if operation["security"] == [{"NONE": []}]
    }

    described = {"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"}
    page = {"/console", "/console/{file}"}  # what it shows it asks for with a token
    assert public == {"/healthz", "/openapi.json", *described, "/v1/log", *page}


def test_knows_the_table_that_it_shares_keys_through() -> None:
    deployed = project_deployment()
    (table,) = (table for table in deployed.tables if table.name.endswith("StateTable"))

    assert deployed.function("postern-authorize").environment["POSTERN_TABLE"] == table.name

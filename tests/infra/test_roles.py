"""Least privilege, evaluated: what each function's role can do, and above all what it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Deployment, Role
from tests.support.stack import project_deployment

ACCOUNT = "123456789012"
DATABASES = ("db-ONE", "cluster-TWO")
FUNCTIONS = ("authorize", "tasks", "query", "provision")
USER = "task_018f0000000070008000000000000001"


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()


def role_of(deployed: Deployment, function: str) -> Role:
    (role,) = (role for role in deployed.roles if role.name == deployed.function(f"postern-{function}").role)
    return role


def connect_role(deployed: Deployment) -> Role:
    (role,) = (role for role in deployed.roles if role.name.endswith("ConnectRole"))
    return role


def may(role: Role, action: str, resource: str, context: dict[str, tuple[str, ...]] | None = None) -> bool:
    policies = tuple(
        parse_policy(document, kind=PolicyKind.IDENTITY, name=name) for name, document in role.policies.items()
    )
    request = Request(Caller(role.arn, ACCOUNT), action, resource, context or {})
    return isinstance(evaluate(PolicySet(identity=policies), request), Allowed)


def statements(role: Role) -> Iterator[dict[str, Any]]:
    for document in role.policies.values():
        yield from document["Statement"]


def listed(element: str | list[str]) -> list[str]:
    return [element] if isinstance(element, str) else element


def test_every_function_has_a_role_of_its_own(deployed: Deployment) -> None:
    assert len({function.role for function in deployed.functions}) == len(FUNCTIONS)


def test_no_role_names_everything(deployed: Deployment) -> None:
    for role in deployed.roles:
        for statement in statements(role):
            assert all("*" not in action for action in listed(statement["Action"])), role.name
            for resource in listed(statement["Resource"]):
                # Objects have names of their own below the log; a log stream has one below its group.
                bare = resource.removesuffix("/wal/v1/test-2026/*").removesuffix("/blob/test-2026/*").removesuffix(":*")
                assert "*" not in bare, (role.name, resource)


def test_the_authorizer_may_write_its_log_and_nothing_else(deployed: Deployment) -> None:
    actions = {action for one in statements(role_of(deployed, "authorize")) for action in listed(one["Action"])}

    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents"}


@pytest.mark.parametrize("function", ["tasks", "query", "provision"])
def test_writers_add_records_of_their_log_only(function: str, deployed: Deployment) -> None:
    role = role_of(deployed, function)
    bucket = f"arn:aws:s3:::{deployed.buckets[0].name}"

    assert may(role, "s3:PutObject", f"{bucket}/wal/v1/test-2026/a/20261122/10/018f/1-intent.json")
    assert not may(role, "s3:PutObject", f"{bucket}/wal/v1/test-2027/a/20261122/10/018f/1-intent.json")
    assert may(role, "s3:PutObject", f"{bucket}/blob/test-2026/018f/0")
    assert not may(role, "s3:PutObject", f"{bucket}/blob/test-2027/018f/0")
    assert not may(role, "s3:PutObject", f"{bucket}/log/test-2026/checkpoint")
    for action in ("s3:ListBucket", "s3:DeleteObject", "s3:PutObjectRetention", "s3:PutBucketPolicy"):
        assert not may(role, action, bucket)
        assert not may(role, action, f"{bucket}/wal/v1/test-2026/a/20261122/10/018f/1-intent.json")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_provisioner_connects_with_its_own_role(function: str, deployed: Deployment) -> None:
    role = role_of(deployed, function)

    for database in DATABASES:
        users = f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:{database}"
        assert may(role, "rds-db:connect", f"{users}/postern_provision") is (function == "provision")
        assert not may(role, "rds-db:connect", f"{users}/{USER}")
        assert not may(role, "rds-db:connect", f"{users}/postgres")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_query_assumes_the_connect_role(function: str, deployed: Deployment) -> None:
    connect = connect_role(deployed)

    assert may(role_of(deployed, function), "sts:AssumeRole", connect.arn) is (function == "query")
    assert is_trusted(connect, role_of(deployed, function).arn) is (function == "query")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_who_opens_and_ends_tasks_invokes_the_provisioner(function: str, deployed: Deployment) -> None:
    role = role_of(deployed, function)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"

    assert may(role, "lambda:InvokeFunction", f"{arn}:postern-provision") is (function in ("tasks", "query"))
    assert not may(role, "lambda:InvokeFunction", f"{arn}:postern-query")


def test_nobody_deletes_or_scans_the_state(deployed: Deployment) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{deployed.tables[0].name}"

    for function in FUNCTIONS:
        for action in ("DeleteItem", "DeleteTable", "Scan", "BatchWriteItem", "UpdateTable"):
            assert not may(role_of(deployed, function), f"dynamodb:{action}", table)


@pytest.mark.parametrize(
    ("function", "index"), [("tasks", "by_principal"), ("provision", "by_deadline")], ids=["tasks", "provision"]
)
def test_an_index_is_read_by_one_function(function: str, index: str, deployed: Deployment) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{deployed.tables[0].name}/index/{index}"

    assert [one for one in FUNCTIONS if may(role_of(deployed, one), "dynamodb:Query", arn)] == [function]


def session(**tags: str) -> dict[str, tuple[str, ...]]:
    return {f"aws:PrincipalTag/{name}": (value,) for name, value in tags.items()}


@pytest.mark.parametrize(
    ("user", "tags", "expected"),
    [
        pytest.param(USER, {"postern_user": USER}, True, id="its own role"),
        pytest.param(USER, {"postern_user": f"{USER[:-1]}2"}, False, id="another task's role"),
        pytest.param("postgres", {"postern_user": USER}, False, id="superuser"),
        pytest.param("postern_provision", {"postern_user": USER}, False, id="provisioner"),
        pytest.param(USER, {}, False, id="no tag"),
        pytest.param(USER, {"postern_user": "task_*"}, False, id="tag with a wildcard"),
        pytest.param(USER, {"other": USER}, False, id="another tag"),
    ],
)
def test_a_connect_session_logs_in_as_its_tag_says(
    user: str, tags: dict[str, str], expected: bool, deployed: Deployment
) -> None:
    role = connect_role(deployed)

    for database in DATABASES:
        arn = f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:{database}/{user}"
        assert may(role, "rds-db:connect", arn, session(**tags)) is expected
    assert not may(
        role, "rds-db:connect", f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:db-OTHER/{user}", session(**tags)
    )


def is_trusted(role: Role, caller: str, changed: dict[str, tuple[str, ...]] | None = None) -> bool:
    """Whether the trust policy lets the caller assume the role with everything in order but what is changed."""
    context = {
        "aws:RequestTag/postern_user": (USER,),
        "aws:TagKeys": ("postern_user",),
        "sts:SourceIdentity": (USER.removeprefix("task_"),),
    } | (changed or {})
    trust = parse_policy(role.trust, kind=PolicyKind.TRUST, name="trust")
    request = Request(
        Caller(caller, ACCOUNT, session_arn=caller.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + "/s"),
        "sts:AssumeRole",
        role.arn,
        {name: values for name, values in context.items() if values},
    )
    return isinstance(evaluate(PolicySet(resource=(trust,)), request), Allowed)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"aws:RequestTag/postern_user": ("postgres",)}, id="user that is no task's"),
        pytest.param({"aws:RequestTag/postern_user": ("postern_provision",)}, id="provisioner"),
        pytest.param({"aws:RequestTag/postern_user": ()}, id="no tag"),
        pytest.param({"aws:TagKeys": ("postern_user", "other")}, id="a second tag"),
        pytest.param({"sts:SourceIdentity": ()}, id="no source identity"),
    ],
)
def test_the_connect_role_trusts_a_whole_request_only(
    changed: dict[str, tuple[str, ...]], deployed: Deployment
) -> None:
    query = role_of(deployed, "query")

    assert is_trusted(connect_role(deployed), query.arn)
    assert not is_trusted(connect_role(deployed), query.arn, changed)


def test_roles_of_functions_trust_lambda_only(deployed: Deployment) -> None:
    for function in FUNCTIONS:
        (statement,) = role_of(deployed, function).trust["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_in_a_vpc_the_code_itself_cannot_touch_the_network() -> None:
    """The rights that Lambda needs to attach the function are denied to the function's own calls."""
    deployed = project_deployment(SubnetIds="subnet-1,subnet-2", SecurityGroupIds="sg-1")

    for function in ("query", "provision"):
        (network,) = (document for name, document in role_of(deployed, function).policies.items() if name == "network")
        allow, deny = network["Statement"]
        assert allow["Action"] == deny["Action"]
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {
            "ArnEquals": {"lambda:SourceFunctionArn": deployed.function(f"postern-{function}").arn}
        }
    assert "network" not in role_of(deployed, "tasks").policies
    assert "network" not in role_of(deployed, "authorize").policies

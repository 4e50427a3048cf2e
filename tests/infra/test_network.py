"""The network: nothing leads to the internet, and what its endpoints let through is what the functions in it use."""

from __future__ import annotations

import fnmatch
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from postern.edges import clients
from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from tests.support.stack import project_deployment
from tests.support.stacks import PSEUDO, Stack, stack, written

PATH = "infra/network.yaml"
LISTS = {"S3PrefixListId": "pl-6da54004", "DynamoDbPrefixListId": "pl-66a5400f"}
ACCOUNT, REGION = PSEUDO["AWS::AccountId"], PSEUDO["AWS::Region"]
INSIDE = ("query", "run", "provision", "reap")
BUCKET = "audit-evidencebucket-1"
# What a deployed stack's names begin with, where the local stack's begin with its own.
BROKER = {"BrokerStackName": "postern-local", "EvidenceBucketName": "postern-local-evidencebucket"}
# Clients of functions that are not in the network.
OUTSIDE_ONLY = {"authorizer_table", "deployments"}

ALL_OPTIONS = {
    "Zones": "3",
    "FlowLogDays": "30",
    "DatabaseCidr": "10.9.0.0/24",
    "MoreNames": "db.acme.example",
    "EvidenceBucketName": BUCKET,
    "EvidenceAccountId": "210987654321",
}


def network(**parameters: str) -> Stack:
    return stack(PATH, **LISTS, **parameters)


def endpoints(found: Stack) -> dict[str, dict[str, Any]]:
    """Properties by service."""
    return {one["ServiceName"].rpartition(".")[2]: one for one in found.of_type("AWS::EC2::VPCEndpoint").values()}


@pytest.mark.parametrize("options", [pytest.param({}, id="least"), pytest.param(ALL_OPTIONS, id="everything")])
def test_nothing_leads_to_the_internet(options: dict[str, str]) -> None:
    made = network(**options)

    kinds = {one["Type"] for one in made.resources.values()}
    assert not {kind for kind in kinds if re.search("Gateway|::Route$|EIP|TransitGateway|Peering|VPN|NatGateway", kind)}
    for subnet in made.of_type("AWS::EC2::Subnet").values():
        assert subnet["MapPublicIpOnLaunch"] is False
    assert "0.0.0.0/0" not in str(made.resources)
    assert "::/0" not in str(made.resources)


@pytest.mark.parametrize(("zones", "count"), [("2", 2), ("3", 3)])
def test_each_zone_has_a_subnet_of_its_own_with_the_one_route_table(zones: str, count: int) -> None:
    made = network(Zones=zones)

    subnets = made.of_type("AWS::EC2::Subnet")
    assert len({one["AvailabilityZone"] for one in subnets.values()}) == count
    assert len({one["CidrBlock"] for one in subnets.values()}) == count
    routed = {one["SubnetId"] for one in made.of_type("AWS::EC2::SubnetRouteTableAssociation").values()}
    assert routed == {f"<{name}>" for name in subnets}
    assert made.outputs["SubnetIds"].split(",") == [f"<{name}>" for name in subnets]
    for service, one in endpoints(made).items():
        assert service in {"s3", "dynamodb"} or one["SubnetIds"] == [f"<{name}>" for name in subnets], service


def test_zones_may_be_named() -> None:
    made = network(ZoneNames="eu-west-1c,eu-west-1a")
    assert [one["AvailabilityZone"] for one in made.of_type("AWS::EC2::Subnet").values()] == [
        "eu-west-1c",
        "eu-west-1a",
    ]


def test_functions_reach_endpoints_and_databases_and_nothing_else() -> None:
    made = network(DatabasePort="6543")

    leaves = made.of_type("AWS::EC2::SecurityGroup")["FunctionGroup"]["SecurityGroupEgress"]
    to = {
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], target)
        for rule in leaves
        for name, target in rule.items()
        if name.startswith(("Destination", "Cidr"))
    }
    assert to == {
        ("tcp", 443, 443, "<EndpointGroup>"),
        ("tcp", 443, 443, LISTS["S3PrefixListId"]),
        ("tcp", 443, 443, LISTS["DynamoDbPrefixListId"]),
        ("tcp", "6543", "6543", "<DatabaseGroup>"),
    }
    assert len(leaves) == len(to)


def test_a_joined_networks_databases_are_reached_at_their_port_only() -> None:
    leaves = network(DatabaseCidr="10.9.0.0/24").of_type("AWS::EC2::SecurityGroup")["FunctionGroup"]

    [rule] = [one for one in leaves["SecurityGroupEgress"] if "CidrIp" in one]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIp"]) == (
        *("tcp", "5432", "5432"),
        "10.9.0.0/24",
    )


def test_only_functions_reach_endpoints_and_databases_and_nobody_reaches_functions() -> None:
    made = network()

    entries = {
        (one["GroupId"], one["SourceSecurityGroupId"], one["FromPort"], one["ToPort"])
        for one in made.of_type("AWS::EC2::SecurityGroupIngress").values()
    }
    assert entries == {
        ("<EndpointGroup>", "<FunctionGroup>", 443, 443),
        ("<DatabaseGroup>", "<FunctionGroup>", "5432", "5432"),
    }
    groups = made.of_type("AWS::EC2::SecurityGroup")
    assert not any("SecurityGroupIngress" in one for one in groups.values())
    for name in ("EndpointGroup", "DatabaseGroup"):
        assert [rule["CidrIp"] for rule in groups[name]["SecurityGroupEgress"]] == ["127.0.0.1/32"]


def test_every_endpoint_has_a_policy_and_answers_at_the_services_own_name() -> None:
    for service, one in endpoints(network()).items():
        assert one["PolicyDocument"]["Statement"], service
        if one["VpcEndpointType"] == "Gateway":
            assert one["RouteTableIds"] == ["<Routes>"], service
        else:
            assert one["PrivateDnsEnabled"] is True, service
            assert one["SecurityGroupIds"] == ["<EndpointGroup>"], service


def made_clients(region: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A client of each kind that the project's functions make, as they make it."""
    for name in ("AWS_ENDPOINT_URL", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    session = clients.connect(region)
    return {
        name: make(session)
        for name, make in vars(clients).items()
        if not name.startswith("_")
        and getattr(make, "__module__", "") == clients.__name__
        and "session" in inspect.signature(make).parameters
    }


def test_every_service_that_the_functions_call_has_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_clients(REGION, monkeypatch)
    called = {one.meta.service_model.service_name for name, one in made.items() if name not in OUTSIDE_ONLY}

    assert called == {"dynamodb", "events", "kms", "lambda", "s3", "sqs", "sts"}
    assert called <= set(endpoints(network()))


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_clients_ask_at_names_that_resolve_to_endpoints(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's global name would resolve to its public addresses, which nothing in the network reaches."""
    known = network().of_type("AWS::Route53Resolver::FirewallDomainList")["KnownNames"]["Domains"]

    made = made_clients(region, monkeypatch)
    for name in made.keys() - OUTSIDE_ONLY:
        host = made[name].meta.endpoint_url.removeprefix("https://")
        assert re.fullmatch(rf"[a-z0-9]+\.{region}\.amazonaws\.com", host), name
        assert any(fnmatch.fnmatch(host.replace(region, REGION), one) for one in known), host


def role_statements(function: str) -> Iterator[tuple[str, str, str]]:
    """What the deployed role of a function allows: role, action and resource."""
    deployed = project_deployment(
        StatementText="sealed", SubnetIds="subnet-0123456789abcdef0", SecurityGroupIds="sg-0123456789abcdef0"
    )
    name = deployed.function(f"postern-{function}").role
    (role,) = (role for role in deployed.roles if role.name == name)
    for policy in role.policies.values():
        for statement in policy["Statement"]:
            if statement["Effect"] != "Allow":
                continue
            for action in _list(statement["Action"]):
                for resource in _list(statement["Resource"]):
                    yield role.arn, action, resource


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# Not sent by the function: Lambda makes the interfaces and delivers logs and traces; a database token is signed here.
NOT_BY_THE_NETWORK = {"ec2", "rds-db", "xray"}


def asked_of_endpoints() -> list[tuple[str, str, str]]:
    return sorted(
        {
            one
            for function in INSIDE
            for one in role_statements(function)
            if one[1].split(":")[0] not in NOT_BY_THE_NETWORK
        }
    )


def may_pass(made: Stack, action: str, resource: str, *, role: str, resource_account: str = ACCOUNT) -> bool:
    """What the endpoint's policy says, whatever the role's own policies and the resource's do."""
    one = endpoints(made)[action.split(":")[0]]
    policy = parse_policy(one["PolicyDocument"], kind=PolicyKind.RESOURCE, name="endpoint")
    context = {"aws:PrincipalArn": (role,), "aws:ResourceAccount": (resource_account,)}
    request = Request(Caller(role, ACCOUNT), action, resource.replace("*", "x"), context)
    return isinstance(evaluate(PolicySet(resource=(policy,)), request), Allowed)


ROLE = f"arn:aws:iam::{ACCOUNT}:role/postern-local-QueryRole"


def test_what_a_functions_role_may_its_endpoint_lets_through() -> None:
    made = network(**BROKER)
    asked = asked_of_endpoints()

    stopped = [one for one in asked if not may_pass(made, one[1], one[2], role=one[0])]
    assert len(asked) > 40
    assert stopped == []


def test_endpoints_let_no_action_through_that_no_function_may() -> None:
    allowed = {
        action
        for one in endpoints(network()).values()
        for statement in one["PolicyDocument"]["Statement"]
        for action in _list(statement["Action"])
    }
    assert allowed == {action for _, action, _ in asked_of_endpoints()}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        pytest.param("kms:Sign", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/x", id="nothing in here signs the log"),
        pytest.param("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/x", id="nothing in here opens a seal"),
        pytest.param("s3:DeleteObjectVersion", f"arn:aws:s3:::{BUCKET}/wal/v1/x", id="nothing deletes"),
        pytest.param("s3:PutObject", "arn:aws:s3:::mine/wal/v1/x", id="another bucket"),
        pytest.param("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin", id="another role"),
        pytest.param("sts:AssumeRole", "arn:aws:iam::999999999999:role/postern-local-x", id="another account's role"),
        pytest.param("sqs:SendMessage", f"arn:aws:sqs:{REGION}:999999999999:postern-local-Queue", id="another's queue"),
        pytest.param(
            "dynamodb:PutItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/other-StateTable", id="another table"
        ),
        pytest.param("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:postern-run:live", id="run"),
        pytest.param(
            "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:postern-provision", id="no alias"
        ),
        pytest.param("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default", id="another bus"),
    ],
)
def test_endpoints_let_through_what_is_the_brokers_only(action: str, resource: str) -> None:
    made = network(**BROKER | {"EvidenceBucketName": BUCKET})
    assert not may_pass(made, action, resource, role=ROLE)


@pytest.mark.parametrize(
    "role",
    [
        pytest.param(f"arn:aws:iam::{ACCOUNT}:role/other", id="another role of the account"),
        pytest.param("arn:aws:iam::999999999999:role/postern-local-QueryRole", id="a role of another account"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/postern-local-x", id="a user"),
    ],
)
def test_endpoints_take_the_brokers_roles_only(role: str) -> None:
    made = network(**BROKER)
    assert not [one for one in asked_of_endpoints() if may_pass(made, one[1], one[2], role=role)]


@pytest.mark.parametrize(
    ("parameters", "bucket", "owner", "expected"),
    [
        pytest.param({}, "any", ACCOUNT, True, id="the broker's stack makes it: any of this account"),
        pytest.param({}, "any", "999999999999", False, id="somebody else's"),
        pytest.param({"EvidenceBucketName": BUCKET}, BUCKET, ACCOUNT, True, id="named"),
        pytest.param({"EvidenceBucketName": BUCKET}, BUCKET, "999999999999", False, id="its name, taken by another"),
        pytest.param({"EvidenceBucketName": BUCKET}, f"{BUCKET}2", ACCOUNT, False, id="a like name"),
        pytest.param(
            {"EvidenceBucketName": BUCKET, "EvidenceAccountId": "210987654321"},
            BUCKET,
            "210987654321",
            True,
            id="there",
        ),
        pytest.param(
            {"EvidenceBucketName": BUCKET, "EvidenceAccountId": "210987654321"}, BUCKET, ACCOUNT, False, id="not there"
        ),
    ],
)
def test_no_bucket_but_the_evidences_is_reached(
    parameters: dict[str, str], bucket: str, owner: str, expected: bool
) -> None:
    made = network(BrokerStackName="postern-local", **parameters)
    for action, resource in (
        ("s3:PutObject", f"arn:aws:s3:::{bucket}/wal/v1/x"),
        ("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
    ):
        assert may_pass(made, action, resource, role=ROLE, resource_account=owner) is expected


def test_only_known_names_resolve() -> None:
    made = network()
    lists = made.of_type("AWS::Route53Resolver::FirewallDomainList")
    [rules] = made.of_type("AWS::Route53Resolver::FirewallRuleGroup").values()
    [here] = made.of_type("AWS::Route53Resolver::FirewallRuleGroupAssociation").values()

    told = [
        (one["Action"], one["FirewallDomainListId"])
        for one in sorted(rules["FirewallRules"], key=lambda one: one["Priority"])
    ]
    assert told == [("ALLOW", "<KnownNames>"), ("BLOCK", "<EveryName>")]
    assert lists["EveryName"]["Domains"] == ["*"]
    assert all(
        name.endswith(f".{REGION}.amazonaws.com") or name == f"*.{REGION}.rds.amazonaws.com"
        for name in lists["KnownNames"]["Domains"]
    )
    assert (here["VpcId"], here["FirewallRuleGroupId"]) == ("<Vpc>", "<NameRules>")


def test_further_names_come_before_the_refusal() -> None:
    made = network(MoreNames="db.acme.example,replica.acme.example")
    [rules] = made.of_type("AWS::Route53Resolver::FirewallRuleGroup").values()

    yours = made.of_type("AWS::Route53Resolver::FirewallDomainList")["NamesOfYours"]["Domains"]
    assert yours == ["db.acme.example", "replica.acme.example"]
    by_list = {one["FirewallDomainListId"]: one for one in rules["FirewallRules"]}
    assert by_list["<NamesOfYours>"]["Action"] == "ALLOW"
    assert by_list["<NamesOfYours>"]["Priority"] < by_list["<EveryName>"]["Priority"]


def test_connections_are_logged_where_asked_and_for_as_long() -> None:
    assert not network().of_type("AWS::EC2::FlowLog")
    made = network(FlowLogDays="30")

    [flow] = made.of_type("AWS::EC2::FlowLog").values()
    assert (flow["ResourceType"], flow["ResourceId"], flow["TrafficType"]) == ("VPC", "<Vpc>", "ALL")
    assert made.of_type("AWS::Logs::LogGroup")["FlowLogGroup"]["RetentionInDays"] == "30"


def test_the_authorizer_is_outside_and_functions_that_reach_databases_are_inside() -> None:
    resources = written("template.yaml")["Resources"]
    inside = {
        name.removesuffix("Function").lower()
        for name, one in resources.items()
        if one["Type"] == "AWS::Serverless::Function" and "VpcConfig" in one["Properties"]
    }
    assert inside == set(INSIDE)


def test_its_outputs_are_named_as_others_ask_for_them() -> None:
    outputs = set(network().outputs)
    assert {"SubnetIds", "SecurityGroupIds"} <= outputs & set(written("template.yaml")["Parameters"])
    assert {"SubnetIds", "DatabaseSecurityGroupId"} <= outputs & set(written("infra/database.yaml")["Parameters"])
    assert {"VpcId", "SubnetIds", "DatabaseSecurityGroupId"} <= outputs & set(written("infra/door.yaml")["Parameters"])

"""The operator's door: a way to the database for who may start a session, and to nothing else."""

from __future__ import annotations

from tests.support.stacks import Stack, stack

GIVEN = {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "DatabaseSecurityGroupId": "sg-db", "Image": "ami-1"}


def door() -> Stack:
    return stack("infra/door.yaml", **GIVEN)


def test_nobody_reaches_it_and_it_reaches_the_database_and_its_manager() -> None:
    made = door()
    groups = made.of_type("AWS::EC2::SecurityGroup")

    leaves = {
        (one["DestinationSecurityGroupId"], one["FromPort"], one["ToPort"])
        for one in groups["DoorGroup"]["SecurityGroupEgress"]
    }
    assert leaves == {("<ManagerGroup>", 443, 443), ("sg-db", "5432", "5432")}
    entries = {
        (one["GroupId"], one["SourceSecurityGroupId"])
        for one in made.of_type("AWS::EC2::SecurityGroupIngress").values()
    }
    assert entries == {("<ManagerGroup>", "<DoorGroup>"), ("sg-db", "<DoorGroup>")}
    assert not any("SecurityGroupIngress" in one for one in groups.values())


def test_the_machine_has_no_address_no_key_and_only_the_newer_metadata() -> None:
    (machine,) = door().of_type("AWS::EC2::Instance").values()
    (interface,) = machine["NetworkInterfaces"]

    assert interface["AssociatePublicIpAddress"] is False
    assert interface["GroupSet"] == ["<DoorGroup>"]
    assert "KeyName" not in machine
    assert machine["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert [one["Ebs"]["Encrypted"] for one in machine["BlockDeviceMappings"]] == [True]


def test_its_role_carries_sessions_and_its_endpoints_take_no_other_role() -> None:
    made = door()
    (role,) = made.of_type("AWS::IAM::Role").values()
    actions = {
        action
        for policy in role["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        for action in one["Action"]
    }

    assert "ManagedPolicyArns" not in role
    assert actions == {
        "ssm:UpdateInstanceInformation",
        *(f"ssmmessages:{verb}{kind}" for verb in ("Create", "Open") for kind in ("ControlChannel", "DataChannel")),
    }
    through = set()
    for endpoint in made.of_type("AWS::EC2::VPCEndpoint").values():
        for statement in endpoint["PolicyDocument"]["Statement"]:
            assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": "<DoorRole.Arn>"}}
            through |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    assert through == actions


def test_the_network_lets_its_names_resolve() -> None:
    network = stack("infra/network.yaml", S3PrefixListId="pl-6da54004", DynamoDbPrefixListId="pl-66a5400f")
    known = network.of_type("AWS::Route53Resolver::FirewallDomainList")["KnownNames"]["Domains"]
    services = {one["ServiceName"].rpartition(".")[2] for one in door().of_type("AWS::EC2::VPCEndpoint").values()}

    assert {f"{service}.us-east-1.amazonaws.com" for service in services} <= set(known)

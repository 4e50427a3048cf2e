"""The trial database: settings that the doctor looks for, IAM login, nothing public, and outputs that can be pasted."""

from __future__ import annotations

import re

import pytest
import yaml

from postern.policy.databases import parse_databases
from postern.server_majors import SUPPORTED_MAJORS
from postern.types import DatabaseName
from postern.world.doctor import settings as server
from tests.support.stacks import Stack, refusal, stack, written

GIVEN = {"SubnetIds": "subnet-1,subnet-2", "DatabaseSecurityGroupId": "sg-1"}


def database(**parameters: str) -> Stack:
    return stack("infra/database.yaml", **GIVEN | parameters)


def cluster(**parameters: str) -> dict[str, object]:
    (properties,) = database(**parameters).of_type("AWS::RDS::DBCluster").values()
    return properties


def parameters(**changed: str) -> dict[str, str]:
    (group,) = database(**changed).of_type("AWS::RDS::DBClusterParameterGroup").values()
    found: dict[str, str] = group["Parameters"]
    return found


@pytest.mark.parametrize("log", ["none", "all"])
def test_the_doctor_finds_nothing_in_its_settings(log: str) -> None:
    set_here = parameters(StatementLog=log)
    # What the server reports for what is not set here.
    defaults = {"server_version_num": "160008", "ssl": "on", "listen_addresses": "*", "log_min_duration_sample": "-1"}
    reported = {"lo_compat_privileges": "off"} | defaults | set_here
    row = ["shop", *(reported.get(name) for name in server._NAMES)]
    checks = (
        *(server.VERSION, server.LARGE_OBJECT_RIGHTS, server.TEMP_FILES, server.LOGGED_PARAMETERS, server.TLS),
        *(server.FORCED_TLS, server.PASSWORDS),
    )

    assert [found.what for check in checks for found in check.read(check, [row])] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rds.force_ssl", "1"),
        ("password_encryption", "scram-sha-256"),
        ("rds.accepted_password_auth_method", "scram"),
        ("log_connections", "1"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
        ("log_statement", "none"),
    ],
)
def test_a_setting_that_the_wall_leans_on_is_made(name: str, value: str) -> None:
    assert parameters()[name] == value


def test_whoever_logs_in_can_do_so_by_iam_and_nobody_from_outside() -> None:
    made = database()
    (instance,) = made.of_type("AWS::RDS::DBInstance").values()
    one = cluster()

    assert one["EnableIAMDatabaseAuthentication"] is True
    assert one["EnableHttpEndpoint"] is False
    assert instance["PubliclyAccessible"] is False
    assert instance["EnablePerformanceInsights"] is False
    assert one["VpcSecurityGroupIds"] == ["sg-1"]
    assert {two["DBSubnetGroupName"] for two in (one, instance)} == {"<SubnetGroup>"}
    assert one["DBClusterParameterGroupName"] == "<ClusterSettings>"


def test_no_password_stands_in_the_template() -> None:
    one = cluster()
    assert one["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in one


def test_it_is_encrypted_backed_up_and_hard_to_lose() -> None:
    one = cluster()
    resource = written("infra/database.yaml")["Resources"]["Cluster"]

    assert one["StorageEncrypted"] is True
    assert one["DeletionProtection"] == "true"
    assert int(str(one["BackupRetentionPeriod"])) >= 1
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Snapshot"


@pytest.mark.parametrize(
    ("least", "pause"), [pytest.param("0", "600", id="sleeps"), pytest.param("0.5", None, id="does not")]
)
def test_it_sleeps_where_it_may_scale_to_nothing(least: str, pause: str | None) -> None:
    scaling = cluster(LeastCapacity=least)["ServerlessV2ScalingConfiguration"]
    assert isinstance(scaling, dict)
    assert (scaling["MinCapacity"], scaling.get("SecondsUntilAutoPause")) == (least, pause)


def test_statements_go_to_the_log_only_where_asked() -> None:
    assert "EnableCloudwatchLogsExports" not in cluster()
    assert cluster(StatementLog="all")["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert parameters(StatementLog="all")["log_statement"] == "all"


@pytest.mark.parametrize("version", ["16.8", "17.7"])
def test_its_settings_are_for_its_version(version: str) -> None:
    (group,) = database(EngineVersion=version).of_type("AWS::RDS::DBClusterParameterGroup").values()
    assert group["Family"] == f"aurora-postgresql{version.partition('.')[0]}"


@pytest.mark.parametrize("version", ["15.10", "16", "9.6", "16.8; x", "161.8"])
def test_versions_that_postern_does_not_know_are_refused(version: str) -> None:
    declaration = written("infra/database.yaml")["Parameters"]["EngineVersion"]
    assert refusal(declaration, version)
    assert int(str(declaration["Default"]).partition(".")[0]) in SUPPORTED_MAJORS


def test_what_it_tells_can_be_pasted_into_the_policy_layer() -> None:
    outputs = database().outputs
    text = outputs["DatabasesYaml"].replace("<Cluster.Endpoint.Address>", "shop.cluster-x.us-east-1.rds.amazonaws.com")
    text = text.replace("<Cluster.Endpoint.Port>", "5432").replace("<Cluster.DBClusterResourceId>", "cluster-ABC")

    assert yaml.safe_load(text)
    name = DatabaseName("shop")
    address = parse_databases(text.encode(), file="databases.yaml", catalogued=[name])[name]
    assert (address.port, address.resource_id, address.region) == (5432, "cluster-ABC", "us-east-1")
    assert address.ca == "/opt/ca/us-east-1-bundle.pem"


def test_its_arn_is_one_that_the_broker_takes() -> None:
    arn = database().outputs["DatabaseUserArn"].replace("<Cluster.DBClusterResourceId>", "cluster-ABCDEF")
    assert re.fullmatch(written("template.yaml")["Parameters"]["DatabaseUserArns"]["AllowedPattern"], arn)

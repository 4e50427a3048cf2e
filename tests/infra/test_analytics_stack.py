"""The analytics stack: its tables are what an export writes, its answers stay encrypted in its own bucket."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from postern_cli.ocsf.attributes import SCALARS, Attribute
from postern_cli.ocsf.parquet import ACCOUNT, REGION, Parquet
from postern_cli.ocsf.schema import CLASSES, SHAPES
from tests.support.stack import NAMES, PROJECT
from tests.support.stacks import Stack, refusal, stack, written

TEMPLATE = "infra/analytics.yaml"
GLUE = {"string_t": "string", "integer_t": "int", "long_t": "bigint", "timestamp_t": "bigint", "boolean_t": "boolean"}


@pytest.fixture(scope="module")
def made() -> Stack:
    return stack(TEMPLATE, Regions="eu-central-1,eu-west-1", Accounts="123456789012,external_x", FirstDay="20260301")


@pytest.fixture(scope="module")
def tables(made: Stack) -> dict[str, dict[str, Any]]:
    return {one["TableInput"]["Name"]: one["TableInput"] for one in made.of_type("AWS::Glue::Table").values()}


def glue_type(attribute: Attribute) -> str:
    if attribute.type in SCALARS:
        one = GLUE[attribute.type]
    else:
        one = f"struct<{','.join(f'{part.name}:{glue_type(part)}' for part in SHAPES[attribute.type].attributes)}>"
    return f"array<{one}>" if attribute.is_array else one


def test_there_is_a_table_for_each_class(tables):
    assert tables.keys() == {one.name for one in CLASSES.values()}


@pytest.mark.parametrize("event_class", [pytest.param(one, id=one.name) for one in CLASSES.values()])
def test_a_tables_columns_are_those_of_the_parquet_files(tables, event_class):
    columns = {one["Name"]: one["Type"] for one in tables[event_class.name]["StorageDescriptor"]["Columns"]}
    assert columns == {one.name: glue_type(one) for one in event_class.shape.attributes}
    assert all(name == name.lower() for name in columns)


@pytest.mark.parametrize("event_class", [pytest.param(one, id=one.name) for one in CLASSES.values()])
def test_a_projected_partition_is_where_an_export_writes_it(tables, event_class, tmp_path):
    table = tables[event_class.name]
    place = table["Parameters"]["storage.location.template"]
    for name, value in {"region": "eu-central-1", "accountid": "external", "eventday": "20260303"}.items():
        assert f"projection.{name}.type" in table["Parameters"]
        place = place.replace("${" + name + "}", value)
    written_to = Parquet(tmp_path, "eu-central-1", "external")._path(event_class, "2026-03-03").parent
    assert place == f"s3://<EventsBucket>/events/{written_to.relative_to(tmp_path)}"
    assert [one["Name"] for one in table["PartitionKeys"]] == ["region", "accountid", "eventday"]
    assert table["StorageDescriptor"]["Location"] == f"s3://<EventsBucket>/events/{event_class.name}/"


def test_partitions_are_those_of_the_parameters(tables):
    for table in tables.values():
        told = table["Parameters"]
        assert told["projection.region.values"] == "eu-central-1,eu-west-1"
        assert told["projection.accountid.values"] == "123456789012,external_x"
        assert (told["projection.eventday.format"], told["projection.eventday.range"]) == (
            "yyyyMMdd",
            "20260301,NOW+1DAYS",
        )


def test_nobody_sends_an_answer_elsewhere_or_unencrypted(made):
    (group,) = made.of_type("AWS::Athena::WorkGroup").values()
    told = group["WorkGroupConfiguration"]
    assert told["EnforceWorkGroupConfiguration"] is True
    assert told["ResultConfiguration"] == {
        "OutputLocation": "s3://<EventsBucket>/results/",
        "ExpectedBucketOwner": NAMES.account,
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }
    assert int(told["BytesScannedCutoffPerQuery"]) == 10 * 1024**3


def test_the_bucket_is_closed_encrypted_and_forgets(made):
    (bucket,) = made.of_type("AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    expiring = {rule["Prefix"] for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule}
    assert expiring == {"events/", "results/"}
    (policy,) = made.of_type("AWS::S3::BucketPolicy").values()
    assert [(one["Effect"], one["Condition"]) for one in policy["PolicyDocument"]["Statement"]] == [
        ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("Regions", "*", id="every region"),
        pytest.param("Regions", "eu-central-1/../x", id="a path for a region"),
        pytest.param("Accounts", "12345", id="too few digits"),
        pytest.param("Accounts", "123456789012/x", id="a path for an account"),
        pytest.param("FirstDay", "2026-03-01", id="a day with hyphens"),
        pytest.param("FirstDay", "20261301", id="a thirteenth month"),
        pytest.param("MaxScannedBytes", "1", id="fewer bytes than Athena takes"),
    ],
)
def test_a_value_that_makes_no_partition_is_refused(name, value):
    assert refusal(written(TEMPLATE)["Parameters"][name], value) is not None


@pytest.mark.parametrize(
    ("name", "taken", "texts"),
    [
        pytest.param(
            "Regions", REGION, ["us-east-1", "us-gov-west-1", "ap-northeast-2", "eu", "eu-1", "us_east_1"], id="regions"
        ),
        pytest.param(
            "Accounts", ACCOUNT, ["123456789012", "external", "external_a-b", "1234", "external_", "x"], id="accounts"
        ),
    ],
)
def test_the_stack_takes_what_the_export_takes(name, taken, texts):
    declared = written(TEMPLATE)["Parameters"][name]
    assert [refusal(declared, one) is None for one in texts] == [taken.fullmatch(one) is not None for one in texts]


def test_the_pages_commands_give_the_stack_what_it_asks_for():
    page = (PROJECT / "docs/analytics.md").read_text().replace("\\\n", " ")
    (given,) = re.findall(r"--template-file infra/analytics\.yaml\s+--parameter-overrides (.*)", page)
    declared = written(TEMPLATE)["Parameters"]
    pairs = dict(pair.split("=") for pair in given.split())
    assert {name: refusal(declared[name], text) for name, text in pairs.items()} == dict.fromkeys(pairs)
    assert {name for name, one in declared.items() if "Default" not in one} <= set(pairs)
    for output in re.findall(r"\$\(output (\w+)\)", page):
        assert output in written(TEMPLATE)["Outputs"]
    assert Path(PROJECT / TEMPLATE).is_file()

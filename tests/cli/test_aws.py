"""Where the command line finds AWS: the region that the pages set, and what is said where AWS cannot be asked."""

from __future__ import annotations

import pytest

from postern_cli.aws import AwsAccess, reached, region_of
from postern_cli.stop import Exit, Stop

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "/dev/null"}


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_REGION": ""}, None),
        ({}, None),
    ],
    ids=["as the pages set it", "before the default", "the default", "empty", "none"],
)
def test_the_region_is_the_one_that_the_aws_cli_takes(environ: dict[str, str], region: str | None) -> None:
    assert region_of(environ) == region


@pytest.mark.parametrize("service", ["dynamodb", "kms"])
def test_a_client_is_in_that_region(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for name, value in {**CREDENTIALS, "AWS_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)

    assert AwsAccess(None, None).client(service).meta.region_name == "eu-central-1"


def test_without_a_region_it_is_said_that_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Stop) as stopped, reached("postern-seals"):
        AwsAccess(None, None).client("dynamodb")

    assert stopped.value.code == Exit.UNKNOWN
    assert stopped.value.line == "postern-seals: expected an answer, got NoRegionError: You must specify a region."

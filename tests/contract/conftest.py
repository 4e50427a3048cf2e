"""The places at which the contracts run: see `tests.support.places`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern_local.aws.server import AwsServer
from tests.support.places import LOCAL, Place, local_place, outside_place


@pytest.fixture(scope="session")
def local(aws: AwsServer) -> Place:
    return local_place(aws.url)


@pytest.fixture(scope="session")
def outside(local: Place, pytestconfig: pytest.Config) -> Iterator[Place]:
    place = outside_place(local)
    yield place
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for left in place.remove():
            print(f"\ncontract: {left}")


def pytest_report_header() -> str:
    from tests.support.places import outside_services

    services = outside_services()
    return f"contract: {LOCAL}{f', and outside: {sorted(services)}' if services else ''}"

"""Servers that tests share: one of each kind a worker, started when first asked for.

`database` and `database16` give a test a fresh, empty database; `tests.support.servers.fresh_database`
gives more of them. On `aws` and the PostgreSQL servers, make names of your own: they outlive a test.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from postern_local import postgres as launcher
from postern_local.aws.server import AwsServer
from postern_local.postgres import PostgresServer
from tests.support.distribution import Distribution, longest_first
from tests.support.leaks import in_output
from tests.support.memory import keep_temporary_files_in_memory
from tests.support.sdk_models import models_read_once
from tests.support.servers import Database, fresh_database

if TYPE_CHECKING:
    from xdist.remote import Producer


def pytest_configure() -> None:
    keep_temporary_files_in_memory()


def pytest_collectstart() -> None:
    """While tests are collected next to nothing is garbage, and a fifth of the time went into looking for it."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What stands now stays to the end, millions of objects: the collector need not look there again."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test prints or logs is kept in reports that others read: a secret in it fails the test."""
    report = yield
    leaks = in_output(report.sections)
    if leaks and report.passed:
        report.outcome = "failed"
        report.longrepr = f"leaked: {'; '.join(map(str, leaks))}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Distribution | None:
    return Distribution(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session", autouse=True)
def sdk_models() -> Iterator[None]:
    with models_read_once():
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL 18 server."""
    with launcher.start(tmp_path_factory.mktemp("postgres18"), major=18) as server:
        yield server


@pytest.fixture(scope="session")
def postgres16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL 16 server, the oldest version that Postern supports."""
    with launcher.start(tmp_path_factory.mktemp("postgres16"), major=16) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """A fresh database on PostgreSQL 18."""
    with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
def database16(postgres16: PostgresServer) -> Iterator[Database]:
    """A fresh database on PostgreSQL 16."""
    with fresh_database(postgres16) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """The local AWS server; `tests.support.aws.client` gives clients of it."""
    with AwsServer.start(tmp_path_factory.mktemp("aws")) as server:
        yield server

"""One local stack a worker, with Chinook or the shop in it, started as `postern local up` starts it.

They stop with the last test of this folder: a stack that waits polls its queues, and takes its time from other tests.
Before that all that a stack wrote, answered and shows is searched for secrets: what is found fails the last test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern_local.demo.caller import Caller
from postern_local.stack import Options, Stack
from tests.support.watched_stack import watched_stack

TESTS = Path(__file__).parent.parent
CHINOOK = TESTS.parent.parent / "shared" / "data" / "chinook.sql"


@pytest.fixture(scope="session")
def chinook_sql() -> Path:
    """The sample database, which lies beside the project and is not committed."""
    if not CHINOOK.is_file():
        assert not os.environ.get("CI"), f"{CHINOOK}: the sample database is missing"
        pytest.skip(f"the sample database is missing: expected it at {CHINOOK}")
    return CHINOOK


@pytest.fixture(scope="package")
def chinook(chinook_sql: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with Chinook in it, under the policy in tests/chinook."""
    options = Options(
        policy=TESTS / "chinook", loads=[str(chinook_sql)], state=tmp_path_factory.mktemp("chinook") / "state"
    )
    with watched_stack(options) as stack:
        yield stack


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the demo's shop in it."""
    with watched_stack(Options(state=tmp_path_factory.mktemp("shop") / "state")) as stack:
        yield stack


@pytest.fixture(scope="package")
def agent(chinook: Stack) -> Caller:
    """An agent that may read all of Chinook's catalog."""
    return Caller(chinook.ready, "repo:acme/music:main", {"role": "agent"})


@pytest.fixture(scope="package")
def task(agent: Caller) -> str:
    """A task of the agent's on every table of the catalog, with more budget than the suite uses."""
    tables = list(TABLES)
    reply = agent.call(
        "POST",
        "/v1/tasks",
        {
            "database": "chinook",
            "purpose": "compare answers",
            "access": [{"tables": tables, "actions": ["select"]}],
            "max_statements": 10_000,
            "max_rows": 10_000_000,
        },
    )
    assert reply.status == 201, reply.body
    return str(reply.body["task_id"])


TABLES = (
    "album",
    "artist",
    "customer",
    "genre",
    "invoice",
    "invoice_line",
    "media_type",
    "playlist",
    "playlist_track",
    "track",
)

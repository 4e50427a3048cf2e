"""The search that each stack of the suite ends with finds what is planted in it, place by place.

That nothing is found is told when the stack is stopped: see `tests/support/watched_stack.py`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from postern_local.demo.caller import Caller
from postern_local.loopback import Request, Response
from postern_local.stack import Stack
from tests.support import direct
from tests.support.watched_stack import Answers, leaks_of


@pytest.fixture(scope="module")
def token(shop: Stack) -> str:
    return Caller(shop.ready, "repo:acme/reports:main", {"role": "agent"}).token()


def test_what_is_planted_is_found_in_each_place(shop: Stack, token: str) -> None:
    answers, log = Answers(), Path(shop.ready.state) / "logs" / "planted.log"
    answers.keep(Request("GET", "/v1/tasks", (), b"", ""), Response(200, (), token.encode()))
    log.write_text(f"{token}\n{_a_masked_value(shop)}\n")
    try:
        with _process(token), _session(shop, token):
            found = {str(leak) for leak in leaks_of(shop, answers)}
    finally:
        log.unlink()
    assert found >= {
        "logs/planted.log: token",
        "planted.log: a masked value",
        "answer to GET /v1/tasks: token",
        "pg_stat_activity of shop: token",
    }
    assert any(one.startswith("cmdline of ") for one in found)
    assert not [one for one in found if token[:20] in one]


def _a_masked_value(shop: Stack) -> str:
    _, [[email]] = direct.answer(shop.ready.databases["shop"], "SELECT email FROM customers ORDER BY id LIMIT 1")
    return str(email)


@contextmanager
def _process(word: str) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "input()", word], stdin=subprocess.PIPE) as waiting:
        yield
        waiting.communicate(b"\n")


@contextmanager
def _session(shop: Stack, word: str) -> Iterator[None]:
    with closing(shop.postgres.connect("shop")) as session:
        session.run("PREPARE held AS SELECT 1")  # PostgreSQL's own log, which is the database's, takes no part in it
        session.run(f"/* {word} */ EXECUTE held")
        yield

"""The receipts function's answers to API Gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from functions.receipts import handler as function

from postern.edges.http import Event
from postern.errors import BadRequest, NotFound, Unauthenticated
from postern.identity.context import format_principal
from postern.tlog.tlog_proof import parse_tlog_proof, verify_tlog_proof
from postern.types import Principal
from tests.support.domain import AGENT, NOW_S, OTHER
from tests.support.fake_clock import FakeClock
from tests.support.receipts import KEY, LOG, ORIGIN, Commands, published


@pytest.fixture
def commands() -> Commands:
    return Commands()


def services(commands: Commands, *, log: str = LOG) -> function.Services:
    return function.Services(published(commands).receipts, log, 3600, FakeClock(at_us=NOW_S * 1_000_000))


def event(
    resource: str, who: Principal | None = AGENT, *, query: dict[str, list[str]] | None = None, **path: str
) -> Event:
    return {
        "httpMethod": "GET",
        "resource": resource,
        "pathParameters": path or None,
        "multiValueQueryStringParameters": query,
        "requestContext": {"authorizer": None if who is None else {"principal": format_principal(who)}},
    }


def receipt(command_id: str, who: Principal | None = AGENT, **changes: Any) -> Event:
    return event("/v1/receipts/{command_id}", who, command_id=command_id, **changes)


def test_answers_with_proofs_that_hold_with_the_key_alone(commands):
    mine = commands.run()
    answer = function.respond(receipt(mine), services(commands))
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert {name: body[name] for name in ("command_id", "log", "size")} == {
        "command_id": mine,
        "log": ORIGIN,
        "size": 2,
    }
    for one, (key, data) in zip(body["records"], commands.objects.items(), strict=True):
        assert (one["key"], one["type"]) == (key, json.loads(data)["type"])
        verify_tlog_proof(parse_tlog_proof(one["proof"].encode()), data, [KEY.verifier], ORIGIN)


def test_answers_nobody_without_a_principal_and_nobody_else(commands):
    mine = commands.run()
    with pytest.raises(Unauthenticated):
        function.respond(receipt(mine, None), services(commands))
    with pytest.raises(NotFound):
        function.respond(receipt(mine, OTHER), services(commands))
    with pytest.raises(NotFound):
        function.respond(event("/v1/receipts/{command_id}"), services(commands))


def test_anyone_may_read_the_head(commands):
    commands.run()
    body = json.loads(function.respond(event("/v1/log", None), services(commands))["body"])
    assert body["origin"] == ORIGIN
    assert body["keys"] == [
        {"vkey": str(KEY.verifier), "valid_from": "2026-11-22T10:00:00.000000Z", "valid_until": None}
    ]
    assert body["checkpoint"].startswith(f"{ORIGIN}\n2\n")


def test_an_earlier_epochs_log_is_named_in_the_query(commands):
    mine = commands.run()
    later = services(commands, log="prod-2027")
    with pytest.raises(NotFound):
        function.respond(receipt(mine), later)
    assert function.respond(receipt(mine, query={"log": [LOG]}), later)["statusCode"] == 200
    with pytest.raises(BadRequest):
        function.respond(receipt(mine, query={"log": [LOG, LOG]}), later)


def test_importing_the_handler_reads_nothing():
    """In a process of its own, without any of the environment that the function needs."""
    done = subprocess.run(
        [sys.executable, "-c", "import functions.receipts.handler"],
        capture_output=True,
        env={"PATH": ""},
        cwd=Path(function.__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("resource", ["/v1/log", "/v1/receipts/{command_id}"])
def test_an_empty_name_of_a_log_is_none_and_not_this_log(resource, commands):
    mine = commands.run()
    with pytest.raises(BadRequest, match="log"):
        function.respond(event(resource, query={"log": [""]}, command_id=mine), services(commands))

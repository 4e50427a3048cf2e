"""The inspect function: the parameters it takes, its cursors, and what its answers hold."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from functions.inspect import handler as function

from postern.audit.canonical import canonical_bytes
from postern.audit.record_query import Place
from postern.edges import record_requests
from postern.errors import BadRequest, Unauthenticated
from postern.identity.context import format_principal
from postern.services.stopwatch import Stopwatch
from postern.types import Principal
from tests.support.audit import BASE_US
from tests.support.domain import AGENT, OTHER
from tests.support.records import ALMA, SHOP_TASK, SVEN, Ledger, Shelf

LOG = "prod-2026"


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    ledger = Ledger()
    for second in range(5):
        at_us = BASE_US + second * 1_000_000
        id_, intent = ledger.statement(f"{second} a", SHOP_TASK, at_us)
        ledger.outcome(f"{second} b", id_, intent, SHOP_TASK, at_us + 1)
    return ledger


@pytest.fixture
def shelf(ledger: Ledger) -> Shelf:
    shelf = Shelf()
    shelf.publish_all(ledger)
    return shelf


def call(shelf: Shelf, who: Principal | None = SVEN, /, **parameters: str | list[str]) -> dict[str, Any]:
    """`from_` stands for `from`."""
    given = {name.rstrip("_"): [value] if isinstance(value, str) else value for name, value in parameters.items()}
    event = {
        "httpMethod": "GET",
        "resource": "/v1/records",
        "multiValueQueryStringParameters": given or None,
        "requestContext": {"authorizer": None if who is None else {"principal": format_principal(who)}},
    }
    services = function.Services(shelf.search, LOG, shelf.clock)
    answer = function.respond(event, services, Stopwatch(shelf.clock, 28.0))
    assert answer["statusCode"] == 200
    assert answer["headers"]["Cache-Control"] == "no-store"
    return json.loads(answer["body"])


def test_answers_with_the_records_as_they_were_written(shelf: Shelf, ledger: Ledger):
    body = call(shelf, limit="2", order="asc")
    assert [(one["index"], one["key"], one["unreadable"]) for one in body["records"]] == [
        (0, ledger.keys["0 a"], None),
        (1, ledger.keys["0 b"], None),
    ]
    assert [canonical_bytes(one["record"]) for one in body["records"]] == [ledger.entries["0 a"], ledger.entries["0 b"]]
    assert body["log"] == LOG
    assert (body["audits"], body["audits_all"]) == (["shop"], False)
    assert body["searched"] == {"from_index": 0, "to_index": 2, "slack_s": 3600}
    assert body["tree"] == {"size": 10, "time": "2026-11-22T10:00:04.000001Z"}


def test_shows_of_an_entry_that_is_no_record_why_and_its_digest(shelf: Shelf):
    shelf.publish([b"{}"])
    (first, *_) = call(shelf, ALMA, limit="1")["records"]
    assert first == {
        "index": 10,
        "key": None,
        "record": None,
        "unreadable": {
            "reason": "v: expected 1 (a later version needs a later reader), got none",
            "bytes": 2,
            "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        },
    }


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_by_cursor_to_the_end(shelf: Shelf, order: str):
    found, cursor = [], {}
    while True:
        body = call(shelf, limit="3", order=order, **cursor)
        found += [one["index"] for one in body["records"]]
        if body["next"] is None:
            break
        cursor = {"cursor": body["next"]}
    assert found == (list(range(10)) if order == "asc" else list(range(9, -1, -1)))


def test_asks_for_what_the_parameters_say(shelf: Shelf):
    asked: dict[str, tuple[dict[str, str], int]] = {
        "from": ({"from_": "2026-11-22T10:00:03Z"}, 4),
        "from, with an offset": ({"from_": "2026-11-22T11:00:03+01:00"}, 4),
        "to": ({"to": "2026-11-22T10:00:03.000001Z"}, 7),
        "task": ({"task": SHOP_TASK.id}, 10),
        "another task": ({"task": "f" * 12 + "7" + "f" * 3 + "8" + "f" * 15}, 0),
        "principal": ({"principal": AGENT.id}, 10),
        "another principal": ({"principal": OTHER.id}, 0),
        "database": ({"database": "lab"}, 0),
        "table": ({"table": "customers"}, 10),
        "kind": ({"kind": "grant"}, 0),
        "code": ({"code": "guard.kind"}, 0),
        "log": ({"log": "prod-2025"}, 0),
    }
    counts = {name: len(call(shelf, **given)["records"]) for name, (given, _) in asked.items()}
    assert counts == {name: count for name, (_, count) in asked.items()}


BAD: dict[str, dict[str, str | list[str]]] = {
    "unknown": {"sql": "1"},
    "sent twice": {"task": [SHOP_TASK.id, SHOP_TASK.id]},
    "empty": {"database": ""},
    "long": {"principal": "a" * 2001},
    "task of 31": {"task": SHOP_TASK.id[:-1]},
    "task in capitals": {"task": SHOP_TASK.id.upper()},
    "task that is no UUIDv7": {"task": "0" * 32},
    "task with dashes": {"task": "01a202b2-cce8-7000-8000-00000000000a"},
    "day": {"from_": "2026-11-22"},
    "no offset": {"from_": "2026-11-22T10:00:03"},
    "seven digits": {"to": "2026-11-22T10:00:03.0000001Z"},
    "no such day": {"to": "2026-02-30T10:00:03Z"},
    "order": {"order": "down"},
    "order in capitals": {"order": "ASC"},
    "limit 0": {"limit": "0"},
    "limit 501": {"limit": "501"},
    "limit with a sign": {"limit": "+5"},
    "limit in other digits": {"limit": "٥"},
    "log with a slash": {"log": "a/../b"},
    "log too long": {"log": "a" * 41},
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD.keys())
def test_takes_no_other_parameters(shelf: Shelf, given: dict[str, str | list[str]]):
    with pytest.raises(BadRequest) as refused:
        call(shelf, **given)
    assert refused.value.code == "request.invalid"
    assert "expected" in refused.value.detail


def said(cursor: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def written(value: object) -> str:
    return base64.urlsafe_b64encode(canonical_bytes(value)).rstrip(b"=").decode()


TAMPERED: dict[str, Any] = {
    "no base64url": lambda _: "a+b/",
    "another spelling": lambda text: text[:-1] + chr(ord(text[-1]) + 1),
    "padded": lambda text: text + "=",
    "cut": lambda text: text[:-4],
    "empty": lambda _: "",
    "long": lambda text: text + "A" * 400,
    "no object": lambda _: base64.urlsafe_b64encode(b"[]").decode().rstrip("="),
    "not canonical": lambda text: base64.urlsafe_b64encode(json.dumps(said(text)).encode()).decode().rstrip("="),
    "a version": lambda text: written(said(text) | {"v": 2}),
    "a member more": lambda text: written(said(text) | {"who": "all"}),
    "a member less": lambda text: written({name: value for name, value in said(text).items() if name != "of"}),
    "a size that is true": lambda text: written(said(text) | {"size": True, "at": True}),
    "a size as text": lambda text: written(said(text) | {"size": "10"}),
    "before the first": lambda text: written(said(text) | {"at": -1}),
    "past its tree": lambda text: written(said(text) | {"at": 11}),
    "a larger tree": lambda text: written(said(text) | {"size": 11}),
    "another search": lambda text: written(said(text) | {"of": "0" * 64}),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_cursor_that_was_changed_is_refused(shelf: Shelf, change: Any):
    cursor = call(shelf, limit="3")["next"]
    with pytest.raises(BadRequest):
        call(shelf, limit="3", cursor=change(cursor))


@pytest.mark.parametrize(
    "who", [ALMA, AGENT, replace(SVEN, issuer_url="https://b.example"), replace(SVEN, on_behalf_of="sven")]
)
def test_a_cursor_is_its_callers(shelf: Shelf, who: Principal):
    cursor = call(shelf, limit="3")["next"]
    with pytest.raises(BadRequest):
        call(shelf, who, limit="3", cursor=cursor)


@pytest.mark.parametrize(
    "other",
    [
        {"order": "asc"},
        {"kind": "statement"},
        {"log": "prod-2025"},
        {"database": "shop"},
        {"to": "2027-01-01T00:00:00Z"},
    ],
    ids=["order", "kind", "log", "database", "to"],
)
def test_a_cursor_is_of_the_search_that_it_came_from(shelf: Shelf, other: dict[str, str]):
    cursor = call(shelf, limit="3")["next"]
    with pytest.raises(BadRequest):
        call(shelf, limit="3", cursor=cursor, **other)


def test_a_cursor_that_was_made_up_shows_nothing_that_one_may_not_see(shelf: Shelf):
    """It is not signed: whoever makes one chooses where to go on, and nothing else."""
    shelf.publish([b"?"] * 5)
    query = record_requests.record_query({"multiValueQueryStringParameters": {"order": ["asc"]}}, LOG)
    for size in (7, 15):
        for at in range(size + 1):
            cursor = record_requests.format_cursor(Place(size, at), query, OTHER)
            assert call(shelf, OTHER, order="asc", cursor=cursor)["records"] == []


def test_answers_nobody_without_a_principal(shelf: Shelf):
    with pytest.raises(Unauthenticated):
        call(shelf, None)


def test_importing_the_handler_reads_nothing():
    """In a process of its own, without any of the environment that the function needs."""
    done = subprocess.run(
        [sys.executable, "-c", "import functions.inspect.handler"],
        capture_output=True,
        env={"PATH": ""},
        cwd=Path(function.__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr

"""What the functions log while people and agents use the stack: nothing of a token, a statement, a value or a purpose.

Values that nobody else has are planted wherever one can be sent or stored, on the way to answers and to each kind of
error; then every line that any function wrote is searched for them, in each form that a log could give them.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.support import direct
from tests.support.canaries import canary, forms, found_in, wrapped
from tests.support.stack import wait_until

PLANTED = (
    *("claim", "subject", "purpose", "ticket", "literal", "parameter", "rowvalue", "sqlcomment", "errorvalue"),
    *("refused", "syntax", "lookup", "comment", "reason", "query", "header", "idempotency", "path", "field"),
    *("signature", "database", "transaction", "masked", "typo", "agent"),
    *("actor", "migration"),
)


@dataclass(frozen=True, slots=True)
class Talk:
    """Someone who talks to the stack, and what was answered."""

    stack: Stack
    codes: set[str]

    def as_(self, sub: str, **claims: object) -> Caller:
        return Caller(self.stack.ready, sub, {"note": wrapped("claim"), **claims})

    def say(self, caller: Caller, method: str, path: str, body: object | None = None, **headers: str) -> Any:
        sent = caller.headers() | headers
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.stack.ready.api + path, method=method, data=data, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as refused:
            with refused:
                answer = json.load(refused)
        self.codes.add(answer.get("code", "ok"))
        return answer


@pytest.fixture(scope="module")
def talk(shop: Stack) -> Talk:
    """The stack after it was told everything, and answered in each of its ways."""
    talk = Talk(shop, set())
    agent = talk.as_(f"repo:acme/reports:{canary('subject')}", role="agent", actor=canary("actor"))
    task = _open(talk, agent)
    with _row(shop):
        _ask(talk, agent, task)
    _knock(talk, agent)
    _approve(talk)
    _migrate(talk)
    _end(talk, task)
    return talk


@contextmanager
def _row(shop: Stack) -> Iterator[None]:
    """A row of values that are planted, for as long as it is asked for: others compare answers on this stack."""
    database, value = shop.ready.databases["shop"], canary("rowvalue")
    columns = "customer_id, ordered_at, status, total, shipping, tags"
    row = f"1, now(), 'open', 1, '{{\"to\": \"{value}\"}}', ARRAY['{value}']"
    direct.answer(database, f"INSERT INTO orders ({columns}) VALUES ({row})")
    try:
        yield
    finally:
        direct.answer(database, f"DELETE FROM orders WHERE tags = ARRAY['{value}']")


def _open(talk: Talk, agent: Caller) -> str:
    access = [{"tables": ["customers", "orders"], "actions": ["select"]}]
    asked = {"database": "shop", "purpose": wrapped("purpose"), "ticket": canary("ticket"), "access": access}
    opened = talk.say(agent, "POST", "/v1/tasks", asked, **{"User-Agent": canary("agent")})
    talk.say(agent, "POST", "/v1/tasks", {**asked, "database": canary("database")})
    talk.say(agent, "POST", "/v1/tasks", {**asked, canary("field"): 1})
    return str(opened["task_id"])


STATEMENTS: tuple[dict[str, Any], ...] = (
    {"sql": f"SELECT id, '{canary('literal')}' AS x FROM orders LIMIT 3 /* {canary('sqlcomment')} */"},
    {"sql": "SELECT $1 AS x", "params": [wrapped("parameter")]},
    {"sql": "SELECT tags, shipping FROM orders ORDER BY id DESC LIMIT 5"},
    {"sql": f"SELECT CAST('{canary('errorvalue')}' AS int)"},
    {"sql": "SELECT CAST($1 AS int)", "params": [canary("typo")]},
    {"sql": f"SELECT pg_read_file('{canary('refused')}')"},
    {"sql": f"SELECT * FROM {canary('masked')}"},
    {"sql": f"SELECT '{canary('syntax')}' FORM orders"},
    {"sql": "SELECT id FROM orders", "params": [{"lookup": "pii.email", "value": canary("lookup")}]},
)


def _ask(talk: Talk, agent: Caller, task: str) -> None:
    for body in STATEMENTS:
        talk.say(agent, "POST", f"/v1/tasks/{task}/query", body, **{"Idempotency-Key": f"k{hash(body['sql']) % 10**9}"})
    key = {"Idempotency-Key": canary("idempotency"), "X-Note": canary("header")}
    talk.say(agent, "POST", f"/v1/tasks/{task}/query?{canary('query')}=1", STATEMENTS[0], **key)
    talk.say(agent, "POST", f"/v1/tasks/{task}/query", STATEMENTS[1], **key)
    statements = [{"sql": f"SELECT '{canary('transaction')}'"}, {"sql": f"SELECT 1/0 -- {canary('transaction')}"}]
    talk.say(agent, "POST", f"/v1/tasks/{task}/transaction", {"statements": statements})


def _knock(talk: Talk, agent: Caller) -> None:
    """At doors that do not open: other paths, other tokens."""
    talk.say(agent, "GET", f"/v1/tasks/{canary('path')}")
    talk.say(agent, "POST", f"/v1/tasks/{canary('path')}/query", {"sql": "SELECT 1"})
    talk.say(agent, "GET", f"/v1/receipts/{canary('path')}")
    head, own, _ = agent.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps({"iss": canary("signature"), "kid": canary("signature")}).encode())
    unsigned = f"{head}.{own}.{base64.urlsafe_b64encode(canary('signature').encode() * 10).decode().rstrip('=')}"
    for forged in (
        unsigned,
        f"{head}.{claims.decode().rstrip('=')}.{canary('signature')}",
        canary("signature"),
        "a.b.c",
    ):
        talk.say(agent, "GET", "/v1/tasks", None, Authorization=f"Bearer {forged}")
    talk.say(talk.as_(canary("subject"), role=canary("claim")), "GET", "/v1/tasks")


def _approve(talk: Talk) -> None:
    agent = talk.as_("repo:acme/reports:main", role="agent")
    person = talk.as_("person:ann", role="approver")
    asked = {
        "database": "shop",
        "purpose": wrapped("purpose"),
        "access": [{"tables": ["orders"], "actions": ["select"], "columns": ["id", "total"]}],
        "ttl_s": 7200,
    }
    task = talk.say(agent, "POST", "/v1/tasks", asked)["task_id"]
    word = {"decision": "deny", "comment": wrapped("comment")}
    talk.say(agent, "POST", f"/v1/tasks/{task}/approval", word)
    talk.say(person, "POST", f"/v1/tasks/{task}/approval", word)


def _migrate(talk: Talk) -> None:
    """Approved statements that fail on a value, so that nothing is left of them."""
    agent = talk.as_("repo:acme/reports:main", role="agent")
    price = f"CAST('{canary('migration')}' AS numeric)"
    sql = f"INSERT INTO public.products (name, category, price) VALUES ('x', 'y', {price})"
    asked = {"database": "shop", "purpose": wrapped("purpose"), "statements": [{"sql": sql}]}
    task = talk.say(agent, "POST", "/v1/tasks", asked)["task_id"]
    for person in ("person:ann", "person:bea"):
        word = {"decision": "approve", "comment": wrapped("comment")}
        talk.say(talk.as_(person, role="approver"), "POST", f"/v1/tasks/{task}/approval", word)
    wait_until(lambda: talk.say(agent, "GET", f"/v1/tasks/{task}")["state"] in {"ended", "failed"}, limit_s=60)


def _end(talk: Talk, task: str) -> None:
    operator = talk.as_("person:op", role="approver")
    talk.say(operator, "POST", "/v1/revocations", {"task": task, "reason": wrapped("reason")})
    talk.say(operator, "POST", "/v1/revocations", {"principal": canary("reason"), "reason": canary("reason")})


@pytest.fixture(scope="module")
def written(talk: Talk) -> dict[str, str]:
    """All that each function wrote, by its log's name. PostgreSQL's own log is the database's, and is not ours."""
    logs = Path(talk.stack.ready.state) / "logs"
    return {path.name: path.read_text(errors="replace") for path in logs.glob("postern-*.log")}


def test_the_talk_went_every_way_that_it_should(talk: Talk, written: dict[str, str]) -> None:
    """Else the search below would prove nothing."""
    expected = {"ok", "sql.failed", "sql.syntax", "guard.function", "guard.relation", "task.unknown", "token.signature"}

    assert expected - talk.codes == set()
    assert {f"postern-{name}.log" for name in ("authorize", "query", "tasks", "provision")} <= written.keys()
    assert all('"message":"answered"' in written[f"postern-{name}.log"] for name in ("authorize", "query", "tasks"))


def test_no_log_holds_anything_that_was_planted(written: dict[str, str]) -> None:
    assert {name: held for name, text in written.items() if (held := found_in(text, list(PLANTED)))} == {}


def test_what_was_planted_went_through_to_the_database(talk: Talk) -> None:
    """Whose own log quotes it: there the same search finds it."""
    log = (Path(talk.stack.ready.state) / "logs" / "postgres.log").read_text(errors="replace")

    assert {"errorvalue", "literal", "migration", "sqlcomment", "transaction"} <= found_in(log, list(PLANTED)).keys()


@pytest.mark.parametrize("name", ["purpose", "literal"])
def test_the_search_finds_each_form(name: str) -> None:
    for form in forms(canary(name)):
        assert found_in(f'{{"x": "{form.upper()}"}}', [name]) == {name: form}


def test_base64_is_found_wherever_it_begins() -> None:
    for before in ("", "x", "xy", "xyz"):
        text = base64.b64encode(f"{before}{canary('literal')}{before}".encode()).decode()
        assert found_in(text, ["literal"]), before


def test_each_line_of_a_request_has_its_ids_and_the_last_its_command(written: dict[str, str]) -> None:
    lines = [json.loads(line) for line in written["postern-query.log"].splitlines() if line.startswith('{"level"')]
    answered = [line for line in lines if line["message"] == "answered"]

    assert len(answered) >= len(STATEMENTS)
    assert all(line.keys() >= {"request_id", "correlation_id", "service", "timestamp"} for line in lines)
    ran = [line for line in answered if line["code"] == "ok"]
    assert ran
    assert all(line.keys() >= {"command_id", "task_id", "steps_ms", "status"} for line in ran)
    both = {line["correlation_id"] for line in lines} & _correlations(written["postern-authorize.log"])
    assert len(both) >= len(STATEMENTS)


def _correlations(text: str) -> set[str]:
    return {json.loads(line)["correlation_id"] for line in text.splitlines() if line.startswith('{"level"')}


def test_what_is_counted_has_no_dimension_but_the_three(written: dict[str, str]) -> None:
    counted = [
        json.loads(line) for text in written.values() for line in text.splitlines() if line.startswith('{"_aws"')
    ]
    codes = {one["code"] for one in counted if "code" in one}

    assert counted
    for one in counted:
        [directive] = one["_aws"]["CloudWatchMetrics"]
        assert {name for names in directive["Dimensions"] for name in names} <= {"deployment", "service", "code"}
    assert codes >= {"ok", "sql.failed", "token.signature"}

"""A part is away: the caller gets a code, nothing runs, nothing is half done; and all is well when it is back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from postern_cli.main import main as postern
from postern_local import stack as stacks
from postern_local.demo.caller import Caller, Reply
from postern_local.model import Function
from postern_local.resources import FunctionEnvironment
from postern_local.stack import Options, Stack, run_stack
from tests.support import direct
from tests.support.cut import Cut, Wire

WAITING = "SELECT count(*) FROM order_lines WHERE quantity > 1"  # while somebody else holds the table
DEMO_POLICY, SHOP_SQL = stacks.DEMO / "policy", stacks.DEMO / "shop.sql"

# What the demo's agents may not: set a price.
WRITERS = """
permit (principal, action == Postern::Action::"update", resource == Postern::Table::"shop.public.products");
permit (principal, action == Postern::Action::"autoApprove", resource == Postern::Database::"shop");
"""
RAISE = "UPDATE products SET price = price + 1 WHERE id = 1"


@dataclass
class Bench:
    """A shop whose functions reach S3 and DynamoDB over wires that a test can cut."""

    stack: Stack
    s3: Cut
    dynamodb: Cut
    agent: Caller
    folder: Path

    def open(self) -> Reply:
        access = [{"tables": ["orders", "order_lines"], "actions": ["select"]}]
        return self.agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "faults", "access": access})

    def open_to_write(self) -> Reply:
        access = [{"tables": ["products"], "actions": ["select", "update"]}]
        return self.agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "faults", "access": access})

    def price(self) -> object:
        return self.sql("SELECT price FROM products WHERE id = 1")[0][0]

    def query(self, task_id: str, sql: str = "SELECT count(*) FROM orders") -> Reply:
        return self.agent.call("POST", f"/v1/tasks/{task_id}/query", {"sql": sql})

    def sql(self, statement: str) -> list[list[object]]:
        return direct.answer(self.stack.ready.databases["shop"], statement)[1]

    def roles(self) -> set[object]:
        return {row[0] for row in self.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'task!_%' ESCAPE '!'")}

    @cached_property
    def _bucket(self):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client("s3", endpoint_url=self.stack.ready.aws, region_name="us-east-1", **keys)

    def keys(self) -> set[str]:
        """The keys of all records."""
        pages = self._bucket.get_paginator("list_objects_v2").paginate(Bucket=self.stack.ready.bucket, Prefix="wal/")
        return {item["Key"] for page in pages for item in page.get("Contents", ())}

    def record(self, key: str) -> dict:
        return json.loads(self._bucket.get_object(Bucket=self.stack.ready.bucket, Key=key)["Body"].read())

    def open_intents(self, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """The open intents that `postern audit verify` reports of a pull, which must hold otherwise."""
        ready, log = self.folder / "pulled.json", self.folder / "log"
        ready.write_text(json.dumps({"bucket": self.stack.ready.bucket, "aws": self.stack.ready.aws}))
        assert postern(["audit", "pull", "--ready", str(ready), "--dir", str(log)]) == 0
        capsys.readouterr()
        assert postern(["audit", "verify", "--dir", str(log), "--vkey", self.stack.ready.vkey, "--json"]) == 0
        return [one["key"] for one in json.loads(capsys.readouterr().out)["open"]]

    def statements(self) -> int:
        """How many statements of tasks the database has seen, by its own log."""
        return self.stack.postgres.log.read_text().count("execute <unnamed>: SELECT count(*) FROM orders")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    wires: dict[str, Cut] = {}

    class Wired(FunctionEnvironment):
        """The functions' environment, with two services reached over wires."""

        def __call__(self, function: Function) -> Mapping[str, str]:
            address = urlsplit(self.aws.url)
            for name in ("S3", "DYNAMODB"):
                wires.setdefault(name, Cut((str(address.hostname), int(address.port or 0))))
            over = {f"AWS_ENDPOINT_URL_{name}": f"http://127.0.0.1:{wire.port}" for name, wire in wires.items()}
            return {**super().__call__(function), **over}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks, "FunctionEnvironment", Wired)
        folder = tmp_path_factory.mktemp("faults")
        policy = shutil.copytree(DEMO_POLICY, folder / "policy")
        (policy / "policy" / "writers.cedar").write_text(WRITERS)
        with run_stack(Options(policy=policy, loads=[f"shop={SHOP_SQL}"], state=folder / "state")) as stack:
            agent = Caller(stack.ready, "repo:acme/shop:main", {"role": "agent"})
            made = Bench(stack, wires["S3"], wires["DYNAMODB"], agent, folder)
            made.sql("ALTER SYSTEM SET log_statement = 'all'")
            made.sql("SELECT pg_reload_conf()")
            yield made
    for wire in wires.values():
        wire.close()


@pytest.fixture
def task(bench: Bench) -> Iterator[str]:
    task_id = bench.open().body["task_id"]
    yield task_id
    assert bench.agent.call("DELETE", f"/v1/tasks/{task_id}").status == 200


@contextmanager
def database_down(bench: Bench) -> Iterator[None]:
    """The server takes no connections and drops those that stand."""
    server = bench.stack.postgres

    def admin(statement: str) -> None:
        connection = server.connect("postgres")
        try:
            connection.run(statement)
        finally:
            connection.close()

    admin("ALTER DATABASE shop ALLOW_CONNECTIONS false")
    admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'")
    try:
        yield
    finally:
        admin("ALTER DATABASE shop ALLOW_CONNECTIONS true")


@contextmanager
def cut(wire: Cut, how: Wire) -> Iterator[None]:
    wire.wire = how
    try:
        yield
    finally:
        wire.wire = Wire.WHOLE


FAULTS: dict[str, tuple[Callable[[Bench], object], str]] = {
    "bucket-refuses-connections": (lambda bench: cut(bench.s3, Wire.REFUSES), "evidence.unavailable"),
    "bucket-swallows-connections": (lambda bench: cut(bench.s3, Wire.SWALLOWS), "evidence.unavailable"),
    "table-refuses-connections": (lambda bench: cut(bench.dynamodb, Wire.REFUSES), "state.unavailable"),
    "table-swallows-connections": (lambda bench: cut(bench.dynamodb, Wire.SWALLOWS), "state.unavailable"),
    "database-down": (database_down, "database.unavailable"),
}


@dataclass
class Outage:
    """What came of a statement and of an opening, asked for together: both wait for the same part that is away."""

    code: str
    task: str
    statements: tuple[int, int]  # that the database had seen before and after
    roles: tuple[set[object], set[object]]
    statement: Reply
    opening: Reply


@pytest.fixture(scope="module", params=FAULTS)
def outage(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Outage]:
    fault, code = FAULTS[request.param]
    task_id = bench.open().body["task_id"]
    assert bench.query(task_id).status == 200
    statements, roles = bench.statements(), bench.roles()
    with ThreadPoolExecutor() as callers, fault(bench):
        statement, opening = callers.submit(bench.query, task_id), callers.submit(bench.open)
        replies = statement.result(), opening.result()
    yield Outage(code, task_id, (statements, bench.statements()), (roles, bench.roles()), *replies)
    assert bench.agent.call("DELETE", f"/v1/tasks/{task_id}").status == 200


def test_a_statement_gets_503_runs_nowhere_and_runs_again_when_the_part_is_back(bench, outage):
    assert (outage.statement.status, outage.statement.body["code"]) == (503, outage.code)
    before, after = outage.statements
    assert after == before
    assert bench.query(outage.task).status == 200
    assert bench.statements() == before + 1


def test_a_task_is_not_opened_half(bench, outage):
    assert (outage.opening.status, outage.opening.body["code"]) == (503, outage.code)
    before, after = outage.roles
    assert after == before
    opened = bench.open()
    assert opened.status == 201
    assert bench.agent.call("DELETE", f"/v1/tasks/{opened.body['task_id']}").status == 200
    assert bench.roles() == before


def test_access_ends_even_when_nothing_can_be_recorded(bench):
    task_id = bench.open().body["task_id"]
    with cut(bench.s3, Wire.REFUSES):
        assert bench.agent.call("DELETE", f"/v1/tasks/{task_id}").status == 503
        assert f"task_{task_id}" not in bench.roles()
        assert bench.query(task_id).status == 409
    ended = bench.agent.call("DELETE", f"/v1/tasks/{task_id}")
    assert (ended.status, ended.body["state"]) == (200, "ended")


def test_an_intent_is_locked_before_its_statement_ends_and_stays_open_when_the_function_dies(bench, task, capsys):
    seen = bench.keys()
    answer: list[Reply] = []
    calling = threading.Thread(target=lambda: answer.append(bench.query(task, WAITING)))
    with held(bench, "LOCK TABLE order_lines IN ACCESS EXCLUSIVE MODE"):
        calling.start()
        wait_until(lambda: bool(bench.sql(waits("%FROM%order_lines%"))))
        [key] = bench.keys() - seen
        assert key.endswith("/1-intent.json")
        assert bench.record(key)["statement"]["text"] == WAITING
        assert answer == []
        for pid in bench.stack.lambdas.pids("postern-query"):
            os.kill(pid, signal.SIGKILL)
        calling.join()
    assert answer[0].status >= 500
    assert [one for one in bench.open_intents(capsys) if one not in seen] == [key]
    assert bench.query(task).status == 200


@contextmanager
def held(bench: Bench, statement: str) -> Iterator[None]:
    """What the statement locks is held by another session, so that a task's statement on it waits."""
    connection = bench.stack.postgres.connect("shop")
    try:
        connection.run("BEGIN")
        connection.run(statement)
        yield
        connection.run("ROLLBACK")
    finally:
        connection.close()


def waits(statement: str) -> str:
    """Asks for the statements like this one that wait for a lock."""
    return f"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '{statement}'"


PRODUCT = "SELECT FROM products WHERE id = 1 FOR UPDATE"


@pytest.mark.parametrize("how", [Wire.REFUSES, Wire.SWALLOWS])
def test_a_write_is_undone_where_its_outcome_cannot_be_recorded(bench, capsys, how):
    task_id = bench.open_to_write().body["task_id"]
    before = bench.price()
    seen = bench.keys()
    answer: list[Reply] = []
    writing = threading.Thread(target=lambda: answer.append(bench.query(task_id, RAISE)))
    with held(bench, PRODUCT):
        writing.start()
        wait_until(lambda: bool(bench.sql(waits("UPDATE products%"))))
        bench.s3.wire = how
    try:
        writing.join()
    finally:
        bench.s3.wire = Wire.WHOLE
    assert (answer[0].status, answer[0].body["code"]) == (503, "evidence.unavailable")
    assert bench.price() == before
    [key] = bench.keys() - seen
    assert key.endswith("/1-intent.json")
    assert key in bench.open_intents(capsys)
    assert bench.query(task_id, RAISE).body["affected"] == 1
    assert bench.price() != before
    assert bench.agent.call("DELETE", f"/v1/tasks/{task_id}").status == 200


def test_a_write_is_undone_where_the_function_dies_before_its_outcome_is_on_record(bench):
    task_id = bench.open_to_write().body["task_id"]
    before = bench.price()
    answer: list[Reply] = []
    writing = threading.Thread(target=lambda: answer.append(bench.query(task_id, RAISE)))
    with held(bench, PRODUCT):
        writing.start()
        wait_until(lambda: bool(bench.sql(waits("UPDATE products%"))))
        for pid in bench.stack.lambdas.pids("postern-query"):
            os.kill(pid, signal.SIGKILL)
        writing.join()
    assert answer[0].status >= 500
    wait_until(lambda: not bench.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'UPDATE products%'"))
    assert bench.price() == before
    assert bench.agent.call("DELETE", f"/v1/tasks/{task_id}").status == 200


def wait_until(holds: Callable[[], bool]) -> None:
    """Asks again and again; each look is a query of its own, so that nothing sleeps."""
    for _ in range(2000):
        if holds():
            return
    raise AssertionError("it never came to hold")

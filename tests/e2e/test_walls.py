"""Each layer alone: the wall with the guard off, the guard with a superuser's connection; and what masks deliver."""

from __future__ import annotations

import json

import pg8000.native
import pytest

from postern.guard.check import check
from postern.guard.scope import scope_of
from postern.guard.verdict import Refused
from postern_local.demo.attempts import ATTEMPTS
from postern_local.demo.caller import Caller
from postern_local.demo.raw_values import leaked, sensitive_values
from postern_local.stack import Stack
from tests.support.domain import GRANT


@pytest.fixture(scope="module")
def agent_of_the_shop(shop: Stack) -> Caller:
    return Caller(shop.ready, "repo:acme/shop:main", {"role": "agent"})


@pytest.fixture(scope="module")
def shop_task(agent_of_the_shop: Caller) -> str:
    access = [{"tables": ["customers", "orders", "payments"], "actions": ["select"]}]
    reply = agent_of_the_shop.call("POST", "/v1/tasks", {"database": "shop", "purpose": "walls", "access": access})
    assert reply.status == 201
    return str(reply.body["task_id"])


@pytest.fixture(scope="module")
def raw(shop: Stack) -> frozenset[str]:
    return sensitive_values(shop.postgres)


@pytest.fixture
def as_the_task(shop: Stack, shop_task: str):
    """A connection as the task's role, straight to the database: no guard, no front, no broker."""
    connection = shop.postgres.connect("shop", user=f"task_{shop_task}")
    # A role's settings are its own to change: only its privileges are a wall.
    connection.run("SET default_transaction_read_only = off")
    yield connection
    connection.close()


BEHIND_THE_GUARD = {
    "base table": "SELECT email FROM public.customers",
    "ungranted base table": "SELECT * FROM public.staff",
    "a column of it": "SELECT salary FROM public.staff",
    "the key": "SELECT k FROM postern.task_key",
    "another role": "SET ROLE postern_owner",
    "the superuser": "SET SESSION AUTHORIZATION postgres",
    "a write through the view": "UPDATE customers SET region = 'x'",
    "a delete through the view": "DELETE FROM orders",
    "a new table": "CREATE TABLE t (x int)",
    "a new table in public": "CREATE TABLE public.t (x int)",
    "a temporary table": "CREATE TEMP TABLE t (x int)",
    "a new function": "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
    "a new schema": "CREATE SCHEMA s",
    "a file": "SELECT pg_read_file('/etc/passwd')",
    "a program": "COPY (SELECT 1) TO PROGRAM 'id'",
    "statistics of raw values": "SELECT 1 / count(*) FROM pg_stats WHERE schemaname || tablename = 'publiccustomers'",
    "a copy": "COPY public.customers TO STDOUT",
    "other sessions": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "hashes of passwords": "SELECT * FROM pg_authid",
    "a system column": "SELECT ctid FROM customers",
    "the table a row is of": "SELECT tableoid FROM orders",
    "the transaction a row is of": "SELECT xmin FROM orders",
    "a lock": "BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE",
    "emptying a view": "TRUNCATE orders",
    "emptying a table": "TRUNCATE public.orders",
    "a copy into a view": "COPY orders FROM STDIN",
    "a merge": "MERGE INTO public.orders USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "a rule": "CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING",
    "its own view": "ALTER VIEW customers SET (security_barrier = false)",
    "a function with others' rights": "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1",
    "a number of a sequence": "SELECT nextval('public.orders_id_seq')",
    "a token of its choice": "SELECT postern.lookup_token(current_user, 'text', 'x')",
    "a large object from a file": "SELECT lo_import('/etc/hostname')",
    "triggers off": "SET session_replication_role = replica",
    "out of its path": "SELECT set_config('search_path', 'public', false), (SELECT max(salary) FROM public.staff)",
}


@pytest.mark.parametrize("sql", BEHIND_THE_GUARD.values(), ids=BEHIND_THE_GUARD.keys())
def test_the_wall_holds_without_the_guard(as_the_task, sql):
    with pytest.raises(pg8000.native.DatabaseError) as caught:
        as_the_task.run(sql)
    assert caught.value.args[0]["C"] in {"42501", "22012", "42P01", "42703", "42809"}


def test_the_wall_shows_masks_without_the_guard(as_the_task, raw):
    rows = as_the_task.run("SELECT c::text FROM customers c UNION ALL SELECT p::text FROM payments p WHERE p.id <= 500")
    delivered = "\n".join(row for (row,) in rows)
    assert leaked(delivered, raw) == []


@pytest.mark.parametrize("attempt", [one for one in ATTEMPTS if one.status == 403], ids=lambda one: one.by)
def test_the_guard_refuses_without_the_wall(shop, attempt):
    """Even where the statement would run: a superuser's connection is not asked, because the guard said no."""
    verdict = check(attempt.sql, scope_of(GRANT, 18))
    assert isinstance(verdict, Refused)


def test_what_the_guard_refuses_would_have_run_for_a_superuser(shop):
    connection = shop.postgres.connect("shop")
    try:
        assert connection.run("SELECT salary FROM public.staff")
    finally:
        connection.close()


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda one: one.by)
def test_no_raw_value_leaves(raw, agent_of_the_shop, shop_task, attempt):
    reply = agent_of_the_shop.call("POST", f"/v1/tasks/{shop_task}/query", {"sql": attempt.sql})
    assert (reply.status, reply.body.get("code")) == (attempt.status, attempt.code)
    assert leaked(json.dumps(reply.body), raw) == []

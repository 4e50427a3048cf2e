"""Calls whose function was killed at a point that a test chooses, over the stores of a site."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from postern.ports import Finished, IdempotencyKey
from postern.services.calls import Answers, StatementCall
from postern.types import Sha256Hex, minus
from tests.services.test_run_statements import Bench
from tests.services.test_transact import READ, UPDATE, WRITABLE, WROTE
from tests.support.domain import BUDGETS, NOW_S, TASK_ID, a_task
from tests.support.reap_fakes import Died
from tests.support.reap_site import Site

KEY = IdempotencyKey("once", Sha256Hex("a" * 64))


def begun_site() -> Site:
    """An open task, in a log that has begun."""
    site = Site()
    site.tasks.create(a_task(grant=WRITABLE, expires_at_s=NOW_S + 86_400, ttl_s=3600))
    site.minute()
    site.minute()
    return site


def query_of(site: Site) -> Bench:
    """The query function in a fresh environment; its threads are to be shut down."""
    bench = Bench(tasks=site.tasks, records=site.records(), clock=site.clock)
    bench.watermarks.mark = site.mark()
    bench.database.result = WROTE
    return bench


def die(*_: object, **__: object) -> None:
    raise Died


def call(bench: Bench, *sqls: str, key: IdempotencyKey | None = KEY) -> Answers | Finished:
    return bench.call(*(StatementCall(sql, (), 10) for sql in sqls), key=key)


def killed(bench: Bench, *sqls: str, key: IdempotencyKey | None = KEY) -> None:
    with pytest.raises(Died):
        call(bench, *sqls, key=key)


def killed_while_it_runs(bench: Bench, *sqls: str) -> None:
    bench.database.before_run = die
    killed(bench, *sqls or (READ,))
    bench.database.before_run = lambda: None


def killed_before_commit(bench: Bench, *sqls: str) -> None:
    """Its outcomes are pending, and only the database knows."""
    bench.database.before_commit = die
    killed(bench, *sqls or (UPDATE,))
    bench.database.before_commit = lambda: None


def story(site: Site) -> list[str]:
    """The records of statements by type and status, in the order of their writing."""
    return [f"{one['type']} {one.get('status', '')}".strip() for one in site.written(kind="statement")]


def used(site: Site) -> dict[str, int]:
    """What is off the budgets, but for bytes."""
    spent = asdict(minus(BUDGETS, site.tasks.tasks[TASK_ID].budgets))
    return {name: amount for name, amount in spent.items() if amount and name != "bytes"}

"""The function's own work on a statement, and on opening a task, as catalog, grant, policies and statement grow.

Processor time, handler in to answer out, over ports that answer at once: see `bench.own_cost_site`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from bench.growth.layers import asked, bundle_of, files_of, names, task_on
from bench.growth.series import Series, measured, up_to
from bench.own_cost_shapes import SHAPES
from bench.own_cost_site import LOCAL_ISSUER, asking, over_fakes
from postern.edges.task_items import format_scope, parse_scope
from postern.identity.issuer_url import LocalIssuer
from postern.packed_cells import packed
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.ports import Result
from postern.types import Task

SIZES = (10, 100, 1_000, 5_000)
POLICIES = (10, 100, 1_000, 10_000)
LENGTHS = (100, 1_000, 10_000, 50_000)  # characters
ROWS = (1, 10, 100, 1_000, 10_000)
NARROW = ("t0",)
POINT_RESULT = SHAPES[0].result
POINT = "SELECT id, c1 FROM t0 WHERE id = $1"


def own_cost(repeats: int, most: int) -> Iterator[Series]:
    """A point lookup's, whatever lies around it; and a statement's by its length and by its rows."""
    layers = {size: bundle_of(tables=size // 5, columns=5) for size in up_to(most, SIZES)}
    one_table = {size: _asking(bundle, task_on(bundle, NARROW)) for size, bundle in layers.items()}
    yield _series("point lookup", "columns in the catalog", one_table, repeats)
    granted = {size: _asking(bundle, task_on(bundle, names(size // 5))) for size, bundle in layers.items()}
    yield _series("point lookup", "columns of the task", granted, repeats)
    by_tables = {size: bundle_of(tables=size, columns=2) for size in up_to(most, SIZES)}
    wide = {size: _asking(bundle, task_on(bundle, names(size))) for size, bundle in by_tables.items()}
    yield _series("point lookup", "tables of the task", wide, repeats)
    ruled = {size: bundle_of(policies=size) for size in up_to(most, POLICIES)}
    under = {size: _asking(bundle, task_on(bundle, NARROW)) for size, bundle in ruled.items()}
    yield _series("point lookup", "policies", under, repeats)
    bundle, task = layers[10], task_on(layers[10], NARROW)
    texts = {size: _asking(bundle, task, long_statement(size)) for size in up_to(most * 10, LENGTHS)}
    yield _series("statement", "its characters", texts, repeats, times=2)
    rows = {size: _asking(bundle, task, result=rows_of(size)) for size in up_to(most, ROWS)}
    yield _series("statement", "its rows of 2", rows, repeats, times=2)


def first_statements(repeats: int, most: int) -> Iterator[Series]:
    """What an environment does at a task's first statement in it: the scope as the state table keeps it, read."""
    items = {size: _scope_item(size) for size in up_to(most, SIZES)}
    reads = {size: partial(parse_scope, item) for size, item in items.items()}
    yield _series("a task's first statement in an environment", "columns of the task", reads, repeats)


def openings(repeats: int, most: int) -> Iterator[Series]:
    """Policy's decision on a request for one table, where a task is opened; and loading the layer, at a cold start."""
    catalogs = {size: files_of(tables=size // 5) for size in up_to(most, SIZES)}
    rules = {size: files_of(policies=size) for size in up_to(most, POLICIES)}
    few = max(3, repeats // 5)
    for of, files in (("columns in the catalog", catalogs), ("policies", rules)):
        bundles = {size: _load(one, decides=True) for size, one in files.items()}
        asks = {size: partial(asked, bundle, NARROW) for size, bundle in bundles.items()}
        yield _series("deciding on a task", of, asks, repeats, times=3)
        whole = {size: partial(_load, one, decides=True) for size, one in files.items()}
        yield _series("loading the layer, to decide", of, whole, few, times=1)
        spared = {size: partial(_load, one, decides=False) for size, one in files.items()}
        yield _series("loading the layer, for statements", of, spared, repeats, times=1)


def rows_of(count: int) -> Result:
    """So many rows of an id and a word."""
    columns = POINT_RESULT.columns[:2]
    values = (packed([str(n) for n in range(count)]), packed([f"word {n}" for n in range(count)]))
    return Result(columns, values, count, affected=None, truncated=False, received_bytes=count * 20)


def _series(name: str, of: str, calls: Mapping[int, Callable[[], object]], repeats: int, *, times: int = 10) -> Series:
    return Series(name, of, "ms", measured(calls, repeats=repeats, times=times))


def long_statement(characters: int) -> str:
    """A statement of about so many characters: what generated SQL is long by, a list of values."""
    head = "SELECT id, c1 FROM t0 WHERE id = $1 OR id IN (1"
    return head + "".join(f", {number}" for number in range(10_000, 10_000 + max(0, characters - len(head)) // 7)) + ")"


class _EveryStatement(dict[str, Result]):
    """One result for whatever is sent."""

    def __missing__(self, _sql: str) -> Result:
        return next(iter(self.values()))


def _asking(bundle: PolicyBundle, task: Task, sql: str = POINT, result: Result = POINT_RESULT) -> Callable[[], object]:
    ask = asking(over_fakes(bundle, task, _EveryStatement(one=result)), sql, (7,))
    answer = ask()
    if answer["statusCode"] != 200:
        raise SystemExit(f"bench: expected 200, got {answer['statusCode']} {answer['body']}")
    return ask


def _scope_item(columns: int) -> Mapping[str, Any]:
    return format_scope(task_on(bundle_of(tables=columns // 5), names(columns // 5)), 1)


def _load(files: Mapping[str, bytes], *, decides: bool) -> PolicyBundle:
    return parse_bundle(files, local=LocalIssuer(LOCAL_ISSUER), decides=decides)

"""Which parts of a statement take its processor time: each is timed where it is called, without the parts inside it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from functions.query import handler

from bench.own_cost_ports import AtOnceRecords, AtOnceTasks
from postern.edges import correlation, invocation
from postern.edges.meter import Meter
from postern.edges.statement_routes import Route
from postern.services import run_statements
from postern.services.admission import Admission
from postern.services.journal import Journal
from postern.services.kept_scope import KeptScope
from postern.services.run_statements import RunStatements

Owner = Any  # a module or a class
_PARTS: Sequence[tuple[str, Owner, Sequence[str]]] = (
    ("the log's line of the answer", invocation, ["_end"]),
    ("ids of the invocation", correlation, ["begin"]),
    ("metrics of the answer", Meter, ["add", "add_steps", "answer", "flush"]),
    ("the principal, parsed anew", handler, ["parse_principal"]),
    ("the body, parsed", Route, ["call"]),
    ("the answer's JSON", Route, ["body"]),
    ("admission: ids, key, reservation asked", Admission, ["admit"]),
    ("the guard's scope", KeptScope, ["of"]),
    ("the guard", run_statements, ["check"]),
    ("the intent, put together", Journal, ["intend"]),
    ("the outcome, put together", Journal, ["succeed"]),
    ("canonical bytes, chain, keys of both records", AtOnceRecords, ["put"]),
    ("detectors, masks counted, rows as JSON", run_statements, ["deliver"]),
    ("bounds and the statement's call", RunStatements, ["_read"]),
    ("giving back", RunStatements, ["_finish"]),
    ("handing over to a thread, and waiting", concurrent.futures.ThreadPoolExecutor, ["submit"]),
    ("handing over to a thread, and waiting", concurrent.futures.Future, ["result", "exception"]),
    ("the fakes themselves", AtOnceTasks, ["reserve", "settle"]),
)
_REST = "all the rest"


def largest_parts(ask: Callable[[], object], rounds: int, *, most: int = 10) -> list[tuple[str, float, float]]:
    """The largest parts: name, milliseconds at the median, and share of the whole. Timing adds a tenth to the whole."""
    spent: list[dict[str, float]] = []
    with _timed() as inside:
        for _ in range(rounds):
            inside.clear()
            begun = time.process_time()
            ask()
            whole = time.process_time() - begun
            spent.append({**inside, _REST: whole - sum(inside.values())})
    names = {name for one in spent for name in one}
    medians = {name: statistics.median(one.get(name, 0.0) for one in spent) * 1000 for name in names}
    whole_ms = sum(medians.values())
    ordered = sorted(medians, key=lambda name: (name == _REST, -medians[name]))
    return [(name, medians[name], medians[name] / whole_ms) for name in ordered[:most]]


@contextlib.contextmanager
def _timed() -> Iterator[dict[str, float]]:
    """While it is entered, each part adds the seconds that its own thread spent in it and in no part below."""
    inside: dict[str, float] = defaultdict(float)
    below = threading.local()
    with contextlib.ExitStack() as undone:
        for part, owner, names in _PARTS:
            for name in names:
                undone.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, _timing(part, getattr(owner, name), inside, below))
        yield inside


def _timing(
    part: str, call: Callable[..., Any], inside: dict[str, float], below: threading.local
) -> Callable[..., Any]:
    @functools.wraps(call)
    def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any call's
        around: list[float] = below.__dict__.setdefault("around", [])
        around.append(0.0)
        begun = time.thread_time()
        try:
            return call(*arguments, **named)
        finally:
            spent = time.thread_time() - begun
            inside[part] += spent - around.pop()
            if around:
                around[-1] += spent

    return timed

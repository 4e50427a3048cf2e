"""The query function's service over the local stack, with ports in memory in the place of some of its own.

A fake of `tests/support` stands for the state table, which its contract is tested on. Evidence in memory is the real
record store over a client that keeps the bytes: keys, chain, canonical bytes and digests are made as ever. Tokens need
no place of their own: the kept session asks for one when it is opened, before anything is measured.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.query import handler
from tests.support.fake_task_store import FakeTaskStore
from tests.support.rates import FakeRates
from tests.support.shared_keys import MemoryKeySets

from postern.edges.authorizer_table import AuthorizerTable
from postern.edges.issuers_file import load_issuers
from postern.edges.jwks import IssuerKeys
from postern.edges.postgres.connect import open_connection
from postern.edges.postgres.sessions import KeptSession
from postern.edges.postgres.wire import AgentConnection
from postern.edges.record_store import S3RecordStore
from postern.edges.system import SystemClock
from postern.ports import RecordStore, TaskStore
from postern.reaped import Watermark
from postern.services.authorize import Authorize
from postern.services.run_statements import RunStatements
from postern.types import DatabaseAddress, Task, TaskId
from postern.world.names import role_name

if TYPE_CHECKING:
    from bench.own_process import Plan


@dataclass(frozen=True, slots=True)
class Composed:
    """What the handlers call."""

    run: RunStatements
    authorize: Authorize


@dataclass(slots=True)
class MemoryBucket:
    """The part of S3's client that the record store calls: objects are created once, and kept."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, *, Key: str, Body: bytes, **_: object) -> None:  # noqa: N803 - S3's own names
        if self.objects.setdefault(Key, Body) is not Body:
            raise RuntimeError(f"{Key}: expected a key that holds nothing, got one that does")


class FreshWatermarks:
    """A log that is up to date."""

    def read(self, log: str) -> Watermark:  # noqa: ARG002 - of any log
        return Watermark(time.time_ns() // 1000, 0)


def compose(plan: Plan) -> Composed:
    """The services of this process, whose environment is the query function's."""
    run = handler.services()
    if plan.evidence_in_memory:
        run = replace(run, journal=replace(run.journal, records=_in_memory(run.journal.records)))
    if plan.past_the_front:
        run = replace(run, database=KeptSession(_over_socket(plan.socket)))
    if plan.state_in_memory:
        run = _with_state(run, plan.task_id)
    # An issuer's keys are in the process after the first call: no call that is measured asks for them.
    clock = SystemClock()
    keys = IssuerKeys(clock, MemoryKeySets())
    return Composed(run, Authorize(load_issuers(os.environ), keys, AuthorizerTable(os.environ), clock))


def _in_memory(records: RecordStore) -> RecordStore:
    assert isinstance(records, S3RecordStore)
    client: Any = MemoryBucket()
    return S3RecordStore(client, records.bucket, records.source, records.retain_until_s)


def _with_state(run: RunStatements, task_id: TaskId) -> RunStatements:
    """With the task as the state table has it, in memory from here on."""
    task = run.tasks.get(task_id)
    if task is None:
        raise RuntimeError(f"{task_id}: expected a task that stands, got none")
    tasks: TaskStore = FakeTaskStore(tasks={task_id: task})
    gate = replace(run.admission.gate, watermarks=FreshWatermarks())
    return replace(run, tasks=tasks, admission=replace(run.admission, tasks=tasks, rates=FakeRates(), gate=gate))


def _over_socket(path: Path) -> Callable[[Task, DatabaseAddress], AgentConnection]:
    """Opens sessions as a task's role where the server trusts the user's name: no token, no TLS, no front."""

    def open_as_task(task: Task, address: DatabaseAddress) -> AgentConnection:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return open_connection(sock, user=role_name(task.id), database=address.dbname, application_name="postern")

    return open_as_task

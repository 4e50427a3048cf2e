"""A function's environment, copied as SnapStart copies one: `python -m tests.support.snapshot_process query 3`.

The process imports the handler and runs what is to run before a snapshot. Then it is forked; each child is a copy of
all that was in memory, and first runs what is to run after a restore. Where a fork is not what a restored snapshot is,
it is made so: a copy keeps its process id, and the state of Python's generator, which Python draws anew after a fork.

Prints what the snapshot held, and what each copy came to, as JSON. Sends nothing: records go to a client of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import snapshot_restore_py as hooks  # type: ignore[import-untyped]

from postern.audit.records import Record, RecordType
from postern.edges.record_store import S3RecordStore
from postern.edges.system import SystemIdentifiers
from postern.types import CommandId

Hook = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]
PROCESS_ID = 8  # of every copy, as of the snapshot
RECORD = CommandId("019aab11-5d00-7000-8000-000000000001")


class Kept:
    """Takes what a record store puts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def put_object(self, **request: Any) -> dict[str, str]:
        self.bodies.append(request["Body"])
        return {}


def main(function: str, copies: int) -> None:
    os.getpid = lambda: PROCESS_ID
    importlib.import_module(f"functions.{function}.handler")
    before, after = hooks.get_before_snapshot(), hooks.get_after_restore()
    for call, arguments, named in reversed(before):
        call(*arguments, **named)
    state = random.getstate()
    held = {
        "hooks": len(before),
        "stores": len(stores()),
        "threads": threading.active_count(),
        "sockets": sockets(),
        "credentials": credentials(),
    }
    told = [copy(after, state) for _ in range(copies)]
    print(json.dumps({"snapshot": held, "copies": told}))


def copy(after: Sequence[Hook], state: Any) -> dict[str, Any]:
    """What a copy of this process comes to."""
    reads, writes = os.pipe()
    if os.fork() == 0:
        random.setstate(state)
        for call, arguments, named in after:
            call(*arguments, **named)
        os.write(writes, json.dumps(drawn()).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as told:
        return dict(json.load(told))


def drawn() -> dict[str, Any]:
    """Everything that must be different in each copy."""
    identifiers = SystemIdentifiers()
    return {
        "credentials": credentials(),  # before the records' client is exchanged for one that keeps them
        "writer": [writer_of(store) for store in stores()],
        "command_id": identifiers.command_id(1_790_000_000_000_000),
        "task_id": identifiers.task_id(),
        "key": identifiers.key().hex(),
        "random": random.random(),
        "uuid": str(uuid.uuid4()),
    }


def stores() -> list[S3RecordStore]:
    return [one for one in gc.get_objects() if isinstance(one, S3RecordStore)]


def writer_of(store: S3RecordStore) -> str:
    """The chain of the first record that the store writes."""
    kept = Kept()
    store.client = kept  # type: ignore[assignment]
    store.put(Record(RecordType.EVENT, "deploy", RECORD, 1_790_000_000_000_000, {}))
    return str(json.loads(kept.bodies[0])["writer"]["env"])


def sockets() -> int:
    """Connections of this process: in a copy of it they lead nowhere, or to where another speaks."""
    links = (f"/proc/self/fd/{one}" for one in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.islink(link))


def credentials() -> list[str]:
    """Ids of the keys that the clients would sign with now."""
    stores_ = stores()
    signers = [one.client._request_signer for one in stores_ if hasattr(one.client, "_request_signer")]
    found = {signer._credentials.get_frozen_credentials().access_key for signer in signers}
    return sorted(found)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

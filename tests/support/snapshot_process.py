"""Functions' environments, copied as SnapStart copies one.

Standard input is one JSON object: how many `copies` each has, and `environments`, each with its name, its `function`
and its `variables`. Each is a process of its own, forked of this one before it has any of its variables: it imports the
handler and runs what is to run before a snapshot. Then it is forked; each child is a copy of all that was in memory,
and first runs what is to run after a restore. Where a fork is not what a restored snapshot is, it is made so: a copy
keeps its process id, and the state of Python's generator, which Python draws anew after a fork.

Prints what each snapshot held, and what each copy came to, as JSON. Sends nothing: records go to a client of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import snapshot_restore_py as hooks  # type: ignore[import-untyped]

from postern.audit.records import Record, RecordType
from postern.edges.record_store import S3RecordStore
from postern.edges.system import SystemIdentifiers
from postern.types import CommandId

# What the functions load alike is loaded once for all of them: nothing is compared between functions.
SHARED = ("cedarpy", "postgast", "postern.edges.postgres.wire", "postern.edges.roots", "postern.policy.rules")

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


def main() -> None:
    given = json.load(sys.stdin)
    for name in SHARED:
        importlib.import_module(name)
    told = {
        name: in_fork(partial(environment, one["function"], one["variables"], given["copies"]))
        for name, one in given["environments"].items()
    }
    print(json.dumps(told))


def environment(function: str, variables: Mapping[str, str], copies: int) -> dict[str, Any]:
    """What a snapshot of this process holds once it is the function's, and what each copy of it comes to."""
    os.environ.clear()
    os.environ.update(variables)
    os.getpid = lambda: PROCESS_ID
    importlib.import_module(f"functions.{function}.handler")
    before, after = hooks.get_before_snapshot(), hooks.get_after_restore()
    for call, arguments, named in reversed(before):
        call(*arguments, **named)
    state = random.getstate()
    held_stores = stores()
    held = {
        "hooks": len(before),
        "stores": len(held_stores),
        "threads": threading.active_count(),
        "sockets": sockets(),
        "credentials": credentials(held_stores),
    }
    return {"snapshot": held, "copies": [in_fork(partial(copy, after, state, held_stores)) for _ in range(copies)]}


def copy(after: Sequence[Hook], state: Any, held: Sequence[S3RecordStore]) -> dict[str, Any]:
    """What this process comes to, as a copy of a snapshot."""
    random.setstate(state)
    for call, arguments, named in after:
        call(*arguments, **named)
    return drawn(held)


def in_fork(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the call gives in a fork of this process. Where it raises, the fork prints why, and there is no JSON."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writes, json.dumps(call()).encode())
        except Exception:  # noqa: BLE001 - nothing else of the parent's program may run here
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as told:
        data = told.read()
    os.waitpid(child, 0)
    return dict(json.loads(data))


def drawn(held: Sequence[S3RecordStore]) -> dict[str, Any]:
    """Everything that must be different in each copy."""
    identifiers = SystemIdentifiers()
    return {
        "credentials": credentials(held),  # before the records' client is exchanged for one that keeps them
        "writer": [writer_of(store) for store in held],
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


def credentials(held: Sequence[S3RecordStore]) -> list[str]:
    """Ids of the keys that the stores' clients would sign with now."""
    signers = [one.client._request_signer for one in held if hasattr(one.client, "_request_signer")]
    found = {signer._credentials.get_frozen_credentials().access_key for signer in signers}
    return sorted(found)


if __name__ == "__main__":
    main()

"""The steps of a smoke test, each with its time; the task ends whatever happened."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from postern.audit.digests import sha256_hex
from postern.audit.stored import parse_record
from postern.errors import IntegrityError
from postern.tlog.notes import VerifierKey
from postern.tlog.origins import log_of
from postern.tlog.tlog_proof import parse_tlog_proof, verify_tlog_proof
from postern_cli.gate.client import Answer, ApiClient
from postern_cli.stop import Exit, Stop
from postern_cli.vkeys import read_vkey

Given = TypeVar("Given")
PURPOSE = "smoke test after a deploy"
TTL_S = 300
_ASKED_EVERY_S = 1.0
_RECORDS = {"intent": "intent_sha256", "outcome": "outcome_sha256"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What to do, and how long to wait for the proof."""

    database: str
    table: str
    sql: str
    vkey: str | None
    wait_s: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `told` says what came of it."""

    name: str
    ok: bool
    took_s: float
    told: str


@dataclass(slots=True)
class Run:
    """All steps that were taken, and what stopped the first that failed."""

    steps: list[Step] = field(default_factory=list)
    key_from: str = "the gate"
    failure: Stop | None = None

    def take(self, name: str, step: Callable[[], tuple[str, Given]]) -> Given:
        """What the step gives. Raises the `Stop` that it raised, once that is noted."""
        begun = time.monotonic()
        try:
            told, given = step()
        except Stop as stop:
            self.steps.append(Step(name, ok=False, took_s=time.monotonic() - begun, told=stop.line))
            self.failure = self.failure or stop
            raise
        self.steps.append(Step(name, ok=True, took_s=time.monotonic() - begun, told=told))
        return given


def go_through(client: ApiClient, asked: Asked, *, sleep: Callable[[float], None] = time.sleep) -> Run:
    """Every step in its turn, up to the first that fails; a task that was opened is ended in any case.

    Raises `Stop` for a verifier key that is none, before anything is sent.
    """
    run = Run(key_from="the gate" if asked.vkey is None else "you")
    given = None if asked.vkey is None else read_vkey(asked.vkey)
    try:
        run.take("health", lambda: _health(client))
        keys = run.take("log", lambda: _keys(client, given))
        task = run.take("open", lambda: _open(client, asked))
    except Stop:
        return run
    with contextlib.suppress(Stop):  # it is noted, and the task is ended all the same
        answer = run.take("query", lambda: _query(client, task, asked.sql))
        run.take("prove", lambda: _prove(client, answer, keys, asked.wait_s, sleep))
    with contextlib.suppress(Stop):
        run.take("end", lambda: _end(client, task))
    return run


def _health(client: ApiClient) -> tuple[str, None]:
    client.call("GET", "/healthz")
    return "the gate answers", None


def _keys(client: ApiClient, given: VerifierKey | None) -> tuple[str, list[VerifierKey]]:
    if given is not None:
        return f"{given.name}, by the key that was given", [given]
    body = _body(client.call("GET", "/v1/log"))
    try:
        keys = [read_vkey(str(key["vkey"])) for key in body["keys"] if key["valid_until"] is None]
    except (KeyError, TypeError) as error:
        raise _another_answer("/v1/log") from error
    if not keys:
        raise Stop(Exit.UNKNOWN, "/v1/log: expected a key that signs the log, got none yet")
    return f"{keys[0].name}, by a key of the gate's own", keys


def _open(client: ApiClient, asked: Asked) -> tuple[str, str]:
    access = [{"tables": [asked.table], "actions": ["select"]}]
    body = _body(
        client.call(
            "POST",
            "/v1/tasks",
            {"database": asked.database, "purpose": PURPOSE, "access": access, "ttl_s": TTL_S, "max_statements": 1},
        )
    )
    task, state = body.get("task_id"), body.get("state")
    if not isinstance(task, str):
        raise _another_answer("/v1/tasks")
    if state != "active":
        client.ask("DELETE", f"/v1/tasks/{task}")
        raise Stop(
            Exit.REFUSED, f"task {task}: expected it to be active, got {state}: name a table that needs no approval"
        )
    return f"task {task} on {asked.database}", task


def _query(client: ApiClient, task: str, sql: str) -> tuple[str, Mapping[str, Any]]:
    body = _body(client.call("POST", f"/v1/tasks/{task}/query", {"sql": sql}))
    if not isinstance(body.get("command_id"), str) or not isinstance(body.get("receipt"), dict):
        raise _another_answer("query")
    return f"{body.get('row_count')} rows, command {body['command_id']}", body


def _prove(
    client: ApiClient, answer: Mapping[str, Any], keys: list[VerifierKey], wait_s: int, sleep: Callable[[float], None]
) -> tuple[str, None]:
    """Waits for the receipt, and holds each record in it to the answer's digests and to the log's key."""
    path = f"/v1/receipts/{answer['command_id']}?log={log_of(keys[0].name)}"
    until = time.monotonic() + wait_s
    while True:
        told = client.ask("GET", path)
        records = told.body.get("records") if told.status == 200 and isinstance(told.body, dict) else None
        if (
            isinstance(records, list)
            and {one.get("type") for one in records if isinstance(one, dict)} >= _RECORDS.keys()
        ):
            break
        if time.monotonic() >= until:
            raise Stop(
                Exit.UNKNOWN, f"receipt: expected both records in the log within {wait_s} s, got status {told.status}"
            )
        sleep(_ASKED_EVERY_S)
    try:
        places = [_check(one, answer, keys) for one in records if one["type"] in _RECORDS]
    except (KeyError, TypeError, AttributeError) as error:
        raise _another_answer("receipt") from error
    except IntegrityError as error:
        raise Stop(Exit.REFUSED, f"receipt: does not hold: {error.detail}") from error
    return f"entries {', '.join(places)} of {keys[0].name}", None


def _check(record: Mapping[str, Any], answer: Mapping[str, Any], keys: list[VerifierKey]) -> str:
    """The record's place in the log, proved. Raises `IntegrityError` or `Stop`."""
    proof = parse_tlog_proof(str(record["proof"]).encode())
    entry = proof.unverified_extra
    if entry is None:
        raise _another_answer("receipt")
    head = verify_tlog_proof(proof, entry, keys, keys[0].name)
    stored = parse_record(entry)
    expected = answer["receipt"][_RECORDS[record["type"]]]
    if sha256_hex(entry) != expected or stored.id != answer["command_id"] or stored.type.value != record["type"]:
        raise Stop(
            Exit.REFUSED, f"receipt: does not hold: expected the {record['type']} that was answered, got another record"
        )
    return f"{proof.index:,}/{head.size:,}"


def _end(client: ApiClient, task: str) -> tuple[str, None]:
    body = _body(client.call("DELETE", f"/v1/tasks/{task}"))
    if body.get("state") not in ("ended", "ending", "expired"):
        raise Stop(Exit.REFUSED, f"task {task}: expected it to end, got {body.get('state')}")
    return f"the task is {body['state']}", None


def _body(answer: Answer) -> Mapping[str, Any]:
    if not isinstance(answer.body, dict):
        raise _another_answer("the gate")
    return answer.body


def _another_answer(what: str) -> Stop:
    return Stop(Exit.UNKNOWN, f"{what}: expected an answer of its form, got another: is this address the gate's?")

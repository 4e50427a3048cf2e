"""What an agent may do with a task of its, and how often: reads, writes, refusals, and questions about task and log."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.soak.load import asks
from tests.soak.load.desk import commands_of
from tests.soak.load.holding import STATEMENTS, Holding
from tests.soak.load.seen import Command, is_unserved

if TYPE_CHECKING:
    from tests.soak.load.agent import Agent

Act = Callable[["Agent", Holding, random.Random, float], None]
_PROVED_WITHIN_S = 300.0  # by then a record is in the log, whatever was saturated meanwhile


def read(agent: Agent, task: Holding, draw: random.Random, due_s: float) -> None:
    reads = (agent.truth.point, agent.truth.masked, agent.truth.tokens, agent.truth.join, agent.truth.many)
    one = draw.choices(reads, weights=(5, 4, 3, 1, 1))[0](draw)
    _ask(agent, task, asks.known(one), draw, due_s)


def read_own(agent: Agent, task: Holding, draw: random.Random, due_s: float) -> None:
    rows, ask = draw.choice(((agent.entries, asks.own_entries), (agent.letters, asks.own_letters)))
    with rows.watched() as watch:
        _ask(agent, task, ask(agent.name, watch), draw, due_s)


def write(agent: Agent, task: Holding, draw: random.Random, due_s: float) -> None:
    key, name, rows = _key(draw), agent.name, agent.entries
    kind = draw.choices(("insert", "letter", "update", "delete", "transaction", "undone"), (5, 3, 5, 2, 4, 1))[0]
    ask: asks.Ask | None = None
    match kind:
        case "letter":
            ask = asks.insert_letter(name, agent.letters, key)
        case "update":
            ask = asks.update_entry(name, rows, draw, key)
        case "delete":
            ask = asks.delete_entry(name, rows, draw, key)
        case "transaction":
            ask = asks.transaction(name, rows, draw, key)
        case "undone":
            ask = asks.undone_transaction(name, rows, key)
    _ask(agent, task, ask or asks.insert_entry(name, rows, key), draw, due_s)


def be_refused(agent: Agent, task: Holding, draw: random.Random, due_s: float) -> None:
    _ask(agent, task, draw.choice(asks.REFUSED), draw, due_s)


def try_neighbours_task(agent: Agent, _task: Holding, draw: random.Random, due_s: float) -> None:
    """What belongs to somebody else is not there, in the same words."""
    others = agent.neighbour.tasks if agent.neighbour is not None else []
    if not others:
        return agent.list(due_s)
    other = draw.choice(others)
    body = {"sql": "SELECT 1"}
    reply = agent.voice.send("stranger's", due_s, "POST", f"/v1/tasks/{other.id}/query", body, sent=other.id)
    return agent.expect("a stranger's task", reply, "task.unknown")


def ask_receipt(agent: Agent, _task: Holding, draw: random.Random, due_s: float) -> None:
    mine = list(agent.commands)
    if not mine:
        return agent.list(due_s)
    since_s, command = draw.choice(mine)
    reply = agent.voice.send("receipt", due_s, "GET", f"/v1/receipts/{command.id}", about=command.task)
    if reply is None or is_unserved(reply):
        return None
    if reply.status == 200:
        told = {f"{one['type']}_sha256": one["sha256"] for one in reply.body["records"]}
        agent.seen.fail(*_wrong_receipt(command, told))
        return None
    if time.monotonic() - since_s > _PROVED_WITHIN_S:
        agent.seen.fail(f"{command.id}: expected it in the log after {_PROVED_WITHIN_S:.0f} s, got {reply.body}")
    return agent.expect("receipt", reply, "receipt.unknown")


def try_neighbours_receipt(agent: Agent, _task: Holding, draw: random.Random, due_s: float) -> None:
    others = list(agent.neighbour.commands) if agent.neighbour is not None else []
    if not others:
        return agent.list(due_s)
    _, other = draw.choice(others)
    reply = agent.voice.send("stranger's", due_s, "GET", f"/v1/receipts/{other.id}", sent=other.id)
    return agent.expect("a stranger's receipt", reply, "receipt.unknown")


def look(agent: Agent, task: Holding, _draw: random.Random, due_s: float) -> None:
    """The task as the gate shows it: what is left of its budgets to the unit, where nothing is under way."""
    begun, is_idle = task.begun, task.under_way == 0
    reply = agent.voice.send("look", due_s, "GET", f"/v1/tasks/{task.id}", about=task.id)
    if reply is None or is_unserved(reply) or reply.status != 200:
        return agent.expect("look", reply, 200)
    if is_idle and task.begun == begun and task.is_live:
        agent.seen.fail(*task.wrong_budgets(reply.body["budgets"]))
        if reply.body["state"] != "active":
            agent.seen.fail(f"{task.id} look: expected it to be active, it is {reply.body['state']}")
    return None


def look_at_schema(agent: Agent, task: Holding, _draw: random.Random, due_s: float) -> None:
    from tests.soak.load.agent import TABLES

    reply = agent.voice.send("schema", due_s, "GET", f"/v1/tasks/{task.id}/schema", about=task.id)
    if reply is None or is_unserved(reply) or reply.status != 200:
        return agent.expect("schema", reply, 200)
    got = sorted(one["table"] for one in reply.body["tables"])
    if got != TABLES:
        agent.seen.fail(f"{task.id} schema: expected {TABLES}, got {got}")
    return None


def be_revoked(agent: Agent, task: Holding, _draw: random.Random, due_s: float) -> None:
    """An operator takes the task away; from then on nothing runs in it."""
    if task.ends_as != "ended" or not task.take_out():
        return agent.list(due_s)
    task.ends_as = "ended or revoked"  # until somebody says which: it is ended with the others
    body = {"task": task.id, "reason": "load"}
    reply = agent.operator.send("revoke", due_s, "POST", "/v1/revocations", body)
    if reply is None or reply.status not in {200, 202}:
        return agent.expect("revoke", reply, 200, 202)
    task.ends_as = "revoked"
    query = {"sql": "SELECT 1"}
    late = agent.voice.send("too late", time.monotonic(), "POST", f"/v1/tasks/{task.id}/query", query, about=task.id)
    return agent.expect("after revocation", late, "task.revoked", "task.state")


def be_too_late(agent: Agent, _task: Holding, draw: random.Random, due_s: float) -> None:
    over = [one for one in agent.tasks if one.is_told]
    if not over:
        return agent.list(due_s)
    task = draw.choice(over)
    query = {"sql": "SELECT 1"}
    reply = agent.voice.send("too late", due_s, "POST", f"/v1/tasks/{task.id}/query", query, about=task.id)
    return agent.expect("a task that was ended", reply, "task.state")


def end(agent: Agent, task: Holding, _draw: random.Random, due_s: float) -> None:
    agent.end(task, due_s)


ACTS: tuple[tuple[Act, int], ...] = (
    (read, 34),
    (read_own, 14),
    (write, 20),
    (be_refused, 7),
    (look, 5),
    (ask_receipt, 5),
    (try_neighbours_task, 2),
    (try_neighbours_receipt, 2),
    (look_at_schema, 2),
    (be_too_late, 2),
    (be_revoked, 1),
    (end, 3),
)


def _key(draw: random.Random) -> str | None:
    return f"{draw.getrandbits(64):016x}" if draw.random() < 0.5 else None


def _ask(agent: Agent, task: Holding, ask: asks.Ask, draw: random.Random, due_s: float) -> None:
    repeats = draw.random() < 0.3
    reply = agent.desk.ask(task, ask, due_s)
    if reply is None or is_unserved(reply):
        return
    agent.remember(commands_of(task, ask, reply))
    if repeats and ask.key is not None and reply.status == 200 and task.used[STATEMENTS] < task.had[STATEMENTS]:
        agent.desk.repeat(task, ask, reply, time.monotonic())


def _wrong_receipt(command: Command, told: dict[str, str]) -> list[str]:
    had = {name: digest for name, digest in (command.receipt or {}).items() if name.endswith("_sha256") and digest}
    return [
        f"{command.id}: expected the proved {name} to be the receipt's {had[name][:12]}, got {digest[:12]}"
        for name, digest in told.items()
        if name in had and had[name] != digest
    ]

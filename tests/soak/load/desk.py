"""Carries out one statement call of an agent's: sends it, judges the answer, and keeps what must be on record of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postern_local.demo.caller import Reply
from tests.soak.load.asks import Ask
from tests.soak.load.holding import Holding
from tests.soak.load.seen import Command, Seen, code_of, is_unserved, said_by
from tests.soak.load.voice import Voice

RETRIES = 3  # of a keyed write that was not served: what an agent does that reads docs/agents.md
_RETRY_S = 2.0
_BUDGET = "budget.statements"
_UNSETTLED = "idempotency.running"


@dataclass(frozen=True, slots=True)
class Desk:
    """One agent's."""

    voice: Voice
    seen: Seen
    stopped: threading.Event

    def ask(self, task: Holding, ask: Ask, due_s: float) -> Reply | None:
        """Sends it and judges it; a keyed write again where it was not served."""
        count = len(ask.statements)
        taken_before = task.begin(count)
        reply = self._post(task, ask, ask.kind, due_s)
        for _ in range(RETRIES if ask.key is not None else 0):
            if _is_decided(reply) or self.stopped.wait(_RETRY_S):
                break
            task.disturb()  # the first try may have taken something of its own
            reply = self._post(task, ask, "retry", time.monotonic())
        if reply is None or not _is_decided(reply):
            task.disturb()
            task.end(count, is_admitted=False)
            ask.end_changes(None)
            return reply
        is_refused = code_of(reply) == _BUDGET
        self.seen.fail(*task.wrong_admission(count, taken_before, is_refused=is_refused))
        self.seen.fail(*(f"{task.id} {ask.kind}: {one}" for one in wrong_answer(ask, reply, task)))
        told = _told(reply)
        task.end(
            count,
            is_admitted=not is_refused,
            rows=sum(one["row_count"] for one in told),
            affected=sum(one["affected"] or 0 for one in told),
        )
        ask.end_changes(reply.status)
        self.seen.keep(*commands_of(task, ask, reply), ran=count if ask.ran and not is_refused else 0)
        return reply

    def repeat(self, task: Holding, ask: Ask, first: Reply, due_s: float) -> None:
        """The same call under the same key: what is on record is told again, and nothing is written."""
        reply = self._post(task, ask, "replay", due_s)
        if reply is None or is_unserved(reply):
            return  # nothing is taken for it, so nothing is disturbed
        ids = [one["command_id"] for one in _told(first)]
        if reply.status != 200 or not reply.body["replayed"] or [one["command_id"] for one in _told(reply)] != ids:
            self.seen.fail(f"{task.id} replay: expected what is on record of {ids}, got {said_by(reply)} {reply.body}")
        else:
            self.seen.fail(*(f"{task.id} replay: {one}" for one in ask.wrong(reply.body)))

    def _post(self, task: Holding, ask: Ask, kind: str, due_s: float) -> Reply | None:
        path = f"/v1/tasks/{task.id}/{ask.path}"
        return self.voice.send(kind, due_s, "POST", path, ask.body, key=ask.key, about=task.id)


def wrong_answer(ask: Ask, reply: Reply, task: Holding) -> Iterator[str]:
    """What is wrong with an answer that decided upon the call."""
    code = code_of(reply)
    if code == _BUDGET or (task.is_disturbed and str(code).startswith("budget.")):
        return
    if (reply.status, code) != (ask.status, ask.code):
        yield f"expected {ask.status} {ask.code or ''}, got {said_by(reply)} {reply.body}"
    elif reply.status == 200:
        try:
            yield from ask.wrong(reply.body)
        except (KeyError, TypeError, ValueError) as odd:
            yield f"expected an answer of the documented shape, got {odd!r} of {reply.body}"


def _is_decided(reply: Reply | None) -> bool:
    return reply is not None and not is_unserved(reply) and code_of(reply) != _UNSETTLED


def _told(reply: Reply) -> list[Mapping[str, Any]]:
    """The statements' answers."""
    if reply.status != 200:
        return []
    return list(reply.body["statements"]) if "statements" in reply.body else [reply.body]


def commands_of(task: Holding, ask: Ask, reply: Reply) -> Iterator[Command]:
    """What must be found on record of a call that was decided upon."""
    for one in _told(reply):
        yield Command(one["command_id"], task.id, ask.ran, reply.body["settled"] is True, one["receipt"])
    if reply.status != 200 and "command_id" in reply.body:
        yield Command(reply.body["command_id"], task.id, ask.ran, False, None)

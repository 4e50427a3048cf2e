"""What must hold once nothing arrives any more: every task at its end, nothing of any left, rows as they were told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from tests.soak.load.agent import Agent
from tests.soak.load.holding import Holding
from tests.soak.load.seen import is_unserved
from tests.support import direct

QUIET_WITHIN_S = 300.0  # a short task's minute, the reaper's next, and what it has to do then
_LOOK_S = 5.0
_TRIES = 10
_FINAL = frozenset({"ended", "expired", "revoked", "denied", "failed"})
LEFT_SQL = r"""
SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'task\_%'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'task\_%'
UNION ALL SELECT 'key of ' || role FROM postern.task_key
UNION ALL SELECT 'session of ' || usename FROM pg_stat_activity WHERE usename LIKE 'task\_%'
"""


def left_in_database(dsn: str) -> Iterator[str]:
    """What is left of any task."""
    for (what,) in direct.answer(dsn, LEFT_SQL)[1]:
        yield f"in the database: expected nothing of a task, got {what}"


def wait_until_quiet(dsn: str, agents: Sequence[Agent]) -> tuple[float, list[str]]:
    """Until every task has ended and nothing of it is left: the seconds that took, and what does not hold after all."""
    begun_s = time.monotonic()
    open_ = [(agent, task) for agent in agents for task in agent.tasks]
    wrong: list[str] = []
    while True:
        still: list[tuple[Agent, Holding]] = []
        for agent, task in open_:
            told = _final(agent, task)
            if told is None:
                still.append((agent, task))
            else:
                wrong += told
        open_, left = still, list(left_in_database(dsn))
        if not open_ and not left:
            break
        if time.monotonic() - begun_s > QUIET_WITHIN_S:
            wrong += [f"{task.id}: expected it to have ended as {task.ends_as}" for _, task in open_] + left
            break
        time.sleep(_LOOK_S)
    return time.monotonic() - begun_s, wrong


def end_unheard(agents: Sequence[Agent]) -> int:
    """Ends what stands though its opening was not answered. Returns how many tasks that were."""
    ended = 0
    for agent in agents:
        if not agent.unheard:
            continue
        reply = agent.voice.send("list", time.monotonic(), "GET", "/v1/tasks")
        known = {task.id for task in agent.tasks}
        for one in reply.body["tasks"] if reply is not None and reply.status == 200 else ():
            if one["task_id"] not in known and one["state"] not in _FINAL:
                agent.voice.send("end", time.monotonic(), "DELETE", f"/v1/tasks/{one['task_id']}")
                ended += 1
    return ended


def wrong_rows(dsn: str, agents: Sequence[Agent]) -> Iterator[str]:
    """Rows of the database that are not what the agents' answers told, and rows of nobody."""
    entries = direct.answer(dsn, "SELECT agent, number, version FROM entries")[1]
    letters = direct.answer(dsn, "SELECT owner, number, 0 FROM letters")[1]
    for agent in agents:
        for table, rows, own in (("entries", entries, agent.entries), ("letters", letters, agent.letters)):
            shown = {number: version for owner, number, version in rows if owner == agent.name}
            count = sum(owner == agent.name for owner, _, _ in rows)
            yield from (f"{table} of {agent.name}: {one}" for one in own.all().wrong(shown))
            if count != len(shown):
                yield f"{table} of {agent.name}: expected each row once, got {count} rows of {len(shown)} numbers"
    strangers = {str(owner) for owner, _, _ in entries + letters} - {agent.name for agent in agents}
    if strangers:
        yield f"rows: expected the agents' own, got some of {sorted(strangers)}"


def _final(agent: Agent, task: Holding) -> list[str] | None:
    """What is wrong with a task at its end; None while it has not come to one."""
    path = f"/v1/tasks/{task.id}"
    for _ in range(_TRIES):
        reply = agent.voice.send("look", time.monotonic(), "GET", path, about=task.id)
        if reply is not None and not is_unserved(reply):
            break
        time.sleep(1.0)
    if reply is None or reply.status != 200:
        return [f"{task.id}: expected to be shown it at its end, got {reply}"]
    state = reply.body["state"]
    if state not in _FINAL:
        return None
    wrong = list(task.wrong_budgets(reply.body["budgets"]))
    if state not in task.ends_as.split(" or "):
        wrong.append(f"{task.id}: expected it to end as {task.ends_as}, it is {state}")
    return wrong

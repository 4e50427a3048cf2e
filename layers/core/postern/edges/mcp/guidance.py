"""What an agent does about each code, and what it had better not. Pure.

Agents repeat what failed, and rephrase what was refused, until somebody stops them. So every refusal says what helps,
what does not, and how long to wait. What a code means stands in `errors.CODES` and is not said here again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POLL_S = 30  # a person decides: more often finds out nothing sooner, and takes from the rate of others
_AGAIN_S = 5


@dataclass(frozen=True, slots=True)
class Guidance:
    """`wait_s` is for a code whose answer names no time of its own; null where waiting does not help."""

    next: str
    do_not: str
    wait_s: int | None = None


PENDING = Guidance(
    "Tell the person you work for that the task waits for approval: in the gate's console (/console), or by"
    f" `postern task approve`. Look with task_status after {POLL_S} s or later; go on with something else meanwhile.",
    f"Do not look more often than every {POLL_S} s, open the task again, or ask for it in other words: what waits is"
    " what will be approved.",
    POLL_S,
)
_LESS = Guidance(
    "Ask for less: leave out what is refused. If the work needs it, tell a person which part was refused and why.",
    "Do not ask for the same in other words or piece by piece: each refusal is on record, and policy will not change.",
)
_OTHERWISE = Guidance(
    "Write the statement without what is refused; describe says what the task has. If the work needs it, ask a person.",
    "Do not look for another spelling of what was refused: it is on record, and a way around it is refused too.",
)
_MEND = Guidance("Mend the statement and send it again.", "Do not send it unchanged: it fails the same way.")
_OPEN_ANEW = Guidance(
    "If the work is not done, open a new task for what is left of it.", "Do not send more to this task."
)
_BUDGET = Guidance(
    "Narrow the statement: fewer rows, an aggregate, a predicate. If the work needs more, open a task that asks for"
    " more and say in its purpose why.",
    "Do not divide the same reading into many statements to get past the budget.",
)
_WAIT = Guidance(
    "Wait, then send the same again.", "Do not ask sooner, and do not open other tasks meanwhile.", _AGAIN_S
)
_AWAY = Guidance(
    "Send the same again after a moment. After the third time, tell a person.",
    "Do not change the statement: it is not the reason.",
    _AGAIN_S,
)
_OPERATOR = Guidance("Stop, and tell an operator, with the code and the ids of this answer.", "Do not try again.")
_HELD = Guidance(
    "Wait: the database is in maintenance, and the task goes on after it.",
    "Do not open another task for it.",
    POLL_S,
)
_TOKEN = Guidance("Get another token from your issuer, then connect again.", "Do not send this token again.")

# By a code, or by the part of it before the point.
_GUIDANCE: Mapping[str, Guidance] = {
    "request": Guidance("Mend the arguments: the detail names the field.", "Do not send them unchanged."),
    "token": _TOKEN,
    "issuer": _AWAY,
    "authorizer": _AWAY,
    "policy": _LESS,
    "policy.unavailable": _OPERATOR,
    "policy.file": _OPERATOR,
    "guard": _OTHERWISE,
    "guard.statements": Guidance(
        "Send each statement by itself; those that belong together by transaction.", "Do not send several in one query."
    ),
    "guard.server": _OPEN_ANEW,
    "guard.run_once": _LESS,
    "sql": _MEND,
    "cursor": Guidance(
        "Ask again without a cursor, with an ORDER BY over a key, or page by the key itself: WHERE id > <last> LIMIT"
        " n.",
        "Do not send this cursor again.",
    ),
    "task": _OPEN_ANEW,
    "task.unknown": Guidance(
        "Look at task_status without a task_id: it lists your tasks.", "Do not guess ids: each is its owner's alone."
    ),
    "task.state": Guidance(
        "Look at task_status, which says what its state means.", "Do not repeat the call in a loop."
    ),
    "task.parallel": _WAIT,
    "task.revoked": Guidance(
        "Stop, and tell the person you work for that an operator took the access away.",
        "Do not open another task for it.",
    ),
    "task.too_large": _LESS,
    "database": _AWAY,
    "database.held": _HELD,
    "database.timeout": _BUDGET,
    "answer": Guidance("Select fewer or shorter values.", "Do not send it unchanged."),
    "budget": _BUDGET,
    "rate": _WAIT,
    "rate.pending": PENDING,
    "idempotency.running": _WAIT,
    "idempotency.reused": Guidance("Use a new key for another write.", "Do not use a key for two different writes."),
    "command": _AWAY,
    "state": _AWAY,
    "api": _AWAY,
    "evidence": _OPERATOR,
    "evidence.unavailable": _AWAY,
    "evidence.stale": _AWAY,
    "outcome.unknown": Guidance(
        "If an idempotency_key was sent, send exactly the same again under it. If none was, look first what stands:"
        " select the rows, or look at task_status.",
        "Do not send the write again without a key, or under another one: it may have happened.",
        _AGAIN_S,
    ),
    "gateway.timeout": Guidance(
        "Look what stands before you write again; send a read again with less to do.",
        "Do not repeat a write blindly.",
        _AGAIN_S,
    ),
}
# Of `task.state`, by the state that its detail names: what is waited for.
_BEING_BUILT = Guidance("Wait until it is built, then send the same again.", "Do not open another task.", _AGAIN_S)
_BY_STATE: Mapping[str, Guidance] = {
    "pending_approval": PENDING,
    "provisioning": _BEING_BUILT,
    "suspend": _HELD,  # suspended, suspending
}
_UNKNOWN = Guidance("Read the detail. If it does not help, tell a person.", "Do not repeat the call in a loop.")


def guidance(code: str, detail: str) -> Guidance:
    """For the code, else for its family."""
    if code == "task.state":
        return next((one for state, one in _BY_STATE.items() if state in detail), _GUIDANCE[code])
    return _GUIDANCE.get(code) or _GUIDANCE.get(code.partition(".")[0]) or _UNKNOWN

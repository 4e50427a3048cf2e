"""The states of a task and the moves between them, as one table: what is not here never happens.

    pending_approval ─ approve ─▶ provisioning ─ stand ─▶ active
                                       ▲                    │ suspend
                                       └─ rebuild ─ suspended ◀─ drop ─ suspending
    any of these ─ end, expire, revoke; deny, fail ─▶ ending ─ close ─▶ ended, expired, revoked, denied, failed

Every task that ends goes through `ending`: it stays there until a query proved that nothing of it is left
in the database and the proof is on record (ADR 5). `suspending` is the same for a task that goes on later.
Every write of a store names its move, and is conditional on the states that the move may start from.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.types import TaskState

_S = TaskState


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state. `ends_as` is the final state that a task which ends is on its way to."""

    name: str
    sources: frozenset[TaskState]
    to: TaskState
    ends_as: TaskState | None = None


_LIVE = frozenset({_S.PENDING_APPROVAL, _S.PROVISIONING, _S.ACTIVE, _S.SUSPENDING, _S.SUSPENDED})

APPROVE = Move("approve", frozenset({_S.PENDING_APPROVAL}), _S.PROVISIONING)  # by the last approval that is needed
STAND = Move("stand", frozenset({_S.PROVISIONING}), _S.ACTIVE)
SUSPEND = Move("suspend", frozenset({_S.ACTIVE, _S.PROVISIONING}), _S.SUSPENDING)  # the latter: while it is rebuilt
DROP = Move("drop", frozenset({_S.SUSPENDING}), _S.SUSPENDED)
REBUILD = Move("rebuild", frozenset({_S.SUSPENDED}), _S.PROVISIONING)
DENY = Move("deny", frozenset({_S.PENDING_APPROVAL}), _S.ENDING, _S.DENIED)
FAIL = Move("fail", frozenset({_S.PROVISIONING, _S.ACTIVE}), _S.ENDING, _S.FAILED)
END = Move("end", _LIVE, _S.ENDING, _S.ENDED)
EXPIRE = Move("expire", _LIVE, _S.ENDING, _S.EXPIRED)
REVOKE = Move("revoke", _LIVE, _S.ENDING, _S.REVOKED)

_CLOSINGS = {
    state: Move(f"close as {state.value}", frozenset({_S.ENDING}), state)
    for state in (_S.ENDED, _S.EXPIRED, _S.REVOKED, _S.DENIED, _S.FAILED)
}
MOVES = (APPROVE, STAND, SUSPEND, DROP, REBUILD, DENY, FAIL, END, EXPIRE, REVOKE, *_CLOSINGS.values())


def close_as(state: TaskState) -> Move:
    """The move that closes a task whose teardown is proved and on record. Raises KeyError for a state that is none."""
    return _CLOSINGS[state]

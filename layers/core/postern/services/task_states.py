"""The states of a task and the moves between them that are legal, as one table."""

from __future__ import annotations

from postern.types import TaskState

_S = TaskState

# A move that is not here never happens: every store write names the states it may start from.
MOVES: dict[TaskState, frozenset[TaskState]] = {
    _S.PENDING_APPROVAL: frozenset({_S.PROVISIONING, _S.DENIED, _S.ENDING}),
    _S.PROVISIONING: frozenset({_S.ACTIVE, _S.ENDING}),
    _S.ACTIVE: frozenset({_S.ENDING}),
    _S.ENDING: frozenset({_S.ENDED, _S.EXPIRED, _S.REVOKED, _S.FAILED}),
    _S.ENDED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.REVOKED: frozenset(),
    _S.DENIED: frozenset(),
    _S.FAILED: frozenset(),
}

# Every task that ends goes through `ending`: it stays there until a query proved that nothing of it is left
# in the database and the proof is on record. From these states it may be sent there.
MAY_BE_ENDED = frozenset({_S.PENDING_APPROVAL, _S.PROVISIONING, _S.ACTIVE})

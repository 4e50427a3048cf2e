"""SnapStart: what is done before an environment's snapshot is taken, and what each copy of it does before all else.

Lambda runs both, around one snapshot for each published version, and only where a function has SnapStart: elsewhere
nothing is registered, and importing a handler touches nothing as ever.

Whatever stands in memory at the snapshot stands in every copy. So `prime` may make what is the same for all (clients,
the policy layer, the parsers' tables) and may draw nothing that has to be different: no writer chain, id, key or
connection.
docs/adr/0027 goes through what is in memory then, and tests/functions/test_snapshots.py copies it.
"""

from __future__ import annotations

import os
import random
import ssl
from collections.abc import Callable

_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
_SNAP_START = "snap-start"
_SEED_BYTES = 48


def prepare(prime: Callable[[], object]) -> None:
    """Has `prime` run before a snapshot of this environment, if one is taken; what it raises stops the deploy."""
    if os.environ.get(_TYPE) != _SNAP_START:
        return
    # Lambda's runtime brings it.
    from snapshot_restore_py import register_after_restore, register_before_snapshot  # type: ignore[import-untyped]

    register_before_snapshot(prime)
    register_after_restore(draw_anew)


def draw_anew() -> None:
    """Parts the generators in this process from those of every other copy of its snapshot.

    What decides anything is drawn from the system each time and needs none of this. These two are seeded once in a
    process: Python's own, which spreads retries over time, and OpenSSL's, which draws the keys of TLS sessions.
    """
    random.seed()
    ssl.RAND_add(os.urandom(_SEED_BYTES), float(_SEED_BYTES))

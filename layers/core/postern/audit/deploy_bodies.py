"""The record of a deploy: what is about to take the traffic over, and what stood there before.

It is written before any traffic moves, and says that, not how it ended: a canary that is turned back was recorded too.
What ran is what every record's own `code` and `policy` say. Members may be added, none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.records import Record, RecordType
from postern.types import CommandId, Sha256Hex

DEPLOY = "deploy"


@dataclass(frozen=True, slots=True)
class Deployed:
    """What is deployed, as one can compare it with a commit and a policy layer."""

    version: str  # the code version that records name
    code: Sha256Hex  # of the sources that the build was made of
    template: Sha256Hex  # of the templates that it was deployed with
    policy: Sha256Hex  # of the policy layer
    # SHA-256 of each bundle of authorities that databases' certificates are checked with, by its path. The digest of
    # the policy layer covers the paths and not these files.
    authorities: Mapping[str, Sha256Hex]


def deploy_event(
    event_id: CommandId, time_us: int, *, before: Deployed | None, after: Deployed, deployment_id: str | None
) -> Record:
    """Traffic is about to move from `before` to `after`.

    `before` is None for the first that was recorded. `deployment_id` is CodeDeploy's, of the first function whose
    traffic waited for this record; None where an operator recorded what stands.
    """
    body: dict[str, object] = {
        "before": None if before is None else _member(before),
        "after": _member(after),
        "deployment": deployment_id,
    }
    return Record(RecordType.EVENT, DEPLOY, event_id, time_us, {"deploy": body})


def _member(deployed: Deployed) -> dict[str, object]:
    return {
        "version": deployed.version,
        "code": deployed.code,
        "template": deployed.template,
        "policy": deployed.policy,
        "authorities": dict(deployed.authorities),
    }

"""What a run without a caller came to, as metrics and log lines: alarms stand on the metrics, people read the lines.

A metric that is zero is not sent, but for those named to be: an alarm takes missing data for zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postern.edges.causes import causes
from postern.edges.invocation import Invocation
from postern.edges.metric_names import INTEGRITY_FAULTS, METRICS, UPSTREAM_FAULTS
from postern.errors import IntegrityError, PosternError


def report(
    told: Invocation,
    counts: Mapping[str, int],
    faults: Iterable[PosternError],
    *,
    always: frozenset[str] = frozenset(),
) -> None:
    """Sends the counts and faults as metrics and logs each fault. Codes, keys and counts only."""
    sent = dict.fromkeys(always, 0) | {name: count for name, count in counts.items() if count}
    for fault in faults:
        is_integrity = isinstance(fault, IntegrityError)
        name = INTEGRITY_FAULTS if is_integrity else UPSTREAM_FAULTS
        sent[name] = sent.get(name, 0) + 1
        tell = told.log.critical if is_integrity else told.log.warning
        tell("fault", extra={"code": fault.code, "detail": fault.detail, "causes": causes(fault)})
    for name in sent.keys() & METRICS.keys():  # a name that is not listed is in the line below, and fails no pass
        told.meter.add(name, sent[name])
    told.log.info("ran", extra={"counts": sent})

"""What a run without a caller came to, as metrics and log lines: alarms stand on the metrics, people read the lines.

A metric that is zero is not sent, but for those named to be: an alarm takes missing data for zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from postern.edges.causes import causes
from postern.errors import IntegrityError, PosternError

NAMESPACE = "Postern"
INTEGRITY_FAULTS = "IntegrityFaults"  # evidence contradicts itself: pages someone
UPSTREAM_FAULTS = "UpstreamFaults"  # a part was away, and the work comes again


def report(
    logger: Logger,
    metrics: Metrics,
    counts: Mapping[str, int],
    faults: Iterable[PosternError],
    *,
    always: frozenset[str] = frozenset(),
) -> None:
    """Sends the counts and faults as metrics and logs each fault. Codes, keys and counts only."""
    told = dict.fromkeys(always, 0) | {name: count for name, count in counts.items() if count}
    for fault in faults:
        is_integrity = isinstance(fault, IntegrityError)
        name = INTEGRITY_FAULTS if is_integrity else UPSTREAM_FAULTS
        told[name] = told.get(name, 0) + 1
        tell = logger.critical if is_integrity else logger.warning
        tell("fault", extra={"code": fault.code, "detail": fault.detail, "causes": causes(fault)})
    for name, count in told.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    logger.info("ran", extra={"counts": told})
    metrics.flush_metrics()

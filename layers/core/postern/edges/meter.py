"""Counts and times of one invocation, as CloudWatch's embedded metric format: lines of the function's own log.

Nothing is asked of CloudWatch, so counting cannot fail and costs a line. A name that `metric_names` does not list is
refused.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools.metrics import EphemeralMetrics

from postern.edges.metric_names import ANSWERS, METRICS, NAMESPACE, STEPS
from postern.errors import CODES

OK = "ok"
_AWAY = frozenset({"evidence.unavailable", "evidence.stale"})
OTHER = "other"  # a code that docs/errors.md does not list would be a dimension without bound


def is_fault(code: str) -> bool:
    """Whether a code is a fault of ours or evidence that contradicts itself: for an operator, not for a caller."""
    return code == "internal" or (code.startswith("evidence.") and code not in _AWAY)


class Meter:
    """Gathers what an invocation counts; `flush` writes it."""

    def __init__(self, service: str, deployment: str) -> None:
        self._service = service
        self._here = {"deployment": deployment, "service": service}
        # Of its own: `Metrics` shares what was added between all its instances, and with it their dimensions.
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, default_dimensions=dict(self._here))
        self._answers = EphemeralMetrics(namespace=NAMESPACE, default_dimensions={"deployment": deployment})
        self._lock = threading.Lock()  # the reaper's threads count, too

    def add(self, name: str, value: float) -> None:
        """Raises `KeyError` for a name that is not listed."""
        with self._lock:
            self._metrics.add_metric(name=name, unit=METRICS[name].unit, value=value)

    def add_steps(self, steps_ms: Mapping[str, float]) -> None:
        """The time of each step that is listed: what has run is not undone for a step's name."""
        for step in steps_ms.keys() & STEPS.keys():
            self.add(STEPS[step], steps_ms[step])

    def answer(self, code: str) -> None:
        """Counts an answer by its code: for this function, and over all of them."""
        bounded = code if code == OK or code in CODES else OTHER
        with self._lock:
            self._answers.add_dimension("service", self._service)
            self._answers.add_dimension("code", bounded)
            self._answers.add_dimensions(code=bounded)
            self._answers.add_metric(name=ANSWERS, unit=METRICS[ANSWERS].unit, value=1)
            self._answers.flush_metrics()

    def flush(self) -> None:
        """Writes what was added since the last time."""
        with self._lock:
            if self._metrics.metric_set:
                self._metrics.flush_metrics()


@cache
def meter(service: str) -> Meter:
    """The one meter of an environment."""
    return Meter(service, os.environ.get("POSTERN_DEPLOYMENT", "none"))

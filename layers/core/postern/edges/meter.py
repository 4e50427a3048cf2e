"""Counts and times of one invocation, as CloudWatch's embedded metric format: lines of the function's own log.

Nothing is asked of CloudWatch, so counting cannot fail and costs a line. A name that `metric_names` does not list is
refused.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from functools import cache
from typing import TypedDict

from aws_lambda_powertools.metrics import EphemeralMetrics

from postern.edges.metric_names import ANSWERS, METRICS, NAMESPACE, STEPS
from postern.errors import CODES

OK = "ok"
_AWAY = frozenset({"evidence.unavailable", "evidence.stale"})
_LINE = json.JSONEncoder(separators=(",", ":"))  # `json.dumps` would make one with each line
_MOST_VALUES = 100  # of a metric in one line
OTHER = "other"  # a code that docs/errors.md does not list would be a dimension without bound


def is_fault(code: str) -> bool:
    """Whether a code is a fault of ours or evidence that contradicts itself: for an operator, not for a caller."""
    return code == "internal" or (code.startswith("evidence.") and code not in _AWAY)


class _Gathered(TypedDict):
    """A metric as Powertools' serialiser takes it."""

    Unit: str
    Value: list[float]


class Meter:
    """Gathers what an invocation counts; `flush` writes it.

    The format is Powertools'. What gathers is not: it would take each value through four checks that a list of names
    and units makes needless.
    """

    def __init__(self, service: str, deployment: str) -> None:
        self._here = {"deployment": deployment, "service": service}
        self._deployment = {"deployment": deployment}
        # Of their own: `Metrics` shares its dimensions between all its instances.
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, default_dimensions=dict(self._here))
        self._answers: dict[str, EphemeralMetrics] = {}  # by code
        self._gathered: dict[str, _Gathered] = {}
        self._lock = threading.Lock()  # the reaper's threads count, too

    def add(self, name: str, value: float) -> None:
        """Raises `KeyError` for a name that is not listed."""
        with self._lock:
            metric = self._gathered.setdefault(name, {"Unit": METRICS[name].unit.value, "Value": []})
            metric["Value"].append(float(value))
            if len(metric["Value"]) == _MOST_VALUES:
                self._write()

    def add_steps(self, steps_ms: Mapping[str, float]) -> None:
        """The time of each step that is listed: what has run is not undone for a step's name."""
        for step in steps_ms.keys() & STEPS.keys():
            self.add(STEPS[step], steps_ms[step])

    def answer(self, code: str) -> None:
        """Counts an answer by its code: for this function, and over all of them."""
        bounded = code if code == OK or code in CODES else OTHER
        with self._lock:
            if bounded not in self._answers:
                self._answers[bounded] = self._answers_of(bounded)
            _print(self._answers[bounded], {ANSWERS: {"Unit": METRICS[ANSWERS].unit.value, "Value": [1.0]}})

    def _answers_of(self, code: str) -> EphemeralMetrics:
        counted = EphemeralMetrics(namespace=NAMESPACE, default_dimensions={**self._here, "code": code})
        counted.dimension_sets.append({**self._deployment, "code": code})
        return counted

    def flush(self) -> None:
        """Writes what was added since the last time."""
        with self._lock:
            if self._gathered:
                self._write()

    def _write(self) -> None:
        gathered, self._gathered = self._gathered, {}
        _print(self._metrics, gathered)


def _print(metrics: EphemeralMetrics, gathered: dict[str, _Gathered]) -> None:
    print(_LINE.encode(metrics.serialize_metric_set(metrics=gathered)))  # noqa: T201 - CloudWatch reads it there


@cache
def meter(service: str) -> Meter:
    """The one meter of an environment."""
    return Meter(service, os.environ.get("POSTERN_DEPLOYMENT", "none"))

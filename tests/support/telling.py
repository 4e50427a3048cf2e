"""Invocations whose log and counts a test can read."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from postern.edges.invocation import Invocation
from postern.edges.log_lines import make_logger
from postern.edges.meter import Meter

_NUMBERS = itertools.count()
REQUEST_ID = "7c1e0f0a-8b1d-4c55-9d3e-0b8f6a2d4e91"


class Context:
    """What Lambda gives a handler beside the event."""

    aws_request_id = REQUEST_ID

    def get_remaining_time_in_millis(self) -> int:
        return 28_000


@dataclass(slots=True)
class Telling:
    """An invocation of one function, told to memory."""

    service: str = "test"
    out: io.StringIO = field(default_factory=io.StringIO)

    def invocation(self) -> Invocation:
        # A logger is kept by its name, and writes to where it first wrote.
        name = f"{self.service}-{next(_NUMBERS)}"
        return Invocation(self.service, make_logger(name, self.out), Meter(self.service, "test"), remaining_s=28.0)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]


def sent_metrics(out: str) -> dict[str, float]:
    """The metrics among what was printed, by their names; the sum of each."""
    sent: dict[str, float] = {}
    for line in out.splitlines():
        if line.startswith('{"_aws"'):
            one = json.loads(line)
            [directive] = one["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "Postern"
            for metric in directive["Metrics"]:
                sent[metric["Name"]] = sent.get(metric["Name"], 0) + sum(one[metric["Name"]])
    return sent

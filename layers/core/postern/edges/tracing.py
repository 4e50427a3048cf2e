"""A sampled invocation's steps as subsegments of X-Ray's trace, with its ids and its code as annotations.

They are written after the answer is made, from times that were taken anyway: nothing wraps the work itself, so neither
an exception's text nor an answer can get into a trace, as they do by the decorators of Powertools' Tracer. X-Ray's SDK
is loaded where an invocation is sampled and nowhere else: it costs 50 to 100 ms of a processor (ADR 30).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Tracer

_SAMPLED = re.compile(r"(?:^|;)Sampled=1(?:;|$)")
MOST_SPANS = 100  # a transaction has several a statement, and a datagram to the daemon holds 64 KB

Span = tuple[str, float, float]  # a step's name, begin and end in seconds of Unix time


def is_sampled(environment: Mapping[str, str]) -> bool:
    """Whether Lambda records the invocation under way."""
    return _SAMPLED.search(environment.get("_X_AMZN_TRACE_ID", "")) is not None


def trace(service: str, ids: Mapping[str, str], code: str, whole: tuple[float, float], spans: Sequence[Span]) -> None:
    """Sends the invocation to X-Ray's daemon, as one subsegment with one of its own for each step."""
    recorder: Any = _tracer(service).provider
    subsegment = recorder.begin_subsegment(service)
    if subsegment is None:  # Lambda has not made a segment, so there is nothing to belong to
        return
    subsegment.start_time = whole[0]
    for name, value in {**ids, "code": code}.items():
        subsegment.put_annotation(name, value)
    for name, begun, ended in spans[:MOST_SPANS]:
        step = recorder.begin_subsegment(name)
        step.start_time = begun
        recorder.end_subsegment(end_time=ended)
    recorder.end_subsegment(end_time=whole[1])


@cache
def _tracer(service: str) -> Tracer:
    from aws_lambda_powertools import Tracer

    # Patching would put requests of the SDK into the trace, among them keys of objects and names of roles.
    return Tracer(service=service, auto_patch=False)

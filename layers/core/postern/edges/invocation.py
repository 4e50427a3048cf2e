"""What stands around each invocation of each function: its ids, its log, its counts, its trace, and what it may raise.

Nothing but a code leaves a function as an exception: the runtime prints what is raised, and text of an exception may
quote a token, a statement or a value.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from postern.clock_ports import Clock
from postern.edges import collector, correlation, log_lines, tracing
from postern.edges.causes import causes
from postern.edges.meter import OK, Meter, is_fault, meter
from postern.edges.metric_names import COLD_STARTS, FAULTS, REQUEST_TIME
from postern.errors import IntegrityError, PosternError, Unauthenticated, UpstreamError
from postern.services.stopwatch import Stopwatch

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.typing import LambdaContext

Event = Mapping[str, Any]
Answer = TypeVar("Answer")
INTERNAL = "internal"


class InvocationFailed(Exception):
    """Raised out of a handler in the place of anything else; says a code and nothing of what was raised."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: the log has more under this request's id")
        self.code = code


@dataclass(slots=True)
class Invocation:
    """One invocation. `code` is what it came to; whoever answers sets it where that is not `ok`."""

    service: str
    log: Logger
    meter: Meter
    remaining_s: float  # until the function's timeout, when it began
    code: str = OK
    status: int | str | None = None  # of the answer, where it has one
    watch: Stopwatch | None = None

    def stopwatch(self, clock: Clock, *, margin_s: float = 0.0) -> Stopwatch:
        """The invocation's stopwatch, whose steps are counted and traced; `margin_s` is left for the answer."""
        self.watch = Stopwatch(clock, budget_s=self.remaining_s - margin_s)
        return self.watch

    def came_to(self, status: str, code: str | None, *, causes: Sequence[str] | None = None) -> None:
        """Notes the answer of a function that nobody outside calls; `code` is None where all is well."""
        self.status = status
        if code is not None:
            self.code = code
            self.log.warning("failed", extra={"code": code, "causes": causes})
            if is_fault(code):
                self.meter.add(FAULTS, 1)

    def failed(self, error: PosternError) -> None:
        """Notes the error as what the invocation came to, and logs what an operator needs of it."""
        self.code = error.code
        if error.command_id is not None:
            correlation.drew_command(error.command_id)
        told = {"code": error.code, "detail": error.detail, "causes": causes(error)}
        if isinstance(error, IntegrityError):
            self.meter.add(FAULTS, 1)
            self.log.critical("integrity", extra=told)
        elif isinstance(error, UpstreamError):
            self.log.warning("upstream", extra=told)
        elif isinstance(error, Unauthenticated):
            self.log.warning("no principal reached the function: the route has no authorizer")

    def fault(self, error: Exception) -> None:
        """Notes a fault of ours: its type and place, not its text."""
        self.code = INTERNAL
        self.meter.add(FAULTS, 1)
        told = {"fault": type(error).__name__, "frames": log_lines.frames(error.__traceback__), "causes": causes(error)}
        self.log.critical("fault", extra=told)


def invoked(service: str, event: Event, context: LambdaContext, answer: Callable[[Any, Invocation], Answer]) -> Answer:
    """The answer, with everything around it. Raises `InvocationFailed` and nothing else."""
    is_cold = _prepare(service)
    correlation.begin(event, context.aws_request_id)
    remaining_s = context.get_remaining_time_in_millis() / 1000
    told = Invocation(service, log_lines.logger(service), meter(service), remaining_s)
    begun_s, begun = time.time(), time.perf_counter()
    try:
        return answer(event, told)
    except PosternError as error:
        told.failed(error)
        raise InvocationFailed(error.code) from None
    except Exception as error:  # noqa: BLE001 - the last line of a handler: whatever it is, nothing leaves but a code
        told.fault(error)
        raise InvocationFailed(INTERNAL) from None
    finally:
        _end(told, begun_s, time.perf_counter() - begun, is_cold=is_cold)
        collector.resume()


def _end(told: Invocation, begun_s: float, took_s: float, *, is_cold: bool) -> None:
    steps_ms = {} if told.watch is None else {name: round(ms, 2) for name, ms in told.watch.steps_ms.items()}
    answered = {"code": told.code, "status": told.status, "cold_start": is_cold, "steps_ms": steps_ms or None}
    told.log.info("answered", extra=answered)
    if is_cold:
        told.meter.add(COLD_STARTS, 1)
    told.meter.add(REQUEST_TIME, round(took_s * 1000, 2))
    told.meter.add_steps(steps_ms)
    told.meter.answer(told.code)
    told.meter.flush()
    if tracing.is_sampled(os.environ):
        _trace(told, begun_s, took_s)


def _trace(told: Invocation, begun_s: float, took_s: float) -> None:
    spans = [] if told.watch is None else told.watch.spans
    steps = [(name, begun_s + begun, begun_s + ended) for name, begun, ended in spans]
    try:
        tracing.trace(told.service, correlation.ids(), told.code, (begun_s, begun_s + took_s), steps)
    except Exception as error:  # noqa: BLE001 - what is answered and on record is not undone for a trace
        told.log.warning("trace lost", extra={"fault": type(error).__name__})


_begun: set[str] = set()  # empty in a new environment


def _prepare(service: str) -> bool:
    """Whether this is the environment's first invocation; before it, libraries are silenced."""
    if service in _begun:
        return False
    log_lines.silence_libraries(service)
    _begun.add(service)
    return True

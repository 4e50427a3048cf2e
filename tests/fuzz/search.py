"""Draws inputs of one target until one is found that it was not meant to answer so; the same seed draws the same."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.mutation import smaller
from tests.fuzz.target import Target


class TooSlow(BaseException):
    """Raised in a target that took too much of a processor. No `Exception`: nothing in between may swallow it."""


@dataclass(frozen=True, slots=True)
class Found:
    """An input that a target did not answer as documented, and what it raised."""

    target: Target
    given: Any
    error: BaseException

    def __str__(self) -> str:
        told = "".join(traceback.format_exception(self.error)[-6:])
        return f"{self.target.name}: {type(self.error).__name__} for {str(self.given)[:2000]!r}\n{told}"


def search(target: Target, *, examples: int, random_seed: int, most_cpu_s: float | None = None) -> Found | None:
    """The first input found, made small; None where all of them were answered as documented."""
    failed: list[Any] = []

    def take(drawn: Any) -> None:
        try:
            with _bounded(most_cpu_s):
                target.run(drawn)
        except BaseException:
            failed.append(drawn)
            raise

    bounded = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )(given(target.inputs)(take))
    try:
        seed(random_seed)(bounded)()
    except TooSlow as error:
        return Found(target, failed[-1], error)
    except Exception as error:
        if not failed:
            raise  # the strategy's own
        return _smallest(target, failed[-1], error)
    return None


def raised(target: Target, drawn: Any) -> Exception | None:
    """What the target raises that is not documented."""
    try:
        target.run(drawn)
    except Exception as error:  # noqa: BLE001 - it is handed on
        return error
    return None


def _smallest(target: Target, drawn: Any, error: Exception) -> Found:
    def fails(made: Callable[[bytes], Any], data: bytes) -> bool:
        return type(raised(target, made(data))) is type(error)

    match drawn:
        case bytes():
            drawn = smaller(drawn, lambda data: fails(bytes, data))
        case str():
            drawn = _text(smaller(drawn.encode(errors="surrogateescape"), lambda data: fails(_text, data)))
        case [str(name), bytes(content)]:
            drawn = [name, smaller(content, lambda data: fails(lambda data: [name, data], data), tries=200)]
    return Found(target, drawn, raised(target, drawn) or error)


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


@contextmanager
def _bounded(most_cpu_s: float | None) -> Iterator[None]:
    """Raises `TooSlow` in the block once it took so much of a processor."""
    if most_cpu_s is None:
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, most_cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlow("expected an answer within the bound of CPU time, got none")

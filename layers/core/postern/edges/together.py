"""Requests of one call, sent side by side: S3 and DynamoDB answer each in milliseconds, and wait for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 16  # the clients keep as many connections


def together(pool: ThreadPoolExecutor, call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results in the items' order. Raises the first failure once all calls have ended: none goes on behind it."""
    futures = [pool.submit(call, item) for item in items]
    wait(futures)
    return [future.result() for future in futures]

"""Requests sent side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from postern.edges.together import together
from postern.errors import EvidenceUnavailable


def test_results_come_in_the_order_of_what_was_asked():
    with ThreadPoolExecutor(4) as pool:
        assert together(pool, str, range(50)) == [str(n) for n in range(50)]


def test_a_failure_is_told_when_all_have_ended():
    failed, ended = Event(), []

    def call(n: int) -> None:
        if n == 0:
            failed.set()
            raise EvidenceUnavailable("evidence.unavailable", "away")
        failed.wait()
        sum(range(300_000))  # goes on for a moment after the first has failed
        ended.append(n)

    with ThreadPoolExecutor(4) as pool, pytest.raises(EvidenceUnavailable):
        try:
            together(pool, call, range(4))
        finally:
            assert sorted(ended) == [1, 2, 3]

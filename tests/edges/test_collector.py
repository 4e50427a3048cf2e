"""The collector rests in a function until its first answer, and nowhere else."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from postern.edges import collector

FUNCTION = {"AWS_LAMBDA_FUNCTION_NAME": "postern-query"}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """With nothing frozen; the suite's own conftest.py has frozen what was there before any test."""
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    gc.enable()
    yield
    gc.unfreeze()
    gc.enable()
    if frozen:
        gc.freeze()


def test_it_rests_where_a_function_starts() -> None:
    collector.rest(FUNCTION)

    assert not gc.isenabled()


def test_it_does_not_rest_in_a_command_that_imports_the_package() -> None:
    collector.rest({})

    assert gc.isenabled()


def test_after_the_first_answer_it_looks_again_but_not_at_what_the_start_made() -> None:
    collector.rest(FUNCTION)

    collector.resume()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_later_answers_freeze_nothing() -> None:
    collector.resume()

    assert gc.isenabled()
    assert gc.get_freeze_count() == 0

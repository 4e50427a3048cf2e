"""A few inputs for every target, drawn the same each time, and every one that was ever found."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzz import inputs
from tests.fuzz.cases import all_cases, read_case, write_case
from tests.fuzz.inputs import TARGETS
from tests.fuzz.mutation import mutated, smaller
from tests.fuzz.search import search
from tests.fuzz.target import Target, Wrong

EXAMPLES, SLOW_EXAMPLES = 6, 1  # an input's target: enough to see that it is asked; `make fuzz` searches
BY_NAME = {target.name: target for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_whatever_is_sent_is_answered_as_documented(target: Target) -> None:
    found = search(target, examples=SLOW_EXAMPLES if target.slow else EXAMPLES, random_seed=8)
    assert found is None, f"{found}"


@pytest.mark.parametrize("path", list(all_cases()), ids=lambda path: path.stem)
def test_what_was_found_once_is_answered_as_documented_since(path: Path) -> None:
    name, given = read_case(path)
    BY_NAME[name].run(given)


def test_names_are_told_apart() -> None:
    assert len(BY_NAME) == len(TARGETS)


# ---- The search itself: what is wrong is found, made small, written down and found again.


def _fails_on_nul(data: bytes) -> None:
    if b"\0" in data:
        raise KeyError("a fault")
    raise ValueError("documented")


PLANTED = Target("planted", mutated([b"a valid one"]), _fails_on_nul, (ValueError,))


def test_an_error_that_is_not_documented_is_found_and_made_small() -> None:
    found = search(PLANTED, examples=60, random_seed=1)
    assert found is not None
    assert (found.given, type(found.error)) == (b"\0", KeyError)


def test_the_same_seed_finds_the_same() -> None:
    assert str(search(PLANTED, examples=60, random_seed=1)) == str(search(PLANTED, examples=60, random_seed=1))


def test_an_error_that_says_nothing_is_found() -> None:
    def silent(_: bytes) -> None:
        raise ValueError

    found = search(Target("silent", st.binary(), silent, (ValueError,)), examples=1, random_seed=1)
    assert found is not None
    assert isinstance(found.error, Wrong)


def test_what_takes_too_long_is_found() -> None:
    def forever(_: bytes) -> None:
        while True:
            pass

    found = search(Target("slow", st.binary(), forever), examples=1, random_seed=1, most_cpu_s=0.01)
    assert found is not None


@pytest.mark.parametrize("given", [b"\xff\0", "a\udcff", ["name", b"x"], {"a": [1, None]}, [[1, [2], "x"]]])
def test_a_case_is_read_back_as_it_was_written(given: Any, tmp_path: Path) -> None:
    assert read_case(write_case("tlog note", given, tmp_path)) == ("tlog note", given)


def test_smaller_leaves_what_fails() -> None:
    assert smaller(b"x" * 100 + b"ab" + b"y" * 100, lambda data: b"ab" in data) == b"ab"


def test_a_search_writes_down_what_it_finds_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(inputs, "TARGETS", (PLANTED,))
    monkeypatch.setattr(inputs, "write_case", partial(write_case, folder=tmp_path))
    assert inputs.fuzz(1, minutes=60) is False
    [found] = all_cases(tmp_path)
    assert read_case(found) == ("planted", b"\0")

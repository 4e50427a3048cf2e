"""Counting what is different among very many."""

from __future__ import annotations

import random

import pytest

from postern.services.distinct_values import DistinctValues


@pytest.mark.parametrize("different", [0, 1, 8_191, 8_192, 8_193, 20_000], ids=str)
def test_each_value_is_counted_once_however_many_there_are(different):
    values = DistinctValues()
    made = [str(number).encode() for number in range(different)] * 2
    random.Random(1).shuffle(made)
    for start in range(0, len(made), 1_000):
        values.add(made[start : start + 1_000])
    assert values.count() == different


def test_the_empty_value_is_one():
    values = DistinctValues()
    values.add([b"", b""])
    values.add([str(number).encode() for number in range(10_000)])
    values.add([b""])
    assert values.count() == 10_001


def test_values_that_begin_alike_are_different():
    values = DistinctValues()
    values.add([b"a" * length for length in range(8_500)])
    assert values.count() == 8_500

"""The bucket's, keys' and queue's policies and the trust of roles, read by two evaluators."""

from __future__ import annotations

import pytest

from tests.support.rights.asking import ours, theirs
from tests.support.rights.documents import rights_of
from tests.support.rights.places import Places, whole
from tests.support.rights.tables import Question
from tests.support.rights.walls import Wall, questions


@pytest.fixture(scope="module")
def asked() -> list[Question]:
    return questions(Wall(rights_of(whole()), Places(whole())))


def test_walls_hold_whatever_a_caller_may_besides(asked: list[Question]) -> None:
    assert [f"{one} expected {one.expected}" for one in asked if ours(one.case) is not one.expected] == []


def test_an_evaluator_of_others_reads_them_alike(asked: list[Question]) -> None:
    pairs = list(zip(asked, theirs([one.case for one in asked]), strict=True))

    assert [f"{one} expected {one.expected}" for one, answer in pairs if answer.allowed is not one.expected] == []
    assert {f"{one.case.ask}: {answer}" for one, answer in pairs if answer.error or answer.ignored} == set()

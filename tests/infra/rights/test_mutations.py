"""Widening any statement, dropping any part of a Deny and giving what nobody uses is noticed by the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.rights.asking import ours, theirs
from tests.support.rights.documents import Rights, rights_of
from tests.support.rights.functions import rows
from tests.support.rights.mutations import Mutant
from tests.support.rights.noticing import Noticed, of_identity, of_walls
from tests.support.rights.places import Places, whole
from tests.support.rights.tables import Question
from tests.support.rights.unnoticed import BEHIND, EQUIVALENT
from tests.support.rights.walls import Wall, questions


@pytest.fixture(scope="module")
def rights() -> Rights:
    return rights_of(whole())


@pytest.fixture(scope="module")
def asked(rights: Rights) -> list[Question]:
    return questions(Wall(rights, Places(whole())))


@pytest.fixture(scope="module")
def noticed(rights: Rights, asked: list[Question]) -> list[Noticed]:
    return [*of_identity(rights, rows(Places(whole()))), *of_walls(rights, asked)]


def test_every_statement_has_mutants_that_are_noticed(rights: Rights, noticed: list[Noticed]) -> None:
    seen = {str(one.mutant.at) for one in noticed if one.by is not None}
    behind = {str(one.mutant.at) for one in noticed if one.mutant.name in BEHIND}

    assert {str(statement) for statement in rights.statements} == seen | behind


def test_no_mutant_passes_but_those_that_give_nothing_or_meet_a_second_wall(noticed: list[Noticed]) -> None:
    passed = {one.mutant.name for one in noticed if one.by is None}

    assert passed == EQUIVALENT.keys() | BEHIND.keys()


def test_with_its_second_wall_down_a_mutant_is_noticed(
    rights: Rights, asked: list[Question], noticed: list[Noticed]
) -> None:
    by_name = {one.mutant.name: one.mutant for one in noticed if one.mutant.at.kind == "resource"}
    for name, other in BEHIND.items():
        assert is_noticed(rights, asked, by_name[name], by_name[other]), name


def is_noticed(rights: Rights, asked: list[Question], one: Mutant, other: Mutant) -> bool:
    owner, before = one.at.owner, rights.resource[one.at.owner]
    # The later statement first: taking one out moves those behind it.
    for mutant in sorted((one, other), key=lambda each: -each.at.index):
        rights = rights.with_statement(mutant.at, mutant.content)
    after = rights.resource[owner]
    here = (each for each in asked if each.case.resource == before)
    return any(ours(replace(each.case, resource=after)) is not each.expected for each in here)


def test_an_evaluator_of_others_notices_the_same(noticed: list[Noticed]) -> None:
    caught = [(one.mutant, one.by) for one in noticed if one.by is not None][::SAMPLE]
    answers = theirs([question.case for _, question in caught])

    assert [
        str(mutant) for (mutant, asked), answer in zip(caught, answers, strict=True) if answer.allowed is asked.expected
    ] == []


SAMPLE = 8  # of some 1,400, to stay within seconds: each is a document that the other evaluator reads anew

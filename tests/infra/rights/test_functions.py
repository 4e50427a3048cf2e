"""Each role by its own policies: one table of what it must be able to do, and must not, read by two evaluators."""

from __future__ import annotations

import pytest

from tests.support.rights.asking import ours, theirs
from tests.support.rights.documents import rights_of
from tests.support.rights.functions import rows
from tests.support.rights.places import ROLES, Places, whole
from tests.support.rights.rows import Row
from tests.support.rights.tables import Question, question


@pytest.fixture(scope="module")
def table() -> list[Row]:
    return rows(Places(whole()))


@pytest.fixture(scope="module")
def questions(table: list[Row]) -> list[Question]:
    rights = rights_of(whole())
    return [question(row, role, rights) for row in table for role in sorted(rights.identity)]


def test_the_table_names_every_role_and_no_other(table: list[Row]) -> None:
    assert set(rights_of(whole()).identity) == ROLES
    assert frozenset().union(*(row.may for row in table)) == ROLES


def test_each_role_may_do_what_the_table_says_and_nothing_else(questions: list[Question]) -> None:
    wrong = [f"{one} expected {one.expected}" for one in questions if ours(one.case) is not one.expected]

    assert not wrong


SAMPLE = 4  # of what is refused, some 9,000 requests: the other evaluator takes a millisecond for each


def test_an_evaluator_of_others_reads_the_policies_alike(questions: list[Question]) -> None:
    allowed = [one for one in questions if one.expected]
    asked = allowed + [one for one in questions if not one.expected][::SAMPLE]
    pairs = list(zip(asked, theirs([one.case for one in asked]), strict=True))

    assert [f"{one} expected {one.expected}" for one, answer in pairs if answer.allowed is not one.expected] == []
    # What AWS's reference does not know would never hold there, however well we evaluate it.
    unknown = {f"{one.case.ask}: {answer}" for one, answer in pairs if answer.error}
    ignored = {
        f"{one.case.ask}: {answer.ignored}" for one, answer in pairs if answer.ignored and not one.case.ask.explained
    }
    assert unknown | ignored == set()

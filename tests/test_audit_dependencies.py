"""An audit that did not look at every pin cannot tell, whatever its tool says."""

from __future__ import annotations

import json

import pytest
from scripts.audit_dependencies import Answer, read_answer, verdict

PINNED = ("boto3", "six")
CLEAN = [{"name": "boto3", "version": "1", "vulns": []}, {"name": "Six", "version": "1", "vulns": []}]
FOUND = {"name": "six", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}]}


def answer(*dependencies: object) -> Answer:
    return read_answer(json.dumps({"dependencies": dependencies, "fixes": []}), PINNED)


def test_looks_clean_only_where_every_pin_was_looked_at() -> None:
    assert verdict([answer(*CLEAN)]) == 0


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(answer(CLEAN[0], {"name": "six", "skip_reason": "not found"}), id="one-was-skipped"),
        pytest.param(answer(CLEAN[0]), id="one-is-not-named"),
        pytest.param(answer(), id="none-is-named"),
        pytest.param(read_answer("", PINNED), id="nothing-was-said"),
        pytest.param(read_answer("[]", PINNED), id="another-document"),
        pytest.param(read_answer("<html>", PINNED), id="a-proxys-page"),
    ],
)
def test_cannot_tell_otherwise(said: Answer) -> None:
    assert verdict([said]) == 3


def test_a_finding_counts_though_others_were_skipped() -> None:
    said = answer(FOUND)
    assert said.vulnerable == ("six 1: PYSEC-1, mended in 2",)
    assert verdict([said]) == 1


def test_a_second_service_does_not_take_back_a_finding() -> None:
    assert verdict([answer(FOUND), answer(*CLEAN)]) == 1


def test_a_second_service_may_tell_where_the_first_could_not() -> None:
    assert verdict([read_answer("", PINNED), answer(*CLEAN)]) == 0

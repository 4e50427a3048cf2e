"""The layers fail independently: what the product stops, what each layer stops alone, and what the docs say of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern_local.postgres import PostgresServer
from tests.noninterference.layers import CLASSES, Attempt, attempt_all, attempt_product, documented, ground, table

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def attempts(postgres: PostgresServer) -> list[Attempt]:
    with ground(postgres) as at:
        return attempt_all(at)


@pytest.fixture(scope="module")
def attempts16(postgres16: PostgresServer) -> Iterator[list[Attempt]]:
    with ground(postgres16) as at:
        yield attempt_product(at)


@pytest.mark.parametrize("version", ["attempts", "attempts16"], ids=["18", "16"])
def test_together_they_stop_every_attack(request: pytest.FixtureRequest, version: str) -> None:
    measured: list[Attempt] = request.getfixturevalue(version)
    assert [one for one in measured if one.layer == "all" and one.succeeded] == []


def test_no_raw_value_passes_the_wall_but_by_a_function_that_hands_it_out(attempts: list[Attempt]) -> None:
    """A SECURITY DEFINER function open to PUBLIC goes around every view: doctor names it, the guard refuses it."""
    about_values = {attacks.title for attacks in CLASSES if attacks.goal.name in {"VALUE", "FAILURE"}}
    passed = {one.title for one in attempts if one.layer == "wall" and one.succeeded and one.title in about_values}
    assert passed == {
        "Catalogs: what exists, how large it is, what definitions say",
        "SECURITY DEFINER functions left open to PUBLIC",
    }


def test_each_class_succeeds_somewhere_or_is_stopped_by_privileges_that_nobody_has(attempts: list[Attempt]) -> None:
    """An attack that succeeds against some layer shows the figures of the others to be measurements."""
    succeeded = {one.title for one in attempts if one.succeeded}
    assert {attacks.title for attacks in CLASSES} - succeeded == {
        "System columns",  # a view has none
        "Code, prepared statements, cursors",  # they read masks at the wall, and a session takes no second statement
        "Files and programs of the server, COPY",
        "Functions that run SQL or read tables by name",
        "Other roles",
        "Writes by a task that may only read, and what a conflict tells",
    }


def test_the_documented_figures_are_the_measured_ones(attempts: list[Attempt]) -> None:
    assert documented() == table(attempts), "run python -m tests.noninterference.layers"


@pytest.mark.parametrize("named", sorted({test for attacks in CLASSES for test in attacks.also}))
def test_a_test_that_is_named_exists(named: str) -> None:
    file, _, function = named.partition("::")
    defined = {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}
    assert function in defined if function else any(name.startswith("test_") for name in defined)

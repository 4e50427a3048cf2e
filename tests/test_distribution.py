"""How tests are handed out: what shares a stack stays together, and what is named by its path is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distribution import ALONE, CHINOOK, E2E, LONGEST, scope_of

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/e2e/test_api.py::test_a[b::c]", "chinook"),
        ("tests/e2e/test_log.py::test_a", "shop"),
        ("tests/e2e/test_faults.py::test_a", "tests/e2e/test_faults.py"),
        ("tests/local/test_stack.py::test_a", "tests/local/test_stack.py"),
        ("tests/edges/test_log_bucket.py::TestContract::test_a", "tests/edges/test_log_bucket.py"),
    ],
)
def test_a_module_stays_whole_and_with_those_of_its_stack(nodeid: str, scope: str) -> None:
    assert scope_of(nodeid) == scope


def test_every_module_that_is_named_exists() -> None:
    named = {f"{E2E}{name}" for name in CHINOOK | ALONE} | {scope for scope in LONGEST if scope.endswith(".py")}
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []

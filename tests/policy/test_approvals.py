"""How many people must approve: the file's numbers, and what holds where it is silent."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError
from postern.policy.approvals import Approvals, parse_approvals


@pytest.mark.parametrize(
    ("text", "approvals"),
    [
        pytest.param("{default: 1, unmask: 2, writes: 3, statements: 4}", Approvals(1, 2, 3, 4), id="all"),
        pytest.param("{}", Approvals(1, 2, 1, 2), id="none"),
        pytest.param("{default: 3}", Approvals(3, 3, 3, 3), id="raised-default-raises-the-rest"),
        pytest.param("{default: 3, unmask: 1}", Approvals(3, 1, 3, 3), id="what-is-written-holds"),
    ],
)
def test_parses_numbers(text: str, approvals: Approvals):
    assert parse_approvals(text.encode(), file="approvals.yaml") == approvals


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("\ndefault: 0", 2, id="zero"),
        pytest.param("default: 1\nunmask: 11", 2, id="too-many"),
        pytest.param("default: 1\nunmask: -1", 2, id="negative"),
        pytest.param("default: 1\nunmask: true", 2, id="boolean"),
        pytest.param('default: 1\nunmask: "2"', 2, id="text"),
        pytest.param("default: 1\nunmasked: 2", 2, id="unknown"),
        pytest.param("- default", 1, id="list"),
    ],
)
def test_rejects_anything_else_naming_the_line(text: str, line: int):
    with pytest.raises(PolicyFileError) as raised:
        parse_approvals(text.encode(), file="approvals.yaml")
    assert (raised.value.file, raised.value.line) == ("approvals.yaml", line)

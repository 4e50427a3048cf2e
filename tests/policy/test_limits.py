"""How much one may ask for: the file's numbers, what holds where it is silent, and what is no such file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.errors import PolicyFileError
from postern.policy.limits import Allowance, RateLimits, parse_limits
from postern.types import DatabaseName
from tests.support.domain import AGENT

SHOP = DatabaseName("shop")


def limits(text: str) -> RateLimits:
    return parse_limits(text.encode(), file="limits.yaml", catalogued={SHOP})


@pytest.mark.parametrize(
    ("text", "general", "provisions"),
    [
        pytest.param("{openings: 1, statements: 2, pending: 3, provisions: 4}", Allowance(1, 2, 3), 4, id="all"),
        pytest.param("{}", Allowance(), RateLimits().provisions, id="none"),
        pytest.param("statements: 7", replace(Allowance(), statements=7), RateLimits().provisions, id="one"),
    ],
)
def test_what_is_left_out_is_the_products_number(text: str, general: Allowance, provisions: int):
    read = limits(text)
    assert (read.of(AGENT), read.provisions_of(SHOP)) == (general, provisions)


GROUPS = """\
openings: 10
statements: 100
pending: 5
groups:
  batch: {statements: 3000, pending: 2}
  night: {statements: 400}
"""


@pytest.mark.parametrize(
    ("groups", "may"),
    [
        pytest.param((), Allowance(10, 100, 5), id="in-none"),
        pytest.param(("others",), Allowance(10, 100, 5), id="in-one-that-the-file-does-not-name"),
        pytest.param(("night",), Allowance(10, 400, 5), id="one-number"),
        pytest.param(("batch",), Allowance(10, 3000, 2), id="lower-than-the-general-number"),
        pytest.param(("batch", "night"), Allowance(10, 3000, 2), id="the-greatest-of-two"),
    ],
)
def test_a_group_has_numbers_of_its_own(groups: tuple[str, ...], may: Allowance):
    assert limits(GROUPS).of(replace(AGENT, groups=groups)) == may


def test_a_database_has_a_rate_of_its_own():
    read = limits("provisions: 9\ndatabases:\n  shop: {provisions: 2}\n")
    assert (read.provisions_of(SHOP), read.provisions_of(DatabaseName("hr"))) == (2, 9)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("\nopenings: 0", 2, id="zero"),
        pytest.param("statements: 100001", 1, id="too-many"),
        pytest.param("pending: 91", 1, id="more-places-than-one-request-looks-at"),
        pytest.param("openings: true", 1, id="boolean"),
        pytest.param("openings: 1\nrate: 2", 2, id="unknown"),
        pytest.param("groups:\n  a:\n    provisions: 3", 3, id="a-group-has-no-provisions"),
        pytest.param("groups: [a]", 1, id="groups-as-list"),
        pytest.param("databases:\n  nowhere: {provisions: 3}", 2, id="database-without-catalog"),
        pytest.param("databases:\n  shop: {}", 2, id="database-without-number"),
        pytest.param("databases:\n  shop: {openings: 3}", 2, id="database-with-anothers-number"),
        pytest.param("- openings", 1, id="list"),
    ],
)
def test_rejects_anything_else_naming_the_line(text: str, line: int):
    with pytest.raises(PolicyFileError) as raised:
        limits(text)
    assert (raised.value.file, raised.value.line) == ("limits.yaml", line)

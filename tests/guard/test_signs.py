"""Rows of signs that the lexer would read again for each of them are refused before it sees them."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.signs import MAX_SIGNS
from postern.guard.verdict import Allowed, Objection, Refused
from postern.run_once.tokens import tokens_of
from postern.statement_text.normalise import normalise
from tests.support.guard import chinook_scope

SCOPE = chinook_scope()

# Each cost 9 to 40 s of a processor at 64,000 characters.
SLOW = {
    "pluses": "SELECT 1" + "+" * 10_000 + "1",
    "pluses and minuses": "SELECT 1" + "+-" * 5_000 + "1",
    "behind an operator": "SELECT 1 *" + "+" * 10_000 + "1",
    "around a comment": "SELECT 1" + "+" * 10_000 + "--\n1",
    "comments": "SELECT 1" + "/**/" * 2_500,
    "comments in comments": "SELECT 1" + "/*" * 5_000 + "*/" * 5_000,
    "comments with stars": "SELECT 1" + "/***/" * 2_500,
    "one more than may be": "SELECT 1" + "+" * (MAX_SIGNS + 1) + "1",
}
READ_AT_ONCE = {
    "as many as may be": "SELECT 1 " + "+" * MAX_SIGNS + "1",
    "comments with spaces": "SELECT 1" + "/**/ " * 2_500,
    "a line of minuses": "SELECT 1 --" + "-" * 5_000,
    "a table of psql's": "SELECT 1 /*\n" + ("-" * 40 + "+") * 100 + "\n*/",
    "a line of equals signs": "SELECT 1 -- " + "=" * 5_000,
    "a box of stars": "SELECT 1 /" + "*" * 5_000 + "/",
    "text": "SELECT '" + "-=" * 5_000 + "'",
}


@pytest.mark.parametrize("sql", SLOW.values(), ids=SLOW)
def test_what_would_be_read_again_is_refused(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.length"
    assert "in a row, got" in verdict.reason
    assert normalise(sql) is None


@pytest.mark.parametrize("sql", READ_AT_ONCE.values(), ids=READ_AT_ONCE)
def test_what_is_read_at_once_is_not(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Allowed)


def test_a_functions_body_has_the_same_bound() -> None:
    refused = tokens_of("RETURN 1" + "+" * 10_000 + "1")

    assert isinstance(refused, Objection)
    assert refused.code == "guard.length"
    assert isinstance(tokens_of("RETURN 1 " + "+" * MAX_SIGNS + "1"), list)

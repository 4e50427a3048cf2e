"""The caller's token: one, whole, and with nothing in it that could end a header."""

from __future__ import annotations

import pytest

from postern.edges.mcp.bearer import MAX_TOKEN_CHARACTERS, bearer_token
from postern.errors import BadRequest
from tests.support.mcp import TOKEN, event


@pytest.mark.parametrize("sent", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", f"BEARER {TOKEN}"])
def test_takes_the_token_as_it_is(sent: str) -> None:
    token = bearer_token(event(b"", {"Authorization": sent}))
    assert token.reveal() == TOKEN
    assert TOKEN not in repr(token)


REFUSED = {
    "nothing": "",
    "no scheme": TOKEN,
    "another scheme": f"Basic {TOKEN}",
    "no token": "Bearer ",
    "two tokens": f"Bearer {TOKEN} {TOKEN}",
    "two credentials": f"Bearer {TOKEN}, Bearer {TOKEN}",
    "a header smuggled in": f"Bearer {TOKEN}\r\nX-Evil: 1",
    "a line break at its end": f"Bearer {TOKEN}\n",
    "NUL": f"Bearer {TOKEN}\0",
    "a letter of no header": "Bearer tök",
    "too long": "Bearer " + "x" * (MAX_TOKEN_CHARACTERS + 1),
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_refuses_what_is_not_one_token_and_quotes_none_of_it(sent: str) -> None:
    with pytest.raises(BadRequest) as refused:
        bearer_token(event(b"", {"Authorization": sent}))
    assert TOKEN not in refused.value.detail


def test_says_of_a_bound_token_why_it_cannot_come_this_way() -> None:
    with pytest.raises(BadRequest, match="bound to a key cannot be sent on"):
        bearer_token(event(b"", {"Authorization": f"DPoP {TOKEN}"}))


def test_refuses_two_headers() -> None:
    given = event(b"")
    given["multiValueHeaders"]["authorization"] = [f"Bearer {TOKEN}"]
    with pytest.raises(BadRequest):
        bearer_token(given)

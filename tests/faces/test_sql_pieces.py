"""SQL in colours: each piece of the right kind, and all pieces together the text, sign for sign."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from tests.support.console_site import console_site

TOKENS = "async (text) => (await import('./console/sql.js')).tokens(text)"
# PostgreSQL's documentation, section 4.1.
PIECES = {
    "keyword in any case": ("Select", [["keyword", "Select"]]),
    "name that begins as a keyword": ("selects", [["word", "selects"]]),
    "quoted name with a quote": ('"a""b"', [["name", '"a""b"']]),
    "string with a quote": ("'it''s'", [["string", "'it''s'"]]),
    "string that does not end": ("'abc", [["string", "'abc"]]),
    "backslash in a plain string": (r"'a\' x", [["string", r"'a\'"], ["blank", " "], ["word", "x"]]),
    "backslash in an escape string": (r"E'a\' x'", [["string", r"E'a\' x'"]]),
    "dollar quotes": ("$$it's$$", [["string", "$$it's$$"]]),
    "tagged dollar quotes": ("$a$ $b$ $$ $a$", [["string", "$a$ $b$ $$ $a$"]]),
    "parameter": ("$12", [["parameter", "$12"]]),
    "dollar within a name": ("a$1", [["word", "a$1"]]),
    "line comment": ("-- a\nb", [["comment", "-- a"], ["blank", "\n"], ["word", "b"]]),
    "nested comment": ("/* a /* b */ c */d", [["comment", "/* a /* b */ c */"], ["word", "d"]]),
    "comment that does not end": ("/* a /* b */", [["comment", "/* a /* b */"]]),
    "quote within a comment": ("/* ' */1", [["comment", "/* ' */"], ["number", "1"]]),
    "comment within a string": ("'--'", [["string", "'--'"]]),
    "number": ("1_000.5e-3", [["number", "1_000.5e-3"]]),
    "hexadecimal": ("0xFF", [["number", "0xFF"]]),
    "two signs": ("<=", [["sign", "<"], ["sign", "="]]),
    "letters of other scripts": ("größe", [["word", "größe"]]),
    "half a pair": ("a\ud83d", [["word", "a\ud83d"]]),
}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with console_site() as site:
        opened = browser.new_page()
        opened.goto(f"{site.url}/console")
        yield opened
        opened.close()


@pytest.mark.parametrize(("text", "pieces"), PIECES.values(), ids=PIECES.keys())
def test_a_piece_is_what_postgresql_takes_it_for(text: str, pieces: list[list[str]], page: Page) -> None:
    assert page.evaluate(TOKENS, text) == pieces


PARTS = (
    "'",
    '"',
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "\n",
    " ",
    "E'",
    "\\",
    "select",
    "a",
    "1",
    "$1",
    ";",
    "\u202e",
    "\U0001f600",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_no_sign_is_lost_or_added(page: Page, text: str) -> None:
    pieces = page.evaluate(TOKENS, text)

    assert "".join(piece for _, piece in pieces) == text
    assert all(piece for _, piece in pieces)

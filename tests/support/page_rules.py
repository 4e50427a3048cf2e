"""Rules of WCAG 2.2 that a program can hold a page to: a script that the page evaluates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# An object in parentheses, after a line that says what it is.
_RULES = Path(__file__).with_suffix(".js").read_text().partition("\n")[2].strip().rstrip(";")


def broken_rules(page: Page) -> dict[str, list[str]]:
    """For each rule that does not hold, the elements that break it."""
    found: dict[str, list[str]] = page.evaluate(f"() => {_RULES}.rules()")
    return found


def poor_contrasts(page: Page) -> list[str]:
    """Every kind of text that is drawn with less contrast than it must have, with the ratio."""
    found: list[str] = page.evaluate(f"() => {_RULES}.contrast()")
    return found

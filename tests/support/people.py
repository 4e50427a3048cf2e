"""People of the demo at the console of a running local stack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from postern_local.stack import Stack


def sign_in_as(page: Page, stack: Stack, person: str) -> None:
    """Opens the console where it is not open, and picks a person at the local issuer: `person:erin`, for example."""
    if not page.url.startswith(stack.ready.api):
        page.goto(f"{stack.ready.api}/console")
    if page.get_by_role("button", name="Sign out").is_visible():
        page.get_by_role("button", name="Sign out").click()
    enter = page.get_by_role("button", name=re.compile("Sign in with"))
    expect(enter).to_be_enabled()
    with page.context.expect_page() as opened:
        enter.click()
    opened.value.locator("button[name=person]").filter(has_text=person).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")

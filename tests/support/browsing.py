"""A page in a browser that is watched: what ran, what was refused, what was stored."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

expect.set_options(timeout=20_000)  # a machine that is busy draws slowly; nothing here is asserted of time
PICTURES = Path(__file__).parents[2] / ".postern" / "screenshots"
# Set in every frame before anything else runs; what a hostile text would set to something else.
CANARY = "Object.defineProperty(window, 'ran', {value: [], configurable: false});"
VIOLATIONS = """document.addEventListener('securitypolicyviolation',
  (event) => console.error('CSP', event.violatedDirective, event.blockedURI));"""
STORED = """async () => JSON.stringify([
  Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, location.href, history.state,
  (await indexedDB.databases()).map((one) => one.name), await caches.keys(),
  await navigator.serviceWorker.getRegistrations(), window.name, Object.keys(window).length,
])"""


def chromium() -> str:
    """The system's browser. A machine that checks must have it; on another its tests are skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        assert not os.environ.get("CI"), "chromium: expected it in PATH, got none: apt-get install chromium"
        pytest.skip("chromium is missing: apt-get install chromium")
    return found


@dataclass(slots=True)
class Watched:
    """A page, and what must not have happened on it. `expected` are errors of the network that a test brings about."""

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    expected: re.Pattern[str] = re.compile(r"Failed to load resource: the server responded with a status of")

    def check(self) -> None:
        assert [fault for fault in self.faults if not self.expected.search(fault)] == []
        if not self.page.is_closed():
            assert self.page.evaluate("window.ran") == []

    def stored(self) -> str:
        """Everything that the origin keeps, and the address, as one text."""
        return str(self.page.evaluate(STORED))


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[Watched]:
    """A page of a context of its own, whose faults fail the test at the end."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
    context.set_default_timeout(20_000)
    context.add_init_script(CANARY + VIOLATIONS)
    made = Watched(context.new_page())
    _watch(context, made)
    try:
        yield made
        made.check()
    finally:
        context.close()


def _watch(context: BrowserContext, made: Watched) -> None:
    context.on("console", lambda message: made.faults.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: made.faults.append(str(error.error)))
    context.on("dialog", lambda dialog: (made.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    context.on("request", lambda request: made.requests.append(request.url))


def sign_in(page: Page, url: str) -> None:
    """Opens the console and signs in, where the provider asks nothing."""
    page.goto(f"{url}/console")
    page.get_by_role("button", name="Sign in with").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")


def go(page: Page, view: str, heading: str | re.Pattern[str]) -> None:
    page.evaluate("(view) => { location.hash = view; }", view)
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")


def picture(page: Page, name: str) -> None:
    """Draws the whole page into .postern/screenshots, for people to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

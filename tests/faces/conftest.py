"""A browser, and sites for it: one whose answers a test scripts, and a whole local stack.

Not a part of `make test`: a browser takes seconds to begin with. `make faces` runs what is here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from postern_local.stack import Stack
    from tests.support.browsing import Watched
    from tests.support.console_site import ConsoleSite

collect_ignore_glob = [] if os.environ.get("POSTERN_FACES") else ["test_*.py"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: as long as Playwright is there, its event loop runs, and asyncio has no other in the thread."""
    from playwright.sync_api import sync_playwright

    from tests.support.browsing import chromium

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium())
        yield started
        started.close()


@pytest.fixture
def site() -> Iterator[ConsoleSite]:
    """A console whose API says what an approver with every right sees; a test changes what it needs."""
    from tests.support import console_answers
    from tests.support.console_site import console_site

    with console_site() as made:
        made.script |= console_answers.everything()
        yield made


@pytest.fixture
def eyes(browser: Browser) -> Iterator[Watched]:
    """A page on which nothing may go wrong unseen."""
    from tests.support.browsing import watched

    with watched(browser) as made:
        yield made


@pytest.fixture
def page(eyes: Watched, site: ConsoleSite) -> Page:
    """The console with somebody signed in."""
    from tests.support.browsing import sign_in

    sign_in(eyes.page, site.url)
    return eyes.page


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the demo's shop in it."""
    from postern_local.stack import Options
    from tests.support.watched_stack import watched_stack

    with watched_stack(Options(state=tmp_path_factory.mktemp("faces") / "state")) as started:
        yield started

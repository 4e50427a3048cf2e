"""The console for who uses no mouse, sees badly or hears it read, on a small screen, in light and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support import console_answers as answers
from tests.support.browsing import go, picture, sign_in, watched
from tests.support.page_rules import broken_rules, poor_contrasts

VIEWS = {
    "pending": ("#/pending", "Waiting for approval"),
    "migration": (f"#/pending/{answers.MIGRATION}", "Waiting for approval"),
    "live": ("#/live", "Live tasks"),
    "timeline": (f"#/task/{answers.TASK}", re.compile("Timeline of task")),
    "search": ("#/search?kind=statement", "Search the records"),
    "log": ("#/log", "The log of evidence"),
}
SCREENS = {
    "wide-light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "wide-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow-light": {"viewport": {"width": 375, "height": 740}, "color_scheme": "light"},
    "narrow-dark": {"viewport": {"width": 375, "height": 740}, "color_scheme": "dark"},
    "smallest": {"viewport": {"width": 320, "height": 568}, "color_scheme": "light"},
}


def holds(page, name):
    picture(page, name)
    assert broken_rules(page) == {}, name
    assert poor_contrasts(page) == [], name


@pytest.mark.parametrize("screen", SCREENS)
def test_every_view_keeps_the_rules_on_every_screen(screen, browser, site):
    """And leaves a picture of itself in .postern/screenshots, for people to look at."""
    with watched(browser, timezone_id="Europe/Berlin", **SCREENS[screen]) as eyes:
        page = eyes.page
        page.goto(f"{site.url}/console")
        expect(page.get_by_role("button", name="Sign in with")).to_be_enabled()
        holds(page, f"sign-in-{screen}")
        sign_in(page, site.url)
        for name, (view, heading) in VIEWS.items():
            go(page, view, heading)
            holds(page, f"{name}-{screen}")
        page.keyboard.press("?")
        holds(page, f"shortcuts-{screen}")
        page.keyboard.press("Escape")
        site.script["POST", f"/v1/tasks/{answers.TASK}/approval"] = (
            403,
            {
                "code": "approval.four_eyes",
                "detail": "The task is yours, or was opened on your behalf. Another person must decide.",
            },
        )
        go(page, f"#/pending/{answers.TASK}", "Waiting for approval")
        page.keyboard.press("a")
        page.get_by_label("Why").fill("as agreed this morning")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
        expect(page.get_by_role("dialog").get_by_text("Another person must decide.")).to_be_in_viewport(ratio=0.9)
        holds(page, f"four-eyes-{screen}")
        page.keyboard.press("Escape")
        go(page, "#/live", "Live tasks")
        page.get_by_role("button", name="Revoke").click()
        page.get_by_label("Reason").fill("the shop closes")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".notice")).to_be_visible()
        holds(page, f"revoked-{screen}")
        site.script["GET", "/v1/log"] = (
            401,
            {"code": "token.expired", "detail": "The token has expired. Get a new one."},
        )
        page.keyboard.press("4")
        expect(page.locator("#banner")).not_to_be_empty()
        holds(page, f"problem-{screen}")


def test_signs_in_decides_and_signs_out_by_keyboard_alone(eyes, site):
    page = eyes.page
    page.goto(f"{site.url}/console")
    expect(page.get_by_role("button", name="Sign in with")).to_be_enabled()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign in with")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Waiting for approval")).to_be_focused()

    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.innerText?.trim() || document.activeElement.ariaLabel || ''"))
        if seen >= {"Sign out"}:
            break
    for text in ("Approve", "Deny", "Keyboard shortcuts", "Sign out"):
        assert any(text in one for one in seen), (text, seen)

    page.get_by_role("button", name="Deny").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("not today")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("dialog").get_by_role("button", name="Deny")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Denied.")).to_be_visible()
    expect(page.get_by_role("heading", name="Waiting for approval")).to_be_focused()


def test_a_dialog_gives_the_focus_back(page):
    deny = page.get_by_role("button", name="Deny")
    deny.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")

    expect(deny).to_be_focused()


def test_whoever_tabs_sees_where_they_are(page):
    for _ in range(8):
        page.keyboard.press("Tab")
        drawn = page.evaluate("() => { const drawn = getComputedStyle(document.activeElement); return drawn.outline; }")
        assert "solid 3px" in drawn, page.evaluate("document.activeElement.outerHTML")


def test_shortcuts_are_listed_and_can_be_switched_off(page):
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    for label in ("Approve the task that is shown", "Ask again", "Next task", "Live"):
        expect(dialog).to_contain_text(label)
    dialog.get_by_label("Shortcuts of one key act").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.keyboard.press("4")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    expect(page.get_by_role("heading", name="Waiting for approval")).to_be_visible()


def test_no_shortcut_acts_while_somebody_types(page, site):
    go(page, "#/search", "Search the records")
    page.get_by_label("Who").fill("")
    page.keyboard.type("ad1?r/")

    expect(page.get_by_label("Who")).to_have_value("ad1?r/")
    expect(page.get_by_role("heading", name="Search the records")).to_be_visible()


def test_what_happens_is_said_to_who_hears_the_page(page, site):
    expect(page.get_by_role("status").filter(has_text="2 tasks waiting for approval.")).to_have_count(1)
    go(page, "#/live", "Live tasks")
    expect(page.get_by_role("status").filter(has_text="1 live task.")).to_have_count(1)
    assert page.locator("#banner").get_attribute("role") == "alert"


def test_nothing_moves_for_who_asked_for_stillness(browser, site):
    with watched(browser, reduced_motion="reduce") as eyes:
        sign_in(eyes.page, site.url)
        eyes.page.evaluate(
            "() => { window.asked = []; Element.prototype.scrollIntoView = (how) => window.asked.push(how.behavior); }"
        )
        go(eyes.page, f"#/task/{answers.TASK}", re.compile("Timeline"))
        eyes.page.get_by_label("Speed").select_option("60")
        eyes.page.get_by_role("button", name="Play").click()
        expect(eyes.page.locator(".entry:visible")).to_have_count(3)

        assert set(eyes.page.evaluate("window.asked")) == {"auto"}


def test_without_scripts_the_page_says_what_else_there_is(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/console")

    assert "The console runs in the browser" in page.locator("main").inner_text()
    context.close()

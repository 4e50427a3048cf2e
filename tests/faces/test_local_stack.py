"""The console over a whole local stack: real tokens, real refusals, real records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.support.browsing import Watched, go, picture, watched
from tests.support.people import sign_in_as
from tests.support.stack import wait_until

ASKED: dict[str, Any] = {
    "database": "shop",
    "purpose": "weekly totals",
    "access": [{"tables": ["orders", "customers"], "actions": ["select"]}],
    "ttl_s": 7200,
}
HOSTILE = "<img src=x onerror=window.ran.push(1)> \u202egnp.exe"


@pytest.fixture
def eyes(browser: Browser) -> Iterator[Watched]:
    with watched(browser) as made:
        yield made


def agent(stack: Stack, name: str, **claims: str) -> Caller:
    return Caller(stack.ready, f"repo:acme/{name}:main", {"role": "agent"} | claims)


def open_pending(who: Caller, **asked: Any) -> str:
    opened = who.call("POST", "/v1/tasks", {**ASKED, **asked})
    assert (opened.status, opened.body["state"]) == (201, "pending_approval"), opened.body
    return str(opened.body["task_id"])


def give_word(eyes: Watched, task: str, key: str, reason: str) -> None:
    go(eyes.page, f"#/pending/{task}", "Waiting for approval")
    expect(eyes.page.locator(".detail")).to_contain_text(task)
    eyes.page.keyboard.press(key)
    eyes.page.get_by_label("Why").fill(reason)
    eyes.page.keyboard.press("Control+Enter")


def logged(stack: Stack, task: str, count: int) -> None:
    """Returns once the signed log has so many records of the task."""
    auditor = Caller(stack.ready, "person:ava", {"role": "auditor"})
    path = f"/v1/records?task={task}&limit=500"
    wait_until(lambda: len(auditor.call("GET", path).body.get("records", ())) >= count, limit_s=60)


def test_a_task_is_approved_runs_is_revoked_and_its_timeline_tells_it(stack: Stack, eyes: Watched) -> None:
    who = agent(stack, "reports")
    task = open_pending(who)
    sign_in_as(eyes.page, stack, "person:erin")
    give_word(eyes, task, "a", "as agreed this morning")
    expect(eyes.page.locator(".notice")).to_contain_text("Approved. The task is active.")
    for sql, status in {"SELECT email FROM customers LIMIT 3": 200, "SELECT * FROM staff": 403}.items():
        assert who.call("POST", f"/v1/tasks/{task}/query", {"sql": sql}).status == status

    sign_in_as(eyes.page, stack, "person:olga")
    go(eyes.page, "#/live", "Live tasks")
    card = eyes.page.locator(".card").filter(has=eyes.page.locator(f'[data-task="{task}"]'))
    expect(card).to_contain_text("2 of 500")
    card.get_by_role("button", name="Revoke").click()
    eyes.page.get_by_label("Reason").fill("the shop closes")
    eyes.page.keyboard.press("Control+Enter")
    expect(eyes.page.locator(".notice")).to_contain_text("0 sessions, 0 schemas, 0 roles, 0 keys")
    assert who.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"}).body["code"] == "task.revoked"

    logged(stack, task, 10)
    sign_in_as(eyes.page, stack, "person:ava")
    go(eyes.page, f"#/task/{task}", re.compile("Timeline of task"))
    titles = {text.replace("\n", " ") for text in eyes.page.locator(".entry h2").all_inner_texts()}
    assert titles >= {
        "Task granted recorded",
        "Approval approved",
        "World built ok",
        "Statement ok",
        "Statement refused",
        "World torn down ok",
    }
    shown = eyes.page.locator("main").inner_text()
    for text in (
        "as agreed this morning",
        "email email 3×",
        "guard.relation",
        "0 sessions, 0 schemas, 0 roles, 0 keys",
    ):
        assert text in shown
    assert eyes.page.locator(".entry .bad").count() == eyes.page.locator(".entry .tag.bad").count()
    picture(eyes.page, "stack-timeline")


def test_four_eyes_are_told_and_the_reason_stays(stack: Stack, eyes: Watched) -> None:
    """Erin's page shows what was asked for on her behalf as Frank sees it: the gate, asked by her, refuses her word."""
    task = open_pending(agent(stack, "four-eyes", actor="person:erin"))
    sign_in_as(eyes.page, stack, "person:erin")
    go(eyes.page, f"#/pending/{task}", "Waiting for approval")
    expect(eyes.page.locator(".detail")).to_contain_text("Another person must.")
    expect(eyes.page.get_by_role("button", name="Approve")).not_to_be_visible()
    franks = Caller(stack.ready, "person:frank", {"role": "approver"}).call("GET", f"/v1/tasks/{task}").body
    eyes.page.route(f"**/v1/tasks/{task}", lambda route: route.fulfill(json=franks))
    eyes.page.keyboard.press("r")
    give_word(eyes, task, "a", "I know this one")

    told = eyes.page.get_by_role("dialog").get_by_role("alert")
    expect(told).to_contain_text("approval.four_eyes")
    expect(eyes.page.get_by_label("Why")).to_have_value("I know this one")
    eyes.page.keyboard.press("Escape")
    eyes.page.unroute_all()
    sign_in_as(eyes.page, stack, "person:frank")
    give_word(eyes, task, "d", "not today")
    expect(eyes.page.locator(".notice")).to_contain_text("Denied. The task is denied.")


def test_a_hostile_request_is_shown_as_it_was_sent(stack: Stack, eyes: Watched) -> None:
    who = agent(stack, "hostile", actor=HOSTILE[:38])
    task = open_pending(who, purpose=HOSTILE, ticket=HOSTILE[:100])
    sign_in_as(eyes.page, stack, "person:erin")
    go(eyes.page, f"#/pending/{task}", "Waiting for approval")
    expect(eyes.page.locator("blockquote.own-words")).to_have_text(HOSTILE.replace("\u202e", "U+202E"))
    give_word(eyes, task, "a", HOSTILE)
    expect(eyes.page.locator(".notice")).to_contain_text("Approved.")
    sql = f"SELECT '{HOSTILE}' AS \"{HOSTILE[:40]}\" /* </script> */"
    who.call("POST", f"/v1/tasks/{task}/query", {"sql": sql})
    who.call("POST", f"/v1/tasks/{task}/query", {"sql": f'SELECT "{HOSTILE[:40]}" FROM orders'})
    who.call("DELETE", f"/v1/tasks/{task}")

    logged(stack, task, 8)
    sign_in_as(eyes.page, stack, "person:ava")
    go(eyes.page, f"#/task/{task}", re.compile("Timeline of task"))
    expect(eyes.page.locator(".entry .sql-string").first).to_contain_text("<img src=x onerror")
    assert eyes.page.locator("main img, main script").count() == 0
    picture(eyes.page, "stack-hostile")


def test_an_auditor_searches_and_an_agent_sees_its_own_records_alone(stack: Stack, eyes: Watched) -> None:
    mine = agent(stack, "searched")
    task = open_pending(mine)
    mine.call("DELETE", f"/v1/tasks/{task}")
    logged(stack, task, 1)
    sign_in_as(eyes.page, stack, "person:ava")
    go(eyes.page, "#/search?principal=ci%7Crepo:acme/searched:main&kind=grant", "Search the records")
    expect(eyes.page.locator("tbody tr")).to_have_count(1)
    expect(eyes.page.locator("tbody tr")).to_contain_text("weekly totals")
    go(eyes.page, "#/search?database=nowhere", "Search the records")
    expect(eyes.page.locator("#banner, .empty").filter(has_text=re.compile("No record fits|nowhere"))).to_have_count(1)

    sign_in_as(eyes.page, stack, "repo:acme/shop:ref:refs/heads/main")
    go(eyes.page, f"#/task/{task}", re.compile("Timeline of task"))
    expect(eyes.page.get_by_text("The log has no record of it that you may see.")).to_be_visible()


def test_the_logs_signature_is_checked_in_the_browser(stack: Stack, eyes: Watched) -> None:
    sign_in_as(eyes.page, stack, "person:ava")
    go(eyes.page, "#/log", "The log of evidence")

    expect(eyes.page.get_by_text("holds, checked in this browser")).to_be_visible()
    picture(eyes.page, "stack-log")

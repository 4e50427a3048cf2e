"""What each view shows and does, against an API whose answers the test chooses."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support import console_answers as answers
from tests.support.browsing import go, sign_in
from tests.support.stack import wait_until

APPROVAL = f"/v1/tasks/{answers.TASK}/approval"
SEEN = {
    "who asks": "ci|repo:acme/reports:main",
    "for whom": "ben",
    "who vouches": "https://ci.example",
    "an attribute": "acme/reports",
    "what it says of itself": answers.PURPOSE,
    "whose words those are": "In the agent’s own words",
    "ticket": "OPS-7",
    "table": "public.customers",
    "mask with its parameters": "token, keep 4",
    "raw value": "raw value",
    "row filter": "region = $region",
    "the filter's value": "region = north",
    "estimate": "about 2,000",
    "trigger": "public.orders_touch",
    "cascade": "public.order_lines",
    "function": "pg_catalog.lower",
    "lookup": "ref.person",
    "life": "2 h from its activation",
    "budget": "1,000,000",
    "digest": answers.DIGEST,
    "who approved it": "people|person:cleo",
    "their comment": "fine by me",
    "how many are needed": "1 of 2 approvals given",
    "what to look at": "writes public.orders: update",
}
MIGRATION = {
    "statement": "ADD COLUMN reviewed boolean NOT NULL DEFAULT false; -- once",
    "its digest": "cd" * 32,
    "effect": "takes an exclusive lock of public.orders",
    "trial": "ok, 0 rows, 12 ms",
    "lock": "public.orders (AccessExclusiveLock)",
    "where it was tried": "shop_copy",
    "what no rollback takes back": "Sequences are not rolled back.",
}


def test_an_approver_sees_all_that_an_approval_binds(page):
    shown = page.locator(".detail").inner_text()

    assert {what: text for what, text in SEEN.items() if text not in shown} == {}


def test_an_approver_sees_what_would_run_once_and_what_a_trial_found(page):
    go(page, f"#/pending/{answers.MIGRATION}", "Waiting for approval")
    expect(page.locator(".sql-keyword").first).to_have_text("ALTER")
    shown = page.locator(".detail").inner_text()

    assert {what: text for what, text in MIGRATION.items() if text not in shown} == {}


@pytest.mark.parametrize(("key", "decision", "told"), [("a", "approve", "Approved."), ("d", "deny", "Denied.")])
def test_one_key_a_reason_and_the_word_is_given_on_what_was_shown(key, decision, told, page, site):
    page.keyboard.press(key)
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("as agreed this morning")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text(told)).to_be_visible()
    [said] = site.of("POST", APPROVAL)
    assert said.json == {"decision": decision, "comment": "as agreed this morning", "scope_digest": answers.DIGEST}
    assert said.headers["Authorization"] == "Bearer the-access-token"


def test_no_word_is_given_without_a_reason_or_by_escape(page, site):
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    page.get_by_label("Why").fill("   ")
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_text("Say why")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    page.keyboard.press("d")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    assert site.of("POST", APPROVAL) == []


def test_a_word_is_sent_once_however_often_it_is_pressed(page, site):
    page.keyboard.press("a")
    page.get_by_label("Why").fill("as agreed")
    page.evaluate("""() => {
      const form = document.querySelector('dialog form');
      for (let i = 0; i < 5; i += 1) form.requestSubmit();
    }""")

    expect(page.get_by_text("Approved.")).to_be_visible()
    assert len(site.of("POST", APPROVAL)) == 1


REFUSALS = {
    "approval.four_eyes": "The task is yours, or was opened on your behalf.",
    "approval.changed": "The task is not what you looked at.",
    "task.state": "The task is denied already.",
}


@pytest.mark.parametrize(("code", "detail"), REFUSALS.items(), ids=REFUSALS.keys())
def test_a_refused_word_is_told_and_what_was_typed_stays(code, detail, page, site):
    site.script["POST", APPROVAL] = (403, {"code": code, "detail": detail})
    page.keyboard.press("a")
    page.keyboard.type("as agreed")
    page.keyboard.press("Control+Enter")

    told = page.get_by_role("dialog").get_by_role("alert")
    expect(told).to_contain_text(detail)
    expect(told).to_contain_text(code)
    expect(page.get_by_label("Why")).to_have_value("as agreed")


def test_j_and_k_go_through_what_waits(page):
    page.keyboard.press("j")
    expect(page.locator(".detail")).to_contain_text("Runs once")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(answers.MIGRATION))
    page.keyboard.press("k")
    expect(page.locator(".detail")).to_contain_text("What it would see and do")


def test_what_was_approved_by_the_one_who_looks_says_so(eyes, site):
    mine = answers.task(review=answers.review(approved_by_you=True))
    site.script["GET", f"/v1/tasks/{answers.TASK}"] = (200, mine)
    sign_in(eyes.page, site.url)

    expect(eyes.page.get_by_text("You have approved it. Another person must, too.")).to_be_visible()


def test_a_task_that_waits_no_more_offers_no_word(eyes, site):
    site.script["GET", f"/v1/tasks/{answers.TASK}"] = (200, answers.task(state="denied"))
    sign_in(eyes.page, site.url)

    expect(eyes.page.get_by_text("It waits no more.")).to_be_visible()
    expect(eyes.page.get_by_role("button", name="Approve")).not_to_be_visible()
    eyes.page.keyboard.press("a")
    expect(eyes.page.get_by_role("dialog")).not_to_be_visible()


def test_a_task_of_ones_own_is_for_another_person_to_decide(eyes, site):
    site.script["GET", f"/v1/tasks/{answers.TASK}"] = (200, answers.task(review=None))
    sign_in(eyes.page, site.url)

    expect(eyes.page.get_by_text("Another person must decide on it (four eyes).")).to_be_visible()
    eyes.page.keyboard.press("a")
    expect(eyes.page.get_by_role("dialog")).not_to_be_visible()


def test_a_task_that_is_not_shown_to_the_one_who_asks_says_why_that_may_be(eyes, site):
    site.script["GET", f"/v1/tasks/{answers.TASK}"] = (404, {"code": "task.unknown", "detail": "no such task"})
    sign_in(eyes.page, site.url)

    expect(eyes.page.locator(".detail")).to_contain_text("nobody decides on what they asked for")
    expect(eyes.page.locator(".choices a")).to_have_count(2)


def test_an_empty_list_says_so(eyes, site):
    site.script["GET", "/v1/tasks"] = (200, {"tasks": [], "next": None})
    sign_in(eyes.page, site.url)

    expect(eyes.page.get_by_text("Nothing waits that you may approve.")).to_be_visible()


TABS = {
    "approver": ({"approve": ["shop"], "revoke": [], "audit": []}, ["Pending", "Search", "Log"]),
    "operator": ({"approve": [], "revoke": ["shop"], "audit": []}, ["Live", "Search", "Log"]),
    "auditor": ({"approve": [], "revoke": [], "audit": ["shop"]}, ["Live", "Search", "Log"]),
    "agent": ({"approve": [], "revoke": [], "audit": []}, ["Search", "Log"]),
}


@pytest.mark.parametrize(("may", "tabs"), TABS.values(), ids=TABS.keys())
def test_everybody_sees_the_views_that_are_for_them(may, tabs, eyes, site):
    site.script["GET", "/v1/principal"] = (200, answers.principal(may=may))
    sign_in(eyes.page, site.url)

    shown = [re.sub(r"\s*\d$", "", text) for text in eyes.page.locator("#views a").all_inner_texts()]
    assert shown == tabs
    assert eyes.page.locator("#views a[aria-current=page]").count() == 1


def test_live_tasks_show_what_is_used_of_what_was_granted(page):
    go(page, "#/live", "Live tasks")

    meter = page.get_by_label("Rows", exact=True)
    assert (meter.get_attribute("max"), meter.get_attribute("value")) == ("1000000", "910000")
    shown = page.locator(".card").inner_text()
    for text in ("910,000 of 1,000,000", "88 MB of 1.0 GB", "pii.birth", "update", answers.ASKER, "ben", "OPS-7"):
        assert text in shown


def test_a_task_is_revoked_with_a_reason_and_the_proof_is_shown(page, site):
    go(page, "#/live", "Live tasks")
    page.get_by_role("button", name="Revoke").click()
    page.get_by_label("Reason").fill("the shop closes")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    notice = page.locator(".notice")
    expect(notice).to_contain_text("Access is taken away. It is on record.")
    expect(notice).to_contain_text("0 sessions, 0 schemas, 0 roles, 0 keys")
    expect(notice).to_contain_text("83 ms")
    [said] = site.of("POST", "/v1/revocations")
    assert said.json == {"task": answers.TASK, "reason": "the shop closes"}


def test_what_a_revocation_left_behind_is_not_passed_over(page, site):
    left = answers.revoked(
        recorded=False, tasks=[], remaining=[{"task_id": answers.TASK, "code": "database.unavailable"}]
    )
    site.script["POST", "/v1/revocations"] = (200, left)
    go(page, "#/live", "Live tasks")
    page.get_by_role("button", name="Revoke").click()
    page.get_by_label("Reason").fill("the shop closes")
    page.keyboard.press("Control+Enter")

    expect(page.locator(".notice")).to_contain_text("its world may still stand (database.unavailable)")
    expect(page.locator(".notice")).to_contain_text("Its record follows")


def test_who_may_not_revoke_sees_no_button(eyes, site):
    site.script["GET", "/v1/principal"] = (200, answers.principal(may={"approve": [], "revoke": [], "audit": ["shop"]}))
    site.script["GET", "/v1/tasks"] = (200, {"tasks": [answers.live(may_revoke=False)], "next": None})
    sign_in(eyes.page, site.url)

    expect(eyes.page.locator(".card")).to_be_visible()
    expect(eyes.page.get_by_role("button", name="Revoke")).not_to_be_visible()


def test_the_timeline_tells_a_tasks_life_statement_by_statement(page):
    go(page, f"#/task/{answers.TASK}", re.compile("Timeline of task"))
    titles = [text.replace("\n", " ") for text in page.locator(".entry h2").all_inner_texts()]

    assert titles == [
        "Task granted recorded",
        "Approval approved",
        "World built ok",
        "Statement ok",
        "Statement refused",
        "Statement committed",
        "Access taken away recorded",
        "World torn down ok",
    ]
    shown = page.locator("main").inner_text()
    for text in ("guard.relation", "staff is not in this task's scope", "email token 4×", "18 ms", "as agreed"):
        assert text in shown
    assert "0 sessions, 0 schemas, 0 roles, 0 keys" in shown
    assert page.locator(".entry >> nth=3").locator(".sql-comment").inner_text() == "-- by region"


def test_a_task_whose_records_come_in_many_pages_is_read_to_the_end(page, site):
    life = answers.life()
    pages = {None: (life[:5], "one"), "one": ([], "two"), "two": (life[5:], None)}

    def records(asked):
        found, following = pages[asked.query.get("cursor")]
        return 200, answers.found(found, next=following)

    site.script["GET", "/v1/records"] = records
    go(page, f"#/task/{answers.TASK}", re.compile("Timeline of task"))

    assert page.locator(".entry").count() == 8
    assert [one.query.get("cursor") for one in site.of("GET", "/v1/records")] == [None, "one", "two"]
    assert {one.query["task"] for one in site.of("GET", "/v1/records")} == {answers.TASK}


def test_a_search_that_is_throttled_waits_and_goes_on(page, site):
    page.clock.install()
    often = (429, {"code": "rate.requests", "detail": "More requests arrive than the gateway takes."})
    replies = [often, often, (200, answers.found(answers.life()))]
    site.script["GET", "/v1/records"] = lambda _: replies.pop(0)
    page.evaluate("(view) => { location.hash = view; }", f"#/task/{answers.TASK}")
    for left in (2, 1):
        expect(page.locator("main")).to_have_attribute("aria-busy", "true")
        wait_until(lambda left=left: len(replies) == left)
        page.clock.run_for(1100)

    expect(page.locator(".entry")).to_have_count(8)
    expect(page.locator("#banner")).to_be_empty()


def test_a_life_is_played_back_in_its_rhythm(page):
    """Against a clock of the test's own: a minute passes between two entries, of which four seconds are waited."""
    page.clock.install()
    go(page, f"#/task/{answers.TASK}", re.compile("Timeline of task"))
    entries = page.locator(".entry:visible")
    page.keyboard.press("p")
    expect(entries).to_have_count(1)
    page.clock.run_for(3900)
    expect(entries).to_have_count(1)
    page.clock.run_for(200)
    expect(entries).to_have_count(2)
    page.keyboard.press("p")
    page.clock.run_for(60_000)
    expect(entries).to_have_count(2)
    page.keyboard.press("]")
    expect(entries).to_have_count(3)
    page.keyboard.press("[")
    expect(entries).to_have_count(2)
    page.get_by_label("Speed").select_option("60")
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(1100)
    expect(entries).to_have_count(4)
    page.clock.run_for(20_000)
    expect(entries).to_have_count(8)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_record_of_a_form_that_is_not_known_hides_no_other(page, site):
    odd = answers.record(2.5, "intent", "statement", statement={"text": "SELECT 1", "lookups": {"a": 1}}, decision=7)
    worse = answers.record(2.6, "event", "approval", principal="ann", decision={"policies": 3}, comment=["x"])
    unknown = answers.record(2.7, "event", "brand_new")
    site.script["GET", "/v1/records"] = (200, answers.found([*answers.life(), odd, worse, unknown]))
    go(page, f"#/task/{answers.TASK}", re.compile("Timeline of task"))

    assert page.locator(".entry").count() == 11
    expect(page.locator(".entry", has_text="brand_new")).to_be_visible()


def test_what_is_no_record_at_all_is_shown_as_that(page, site):
    broken = {
        "index": 9,
        "key": None,
        "record": None,
        "unreadable": {"reason": "JSON: expected an object", "bytes": 12, "sha256": "ab"},
    }
    said = answers.found(answers.life())
    said["records"].append(broken)
    site.script["GET", "/v1/records"] = (200, said)
    go(page, "#/search?kind=statement", "Search the records")

    expect(page.get_by_role("cell", name="Entry that is no record unreadable")).to_be_visible()


def test_a_search_asks_for_what_was_typed_and_stands_in_the_address(page, site):
    page.keyboard.press("3")
    for label, text in {"Who": answers.ASKER, "Database": "shop", "Table": "orders", "Code": "guard.relation"}.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Kind").select_option("statement")
    page.get_by_label("From, in UTC").fill("2026-11-22T10:00")
    page.get_by_label("Before, in UTC").fill("2026-11-22T11:30")
    page.get_by_role("button", name="Search").click()

    expect(page.locator("main").get_by_text("13 records found")).to_be_visible()
    [asked] = site.of("GET", "/v1/records")
    assert dict(asked.query) == {
        "principal": answers.ASKER,
        "database": "shop",
        "table": "orders",
        "code": "guard.relation",
        "kind": "statement",
        "from": "2026-11-22T10:00:00Z",
        "to": "2026-11-22T11:30:00Z",
        "order": "desc",
    }
    expect(page.get_by_label("Who")).to_have_value(answers.ASKER)
    page.get_by_role("button", name="Record of").first.click()
    expect(page.get_by_role("dialog")).to_contain_text('"kind": "teardown"')


def test_a_search_goes_on_where_it_stopped_even_after_an_empty_page(page, site):
    def records(asked):
        if "cursor" not in asked.query:
            return 200, answers.found([], next="later")
        return 200, answers.found(answers.life()[:1])

    site.script["GET", "/v1/records"] = records
    go(page, "#/search?kind=grant", "Search the records")
    expect(page.locator("main").get_by_text("0 records found so far")).to_be_visible()
    page.get_by_role("button", name="Search on").click()

    expect(page.get_by_role("cell", name="Task granted recorded")).to_be_visible()
    assert [one.query["kind"] for one in site.of("GET", "/v1/records")] == ["grant", "grant"]


LOGS = {
    "late": (
        {"watermark": {"at": answers.at(-9000), "behind_s": 9000, "max_staleness_s": 3600, "is_closed": False}},
        "2 h 30 min behind; statements stop at 1 h",
    ),
    "no watermark": ({"watermark": None}, "not known"),
    "nobody witnessed it": ({"cosigned": None}, "by nobody that the gate knows of"),
    "a witness' word that does not hold": (
        {"cosigned": {"vkey": "w+1+A", "size": None, "time": None, "note": None, "wrong": "signature"}},
        "does not hold: signature",
    ),
    "no checkpoint": ({"checkpoint": None, "size": None}, "None is signed yet."),
    "a signature that does not hold": ({}, "does not hold under any key that the gate names"),
    "closed": (
        {"watermark": {"at": answers.at(), "behind_s": 1, "max_staleness_s": 3600, "is_closed": True}},
        "The log has ended",
    ),
}


@pytest.mark.parametrize(("changes", "told"), LOGS.values(), ids=LOGS.keys())
def test_the_logs_health_is_told_as_it_is(changes, told, page, site):
    site.script["GET", "/v1/log"] = (200, answers.log(**changes))
    go(page, "#/log", "The log of evidence")

    expect(page.locator("main")).to_contain_text(told)


PROBLEMS = {
    "refused": (403, {"code": "policy.refused", "detail": "Policy does not allow it."}, "Policy does not allow it."),
    "too often": (429, {"code": "rate.requests", "detail": "Try again shortly."}, "rate.requests"),
    "a fault": (500, {"code": "internal", "detail": "A fault of ours."}, "A fault of ours."),
    "no JSON": (502, None, "expected an answer in JSON, got status 502"),
    "another shape": (500, ["x"], "expected an answer in JSON"),
}


@pytest.mark.parametrize(("status", "body", "told"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_what_the_api_refuses_is_told_and_can_be_asked_again(status, body, told, page, site):
    site.script["GET", "/v1/log"] = (status, body)
    page.keyboard.press("4")
    expect(page.locator("#banner")).to_contain_text(told)

    site.script["GET", "/v1/log"] = (200, answers.log())
    page.get_by_role("button", name="Ask again").click()

    expect(page.get_by_role("heading", name="The log of evidence")).to_be_visible()
    expect(page.locator("#banner")).to_be_empty()


def test_a_line_that_is_down_is_told(page, eyes):
    eyes.expected = re.compile("ERR_FAILED|ERR_INTERNET")
    page.route("**/v1/log", lambda route: route.abort())
    page.keyboard.press("4")

    expect(page.locator("#banner")).to_contain_text("The gate did not answer")


def test_a_list_that_is_looked_at_is_asked_for_anew(eyes, site):
    eyes.page.clock.install()
    sign_in(eyes.page, site.url)
    site.script["GET", "/v1/tasks"] = (200, {"tasks": [answers.migration()], "next": None})
    eyes.page.clock.run_for(21_000)

    expect(eyes.page.locator(".choices a")).to_have_count(1)
    expect(eyes.page.locator("#said")).to_have_text("1 task waiting for approval.")
    expect(eyes.page.locator(".detail")).to_contain_text("What it would see and do")
    eyes.page.keyboard.press("a")
    asked = len(site.of("GET", "/v1/tasks"))
    eyes.page.clock.run_for(65_000)
    assert len(site.of("GET", "/v1/tasks")) == asked  # not under the hands of who types


def test_times_are_told_in_utc_and_where_the_reader_is(browser, site):
    from tests.support.browsing import watched

    with watched(browser, timezone_id="America/New_York") as eyes:
        sign_in(eyes.page, site.url)
        go(eyes.page, f"#/task/{answers.TASK}", re.compile("Timeline"))

        expect(eyes.page.locator(".entry").first).to_contain_text("2026-11-22 10:00:00.000 UTC")
        expect(eyes.page.locator(".entry").first).to_contain_text("22 Nov 2026, 05:00:00 (America/New_York)")

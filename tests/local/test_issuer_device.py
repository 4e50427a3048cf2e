"""The device grant (RFC 8628): a program waits, a person types its code and answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from postern_local.issuer.devices import INTERVAL_S, LIFETIME_S, SLOWER_S
from tests.support.issuer_site import CLI, URL, Browser, claims_of


@pytest.fixture
def browser() -> Browser:
    return Browser()


def typed(browser: Browser, user_code: str) -> str:
    """The name of the request on the page that follows the code."""
    return browser.post("/device", {"user_code": user_code}).request


def test_a_program_waits_until_a_person_has_answered(browser: Browser) -> None:
    device = browser.begin_device(scope="openid offline_access").json
    assert browser.poll(device["device_code"]).error == (400, "authorization_pending")
    page = browser.choose(typed(browser, device["user_code"]), person="0")
    assert page.status == 200
    assert "person:erin" in page.text
    browser.clock.at_s += device["interval"]
    body = browser.poll(device["device_code"]).json
    assert claims_of(body["access_token"])["sub"] == "person:erin"
    assert claims_of(body["access_token"])["client_id"] == "cli"
    assert claims_of(body["id_token"])["aud"] == "cli"
    again = browser.token(grant_type="refresh_token", client_id="cli", refresh_token=body["refresh_token"])
    assert again.status == 200


def test_the_program_is_told_where_to_send_the_person(browser: Browser) -> None:
    answer = browser.begin_device()
    device = answer.json
    assert answer.header("Cache-Control") == "no-store"
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", device["user_code"])
    assert device == {
        "device_code": device["device_code"],
        "user_code": device["user_code"],
        "verification_uri": f"{URL}/device",
        "verification_uri_complete": f"{URL}/device?user_code={device['user_code']}",
        "expires_in": LIFETIME_S,
        "interval": INTERVAL_S,
    }


def test_a_link_fills_the_code_in_and_answers_nothing(browser: Browser) -> None:
    device = browser.begin_device().json
    page = browser.get("/device", {"user_code": device["user_code"]})
    assert f'value="{device["user_code"]}"' in page.text
    assert "request" not in page.text
    assert browser.poll(device["device_code"]).error == (400, "authorization_pending")


def test_the_person_sees_which_code_and_program_they_answer(browser: Browser) -> None:
    device = browser.begin_device().json
    page = browser.post("/device", {"user_code": device["user_code"]}).text
    assert device["user_code"] in page
    assert "the command line" in page


WAYS = {
    "lower case": str.lower,
    "without the dash": lambda code: code.replace("-", ""),
    "with spaces": lambda code: f" {code[:2]} {code[2:]} ",
}


@pytest.mark.parametrize("change", WAYS.values(), ids=WAYS.keys())
def test_a_code_may_be_typed_as_people_type(browser: Browser, change: Callable[[str], str]) -> None:
    device = browser.begin_device().json
    assert browser.choose(typed(browser, change(device["user_code"]))).status == 200


@pytest.mark.parametrize(
    "wrong",
    ["", "BCDF-GHJK", "<script>alert(1)</script>", "\u0412CDF"],
    ids=["none", "another", "markup", "another alphabet"],
)
def test_a_code_of_nobody_asks_again(browser: Browser, wrong: str) -> None:
    page = browser.post("/device", {"user_code": wrong})
    assert page.status == 400
    assert "No program waits" in page.text
    assert "<script" not in page.text


def test_no_is_told_to_the_program_once(browser: Browser) -> None:
    device = browser.begin_device().json
    assert "told no" in browser.choose(typed(browser, device["user_code"]), no="1").text
    assert browser.poll(device["device_code"]).error == (400, "access_denied")
    assert browser.poll(device["device_code"]).error == (400, "invalid_grant")


def test_a_device_code_is_used_once(browser: Browser) -> None:
    device = browser.begin_device().json
    browser.choose(typed(browser, device["user_code"]))
    assert browser.poll(device["device_code"]).status == 200
    assert browser.poll(device["device_code"]).error == (400, "invalid_grant")


def test_nobody_answers_twice(browser: Browser) -> None:
    device = browser.begin_device().json
    first, second = typed(browser, device["user_code"]), typed(browser, device["user_code"])
    browser.choose(first, no="1")
    assert browser.choose(second).status == 400
    assert browser.post("/device", {"user_code": device["user_code"]}).status == 400
    assert browser.poll(device["device_code"]).error == (400, "access_denied")


def test_who_asks_too_often_must_wait_longer_from_then_on(browser: Browser) -> None:
    code = browser.begin_device().json["device_code"]
    assert browser.poll(code).error[1] == "authorization_pending"
    assert browser.poll(code).error[1] == "slow_down"
    browser.clock.at_s += INTERVAL_S
    assert browser.poll(code).error[1] == "slow_down"
    browser.clock.at_s += INTERVAL_S + 2 * SLOWER_S
    assert browser.poll(code).error[1] == "authorization_pending"


def test_asking_too_often_loses_no_answer(browser: Browser) -> None:
    device = browser.begin_device().json
    for _ in range(3):
        browser.poll(device["device_code"])
    browser.choose(typed(browser, device["user_code"]))
    assert browser.poll(device["device_code"]).status == 200


@pytest.mark.parametrize("is_answered", [False, True], ids=["nobody answered", "answered in time and never fetched"])
def test_a_code_expires(browser: Browser, is_answered: bool) -> None:
    device = browser.begin_device().json
    if is_answered:
        browser.choose(typed(browser, device["user_code"]))
    browser.clock.at_s += LIFETIME_S
    assert browser.poll(device["device_code"]).error == (400, "expired_token")
    assert browser.post("/device", {"user_code": device["user_code"]}).status == 400


def test_an_answer_that_comes_too_late_counts_for_nothing(browser: Browser) -> None:
    device = browser.begin_device().json
    browser.clock.at_s += 1
    request = typed(browser, device["user_code"])
    browser.clock.at_s += LIFETIME_S - 1
    assert browser.choose(request).status == 400
    assert browser.poll(device["device_code"]).error == (400, "expired_token")


@pytest.mark.parametrize("changed", [{"client_id": "console"}, {"client_id": "other"}], ids=["console", "other"])
def test_a_device_code_is_its_clients_alone(browser: Browser, changed: dict[str, str]) -> None:
    device = browser.begin_device().json
    browser.choose(typed(browser, device["user_code"]))
    assert browser.poll(device["device_code"], **changed).error == (400, "unauthorized_client")
    assert browser.poll(device["device_code"]).status == 200


def test_another_client_with_the_grant_gets_no_answer_either() -> None:
    browser = Browser(clients=(CLI, replace(CLI, id="cli2")))
    device = browser.begin_device().json
    browser.choose(typed(browser, device["user_code"]))
    assert browser.poll(device["device_code"], client_id="cli2").error == (400, "invalid_grant")


REFUSED = {
    "no client": ({"client_id": ""}, 401, "invalid_client"),
    "a page's client": ({"client_id": "console"}, 400, "unauthorized_client"),
    "an unknown scope": ({"scope": "admin"}, 400, "invalid_scope"),
}


@pytest.mark.parametrize(("changed", "status", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_a_program_that_may_not_begin_is_told_so(
    browser: Browser, changed: dict[str, str], status: int, error: str
) -> None:
    assert browser.begin_device(**changed).error == (status, error)

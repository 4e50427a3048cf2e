"""What other pages, other names and hostile text can do to the issuer: nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from postern_local.issuer import pages
from postern_local.issuer.expiring import Expiring
from postern_local.issuer.groups import Groups
from postern_local.issuer.people import Person
from tests.support.issuer_site import CLI, CONSOLE, GATEWAY, URL, Browser, Clock

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u202e{{7*7}}"
SHARED = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks.json", "/token")


@pytest.fixture
def browser() -> Browser:
    return Browser()


class Elements(HTMLParser):
    """The elements of a page, their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.values: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.values |= {value for _, value in attrs if value is not None}

    def handle_data(self, data: str) -> None:
        self.words += data


KNOWN = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "form", "input", "button", "strong"}
KNOWN |= {"span", "label", "textarea"}


def pages_with(hostile: str) -> dict[str, str]:
    """Every page that shows something from outside, with this in each of its places."""
    browser = Browser(
        clients=(replace(CONSOLE, name=hostile), replace(CLI, name=hostile)),
        people=(Person(hostile, hostile, {}),),
        groups=Groups({hostile: {}}),
    )
    picker = browser.ask(state=hostile, nonce=hostile)
    device = browser.begin_device().json
    asked = browser.post("/device", {"user_code": device["user_code"]})
    return {
        "picker": picker.text,
        "picker again": browser.choose(picker.request, sub="a", claims=hostile).text,
        "unknown client": browser.ask(client_id=hostile).text,
        "unknown redirect": browser.ask(redirect_uri=hostile).text,
        "device": browser.get("/device", {"user_code": hostile}).text,
        "device with a wrong code": browser.post("/device", {"user_code": hostile}).text,
        "device's picker": asked.text,
        "signed in": browser.choose(asked.request, person="0").text,
        "wrong": pages.device(hostile, wrong=hostile),
        "told": pages.told(hostile, hostile),
        "too late": browser.choose(hostile).text,
    }


@pytest.mark.parametrize("place", pages_with("x"))
def test_hostile_text_stays_text(place: str) -> None:
    page = Elements(pages_with(HOSTILE)[place])
    assert page.names <= KNOWN
    assert not {name for name in page.attributes if name.startswith("on") or name in {"src", "href", "style"}}


@pytest.mark.parametrize("place", ["picker", "device's picker", "signed in"])
def test_hostile_text_is_shown_as_it_is(place: str) -> None:
    assert HOSTILE in Elements(pages_with(HOSTILE)[place]).words


def test_hostile_text_in_a_field_is_its_value() -> None:
    assert HOSTILE in Elements(pages_with(HOSTILE)["device"]).values


def test_pages_run_no_script_load_nothing_and_are_framed_by_nobody(browser: Browser) -> None:
    for answer in (browser.ask(), browser.ask(client_id=""), browser.get("/device"), browser.choose("x")):
        policy = dict(
            part.strip().split(" ", 1) for part in (answer.header("Content-Security-Policy") or "").split(";")
        )
        style = re.search("<style>(.*?)</style>", answer.text, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert policy == {
            "default-src": "'none'",
            "style-src": f"'sha256-{digest}'",
            "form-action": f"'self' {GATEWAY}",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert answer.header("X-Frame-Options") == "DENY"
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Cache-Control") == "no-store"
        assert answer.header("Referrer-Policy") == "same-origin"


def test_every_page_says_that_it_is_local_and_asks_for_no_password(browser: Browser) -> None:
    for answer in (browser.ask(), browser.ask(client_id=""), browser.get("/device"), browser.choose("x")):
        assert "runs on this machine alone" in answer.text
        assert 'type="password"' not in answer.text


FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:9"},
    "the gateway": {"Origin": GATEWAY},
    "another scheme": {"Origin": URL.replace("http", "https")},
    "a sandbox": {"Origin": "null"},
    "another site, as the browser says": {"Sec_Fetch_Site": "cross-site"},
    "another port, as the browser says": {"Sec_Fetch_Site": "same-site"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_form_of_another_page_chooses_nobody(browser: Browser, headers: dict[str, str]) -> None:
    request = browser.ask().request
    answer = browser.post("/choose", {"request": request, "person": "0"}, **headers)
    assert (answer.status, answer.header("Location")) == (403, None)
    device = browser.begin_device().json
    assert browser.post("/device", {"user_code": device["user_code"]}, **headers).status == 403
    own = browser.post("/choose", {"request": request, "person": "0"}, Origin=URL, Sec_Fetch_Site="same-origin")
    assert own.status == 303


@pytest.mark.parametrize("request_name", ["", "x", "0" * 43])
def test_a_choice_without_the_forms_own_request_chooses_nobody(browser: Browser, request_name: str) -> None:
    browser.ask()
    assert browser.choose(request_name).status == 400


def test_a_choice_is_no_link(browser: Browser) -> None:
    request = browser.ask().request
    assert browser.get("/choose", {"request": request, "person": "0"}).status == 404


def test_no_two_requests_have_one_name(browser: Browser) -> None:
    names = {browser.ask().request for _ in range(20)}
    assert len(names) == 20
    assert min(map(len, names)) >= 43  # 256 bits


HOSTS = [
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:4001",
    "localhost:4000",
    "127.0.0.1:4000.evil.example",
    "127.0.0.1:4000@x",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/jwks.json", "/authorize", "/device", "/token"])
def test_answers_to_its_own_name_alone(browser: Browser, path: str, host: str) -> None:
    """A name that somebody points at this machine would make its pages same-origin with theirs."""
    answer = browser.get(path, Host=host)
    assert (answer.status, answer.text) == (421, "")


@pytest.mark.parametrize("path", SHARED)
def test_pages_of_the_gateway_may_read_what_they_need(browser: Browser, path: str) -> None:
    answer = browser.post(path, {}, Origin=GATEWAY) if path == "/token" else browser.get(path, Origin=GATEWAY)
    assert answer.header("Access-Control-Allow-Origin") == GATEWAY
    assert answer.header("Vary") == "Origin"
    assert answer.header("Access-Control-Allow-Credentials") is None
    ahead = browser.send("OPTIONS", path, Origin=GATEWAY)
    assert (ahead.status, ahead.header("Access-Control-Allow-Origin")) == (204, GATEWAY)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:5001", f"{GATEWAY}.evil.example", "", URL]
)
@pytest.mark.parametrize("path", SHARED)
def test_no_other_page_reads_an_answer(browser: Browser, path: str, origin: str) -> None:
    asked = browser.post(path, {}, Origin=origin) if path == "/token" else browser.get(path, Origin=origin)
    for answer in (asked, browser.send("OPTIONS", path, Origin=origin)):
        assert answer.header("Access-Control-Allow-Origin") is None
        assert answer.header("Vary") == "Origin"


@pytest.mark.parametrize("path", ["/authorize", "/device", "/device_authorization", "/choose"])
def test_pages_of_the_gateway_read_nothing_else(browser: Browser, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = browser.send(method, path, Origin=GATEWAY, Content_Type="application/x-www-form-urlencoded")
        assert answer.header("Access-Control-Allow-Origin") is None


def test_an_answer_takes_nothing_along_to_where_it_sends_the_person(browser: Browser) -> None:
    answer = browser.choose(browser.ask().request)
    assert answer.status == 303  # a 307 would post the form on
    assert answer.header("Referrer-Policy") == "no-referrer"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.text == ""


def test_what_was_asked_and_never_answered_is_bounded() -> None:
    clock = Clock()
    kept: Expiring[int] = Expiring(clock, lifetime_s=10, limit=3)
    names = [kept.add(number) for number in range(5)]
    assert [kept.get(name) for name in names] == [None, None, 2, 3, 4]
    clock.at_s += 10
    assert [kept.get(name) for name in names] == [None] * 5

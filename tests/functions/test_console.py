"""The console function: which files it hands out, under which headers, and that it hands out nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from functions.console import handler as function

from postern.edges import console_files
from postern.errors import NotFound
from postern.identity.issuer_url import LocalIssuer
from postern.identity.issuers import parse_issuers
from tests.support.stack import PROJECT

MOST_BYTES = 150_000  # of everything that the page loads
ISSUERS = """
issuers:
  - name: ci
    issuer: https://ci.example
    audience: postern
    require: {repository: acme/shop}
  - name: people
    issuer: https://id.example.com/tenant/one
    audience: postern
    require: {hd: acme.example}
    sign_in: {client_id: console, scopes: [openid, groups], audience_parameter: resource}
  - name: desk
    issuer: local
    audience: postern
    require: {hd: acme.example}
    sign_in: {client_id: desk-console}
"""
PAGES = ("index", "callback")
SCRIPTS = sorted(path.name for path in function.ASSETS.glob("*.js"))


def services(text: str = ISSUERS) -> function.Services:
    issuers = parse_issuers(text.encode(), file="issuers.yaml", local=LocalIssuer("http://127.0.0.1:8080"))
    return function.Services(console_files.load_files(function.ASSETS), issuers)


def ask(name: str | None = None, headers: dict[str, str] | None = None, given: function.Services | None = None) -> Any:
    event = {
        "resource": "/console" if name is None else "/console/{file}",
        "pathParameters": None if name is None else {"file": name},
        "multiValueHeaders": {key: [value] for key, value in (headers or {}).items()},
    }
    return function.respond(event, given or services())


def directives(answer: Any) -> dict[str, list[str]]:
    return {
        name: sources
        for name, *sources in (one.split() for one in answer["headers"]["Content-Security-Policy"].split(";"))
    }


def test_the_page_loads_scripts_and_styles_of_its_own_and_sends_to_whom_people_sign_in_with() -> None:
    assert directives(ask()) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", "http://127.0.0.1:8080", "https://id.example.com"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_the_headers_of_a_page(page: str) -> None:
    headers = ask(page)["headers"]

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert {"camera=()", "microphone=()", "clipboard-read=()"} <= set(headers["Permissions-Policy"].split(", "))
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert directives(ask(page)) == directives(ask())


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        pytest.param("https://id.example.com/a/b", "https://id.example.com", id="path left out"),
        pytest.param("https://id.example.com:8443", "https://id.example.com:8443", id="port kept"),
        pytest.param("http://[::1]:8080/a", "http://[::1]:8080", id="address of IPv6"),
        pytest.param("https://a;script-src *", "", id="a directive more"),
        pytest.param("https://a,b.example", "", id="a policy more"),
        pytest.param("https://*.example", "", id="any host"),
        pytest.param("https://'unsafe-inline'", "", id="a keyword"),
        pytest.param("data:text/html,x", "", id="no host"),
    ],
)
def test_no_issuers_name_can_widen_the_policy(url: str, origin: str) -> None:
    assert console_files.origin_of(url) == origin


@pytest.mark.parametrize("name", [*SCRIPTS, "console.css", "icon.svg"])
def test_a_file_is_sent_once_and_then_confirmed_by_its_digest(name: str) -> None:
    first = ask(name)
    tag = first["headers"]["ETag"]
    again = ask(name, {"If-None-Match": tag})

    assert (first["statusCode"], first["headers"]["Cache-Control"]) == (200, "no-cache")
    assert first["body"] == (function.ASSETS / name).read_text()
    assert (again["statusCode"], again["body"], again["headers"]["ETag"]) == (304, "", tag)
    assert ask(name, {"If-None-Match": f'"other", W/{tag}'})["statusCode"] == 304
    assert ask(name, {"If-None-Match": '"other"'})["statusCode"] == 200
    assert first["headers"]["X-Content-Type-Options"] == again["headers"]["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../handler.py", id="the folder above"),
        pytest.param("..%2fhandler.py", id="the folder above, encoded"),
        pytest.param("handler.py", id="the handler"),
        pytest.param("/etc/passwd", id="an absolute path"),
        pytest.param("..", id="a folder"),
        pytest.param("", id="no name"),
        pytest.param("index.html", id="a page by its file"),
        pytest.param("MAIN.JS", id="another case"),
        pytest.param("main.js\0.html", id="a NUL"),
        pytest.param("__class__", id="an attribute's name"),
        pytest.param("a" * 5000, id="a long name"),
    ],
)
def test_a_name_that_is_no_files_is_not_found(name: str) -> None:
    with pytest.raises(NotFound) as refused:
        ask(name)
    assert refused.value.code == "request.path"
    assert len(refused.value.detail) < 200


def test_says_whom_people_sign_in_with_and_nothing_of_what_their_tokens_must_say() -> None:
    answer = ask("config.json")

    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "acme" not in answer["body"]
    assert json.loads(answer["body"])["issuers"] == [
        {
            "name": "people",
            "issuer": "https://id.example.com/tenant/one",
            "client_id": "console",
            "device_client_id": "console",
            "scopes": ["openid", "groups"],
            "token": "access_token",
            "origins": [],
            "parameters": {"resource": "postern"},
        },
        {
            "name": "desk",
            "issuer": "http://127.0.0.1:8080",
            "client_id": "desk-console",
            "device_client_id": "desk-console",
            "scopes": ["openid"],
            "token": "access_token",
            "origins": [],
            "parameters": {},
        },
    ]


def test_without_anybody_to_sign_in_with_the_page_sends_to_its_own_api_alone() -> None:
    nobody = services("issuers: []")

    assert json.loads(ask("config.json", given=nobody)["body"]) == {"issuers": []}
    assert directives(ask(given=nobody))["connect-src"] == ["'self'"]


def test_everything_that_the_page_loads_is_small_enough_for_a_slow_line() -> None:
    assert sum(path.stat().st_size for path in function.ASSETS.iterdir()) < MOST_BYTES


def loaded(page: str, base: str) -> set[str]:
    """What a page names as its own, as a browser resolves it."""
    return {urljoin(base, url) for url in re.findall(r'(?:src|href)="([^"#]+)"', ask(page)["body"])}


@pytest.mark.parametrize("stage", ["", "/live"], ids=["own domain", "stage"])
def test_every_file_that_a_page_names_is_there_under_any_base(stage: str) -> None:
    named = loaded("index", f"{stage}/console") | loaded("callback", f"{stage}/console/callback")
    files = {f"{stage}/console/{name}" for name in (*SCRIPTS, "console.css", "icon.svg")}

    assert named == files


def test_every_module_that_a_script_imports_is_there_and_preloaded() -> None:
    """A chain of imports would cost a slow line a round trip for each link."""
    imported = {
        name for script in SCRIPTS for name in re.findall(r'from "\./([^"]+)"', (function.ASSETS / script).read_text())
    }

    preloaded = set(re.findall(r'modulepreload" href="console/([^"]+)"', ask()["body"]))
    assert preloaded == imported
    assert imported <= set(SCRIPTS)


UNSAFE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|srcdoc"
    r"|\beval\b|new Function|import\(|localStorage|sessionStorage|indexedDB|document\.cookie|caches\b|serviceWorker"
    r"|https?://(?!127)"
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_makes_markup_of_text_stores_anything_or_names_a_host(script: str) -> None:
    assert UNSAFE.findall((function.ASSETS / script).read_text()) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_script_style_or_handler_within(page: str) -> None:
    text = ask(page)["body"]

    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text) == []


def test_importing_the_handler_reads_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import functions.console.handler"],
        capture_output=True,
        env={"PATH": ""},
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_handler_answers_as_the_gateway_calls_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from postern.edges import invocation
    from tests.support.telling import Context

    (tmp_path / "issuers.yaml").write_text("issuers: []\n")
    monkeypatch.setenv("POSTERN_POLICY_DIR", str(tmp_path))
    monkeypatch.setattr(invocation, "_prepare", lambda _: False)
    function.services.cache_clear()
    event = {"resource": "/console/{file}", "pathParameters": {"file": "nothing"}, "multiValueHeaders": None}

    found = function.handler({**event, "resource": "/console", "pathParameters": None}, Context())
    missing = function.handler(event, Context())

    function.services.cache_clear()
    assert found["statusCode"] == 200
    assert (missing["statusCode"], json.loads(missing["body"])["code"]) == (404, "request.path")

"""Endpoints of an issuer that is not on this machine: none of them leads to this machine, or out of TLS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern_cli.gate.exchange import Reply
from postern_cli.sign_in import device, discovery
from postern_cli.sign_in.discovery import Endpoints, fetch_endpoints
from postern_cli.sign_in.metadata import SignIn
from postern_cli.stop import Exit, Stop

ISSUER = "https://issuer.example/tenant"
TOKEN = "https://issuer.example/token"


def endpoints(monkeypatch: pytest.MonkeyPatch, origins: list[str] | None = None, **change: Any) -> Endpoints:
    document = {"issuer": ISSUER, "token_endpoint": TOKEN, **change}
    monkeypatch.setattr(discovery, "exchange", lambda *_, **__: Reply(200, {}, json.dumps(document).encode()))
    return fetch_endpoints(ISSUER, origins)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/token",
        "https://127.0.0.1/token",
        "https://localhost/token",
        "http://issuer.example/token",
        "https://user@issuer.example/token",
        "https://issuer.example\n.evil.example/token",
        "//issuer.example/token",
        7,
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["token_endpoint", "device_authorization_endpoint", "revocation_endpoint"])
def test_an_endpoint_that_is_not_the_issuers_is_refused(monkeypatch, name, url):
    with pytest.raises(Stop) as stopped:
        endpoints(monkeypatch, **{name: url})
    assert stopped.value.code is Exit.REFUSED


@pytest.mark.parametrize(
    ("origins", "is_taken"),
    [(None, True), ([], False), (["https://tokens.example"], True), (["https://tokens.example:8443"], False)],
    ids=["any", "its own", "named", "another port"],
)
def test_an_endpoint_elsewhere_needs_a_name(monkeypatch, origins, is_taken):
    change = {"token_endpoint": "https://tokens.example/token?p=1"}
    if not is_taken:
        with pytest.raises(Stop, match=r"sign_in\.origins"):
            endpoints(monkeypatch, origins, **change)
        return
    assert endpoints(monkeypatch, origins, **change).token.geturl() == "https://tokens.example/token?p=1"


@pytest.mark.parametrize(
    "page", ["http://127.0.0.1:1/activate", "https://localhost/activate", "http://issuer.example/x"]
)
def test_nobody_is_sent_to_a_page_of_this_machine(monkeypatch, page):
    found = endpoints(monkeypatch, [], device_authorization_endpoint="https://issuer.example/device")
    answer = {"device_code": "d", "user_code": "A-B", "verification_uri": page}
    monkeypatch.setattr(device, "post_form", lambda *_: (200, answer))
    with pytest.raises(Stop, match="https page"):
        device.start(found, "client", SignIn("people", ISSUER, "client", [], "access_token"))


def test_a_document_of_another_issuer_is_refused(monkeypatch):
    with pytest.raises(Stop, match="its own discovery document"):
        endpoints(monkeypatch, None, issuer=ISSUER + "/")

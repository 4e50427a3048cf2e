"""The console behind a small server of our own, with answers that a test scripts, and an identity provider beside it.

What the real API would refuse to say, hostile texts among it, can be said here. Files and headers are the function's.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from functions.console import handler as function

from postern.edges import console_files
from postern.identity.issuer_url import LocalIssuer
from postern.identity.issuers import parse_issuers

PERSON = {"sub": "person:ann", "principal": "people|person:ann"}
ISSUERS = b"""
issuers:
  - name: people
    issuer: local
    audience: postern
    match: {sub: "person:[a-z]+"}
    sign_in: {client_id: console, scopes: [openid], token: access_token}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Any]  # a status and a JSON value
Script = Answer | Callable[[Asked], Answer]


@dataclass(slots=True)
class Provider:
    """What the identity provider says; a test changes it to one that lies."""

    url: str = ""
    discovery: dict[str, Any] = field(default_factory=dict)  # over the honest document
    redirect: dict[str, Any] = field(default_factory=dict)  # over the honest parameters; None leaves one out
    claims: dict[str, Any] = field(default_factory=dict)  # over those of the ID token
    token: Answer | None = None
    cors: bool = True
    nonces: dict[str, tuple[str, str]] = field(default_factory=dict)  # code: nonce, challenge
    asked: list[Asked] = field(default_factory=list)


@dataclass(slots=True)
class ConsoleSite:
    """A running site. `script` maps a method and a path to its answer; anything else is 404."""

    url: str
    provider: Provider
    script: dict[tuple[str, str], Script]
    asked: list[Asked]

    def of(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if (one.method, one.path) == (method, path)]


@contextmanager
def console_site() -> Iterator[ConsoleSite]:
    provider = Provider()
    site = ConsoleSite("", provider, {}, [])
    with _serving(lambda asked: _provider_answer(provider, asked)) as provider_url:
        provider.url = provider_url
        issuers = parse_issuers(ISSUERS, file="issuers.yaml", local=LocalIssuer(provider_url))
        services = function.Services(console_files.load_files(function.ASSETS), issuers)
        with _serving(lambda asked: _site_answer(site, services, asked)) as url:
            site.url = url
            yield site


Raw = tuple[int, Mapping[str, str], bytes]


def _site_answer(site: ConsoleSite, services: function.Services, asked: Asked) -> Raw:
    if asked.path == "/console" or asked.path.startswith("/console/"):
        resource, name = ("/console", "") if asked.path == "/console" else ("/console/{file}", asked.path[9:])
        event = {
            "resource": resource,
            "pathParameters": {"file": name},
            "multiValueHeaders": {key: [value] for key, value in asked.headers.items()},
        }
        try:
            made = function.respond(event, services)
        except function.http.NotFound:
            return 404, {}, b""
        return made["statusCode"], made["headers"], made["body"].encode()
    site.asked.append(asked)
    scripted = site.script.get((asked.method, asked.path), (404, {"code": "request.path", "detail": "not scripted"}))
    status, body = scripted(asked) if callable(scripted) else scripted
    kind = "application/json" if status < 400 else "application/problem+json"
    return status, {"Content-Type": kind}, json.dumps(body).encode()


def _provider_answer(provider: Provider, asked: Asked) -> Raw:
    provider.asked.append(asked)
    cors = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"} if provider.cors else {}
    if asked.path == "/.well-known/openid-configuration":
        honest = {
            "issuer": provider.url,
            "authorization_endpoint": f"{provider.url}/authorize",
            "token_endpoint": f"{provider.url}/token",
            "authorization_response_iss_parameter_supported": True,
        }
        return 200, cors, json.dumps(honest | provider.discovery).encode()
    if asked.path == "/authorize":
        return _authorize(provider, asked)
    if asked.path == "/token" and asked.method == "POST":
        return _token(provider, asked, cors)
    return 404, cors, b"{}"


def _authorize(provider: Provider, asked: Asked) -> Raw:
    code = f"code-{len(provider.nonces)}"
    provider.nonces[code] = (asked.query["nonce"], asked.query["code_challenge"])
    honest = {"code": code, "state": asked.query["state"], "iss": provider.url}
    back = {name: value for name, value in (honest | provider.redirect).items() if value is not None}
    return 302, {"Location": f"{asked.query['redirect_uri']}?{urlencode(back)}"}, b""


def _token(provider: Provider, asked: Asked, cors: Mapping[str, str]) -> Raw:
    if provider.token is not None:
        status, body = provider.token
        return status, cors, json.dumps(body).encode()
    given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    nonce, _ = provider.nonces[given["code"]]
    claims = {"iss": provider.url, "aud": given["client_id"], "sub": PERSON["sub"], "nonce": nonce} | provider.claims
    body = {"access_token": "the-access-token", "token_type": "Bearer", "id_token": unsigned(claims)}
    return 200, cors, json.dumps(body).encode()


def unsigned(claims: Mapping[str, Any]) -> str:
    """A token whose signature nobody checks: the page reads one that comes from the issuer itself."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)]
    return ".".join([*parts, "c2ln"])


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a browser that went away."""


@contextmanager
def _serving(answer: Callable[[Asked], Raw]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, path, dict(parse_qsl(query)), dict(self.headers.items()), body)
            status, headers, content = answer(asked)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status != 304:
                self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_values: object) -> None:
            """Says nothing."""

    server = _Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

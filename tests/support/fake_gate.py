"""A gate and an issuer of a few lines, in this process: they answer what is put in, and keep what they were asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

GATE = "/live"
ISSUER = "/issuer"
PERSON = {
    "principal": "people|ada",
    "issuer": "people",
    "subject": "ada",
    "on_behalf_of": None,
    "groups": ["approvers"],
    "token_expires_at_s": 1_795_447_266,
    "may": {"approve": ["shop"], "revoke": [], "audit": []},
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a JSON value, or bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked; `body` is JSON, or a form's values."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class FakeGate:
    """`replies` holds for each path what comes next; the last of them stays. Without any it is 404, as a gate says."""

    origin: str
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.origin + GATE

    @property
    def issuer(self) -> str:
        return self.origin + ISSUER

    def answer(self, path: str, *bodies: Any, status: int = 200, **headers: str) -> None:
        """Puts answers of the gate in the place of those that are there."""
        self.replies[GATE + path] = [Reply(status, body, headers) for body in bodies]

    def issue(self, path: str, *replies: Reply) -> None:
        """Puts answers of the issuer in the place of those that are there."""
        self.replies[ISSUER + path] = list(replies)

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path.removeprefix(GATE)}" for one in self.asked]

    def take(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        waiting = self.replies.get(asked.path, [])
        if not waiting:
            return Reply(404, {"code": "request.path", "detail": "there is no such path or method"})
        return waiting[0] if len(waiting) == 1 else waiting.pop(0)

    def offer_sign_in(self, **change: Any) -> None:
        """Discovery and metadata that fit each other, an issuer that gives a token at once, and who it is."""
        entry = {"name": "people", "issuer": self.issuer, "client_id": "postern-cli", "scopes": ["openid"]}
        self.answer(
            "/.well-known/oauth-protected-resource",
            {
                "resource": self.url,
                "authorization_servers": [self.issuer],
                "postern_sign_in": [{**entry, "token": "access_token", **change}],
            },
        )
        self.issue("/.well-known/openid-configuration", Reply(200, self.discovery()))
        self.issue("/device", Reply(200, self.device()))
        self.issue("/token", Reply(200, {"access_token": "a.new.token", "token_type": "Bearer", "expires_in": 3600}))
        self.answer("/v1/principal", PERSON)

    def discovery(self, **change: Any) -> dict[str, Any]:
        endpoints = {
            "token_endpoint": f"{self.issuer}/token",
            "device_authorization_endpoint": f"{self.issuer}/device",
        }
        return {"issuer": self.issuer, **endpoints, **change}

    def device(self, **change: Any) -> dict[str, Any]:
        return {
            "device_code": "the-device-code",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.issuer}/activate",
            "expires_in": 600,
            "interval": 0.001,
            **change,
        }


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up, as one does that refuses a certificate, is what tests are about."""


@contextmanager
def fake_gate(certificate: Path | None = None) -> Iterator[FakeGate]:
    """Serves on a free port of this machine, over TLS where there is a certificate."""
    gate = FakeGate("")
    server = _Server(("127.0.0.1", 0), _handler(gate))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    gate.origin = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(gate: FakeGate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            reply = gate.take(Asked(self.command, parts.path, parts.query, dict(self.headers), _value(sent)))
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names that the server calls

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _value(sent: bytes) -> Any:
    if not sent:
        return None
    try:
        return json.loads(sent)
    except ValueError:
        return {name: values[0] for name, values in parse_qs(sent.decode()).items()}

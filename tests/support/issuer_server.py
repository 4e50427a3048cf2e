"""An OIDC issuer on a loopback port, whose every answer a test can change and count."""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DISCOVERY = "/.well-known/openid-configuration"
KEY_SET = "/keys"


@dataclass(frozen=True)
class Answer:
    """What a path answers with; an empty header is left out."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class IssuerServer:
    """The server, its answers by path, and how often each path was asked."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def publish(self, keys: bytes, *, issuer: str | None = None, jwks_uri: object = None) -> None:
        """Answers as an issuer with these keys does."""
        document = {"issuer": issuer or self.url, "jwks_uri": jwks_uri or self.url + KEY_SET}
        self.answers[DISCOVERY] = Answer(json.dumps(document).encode())
        self.answers[KEY_SET] = Answer(keys)

    def fail(self) -> None:
        """Answers nothing but 503."""
        self.answers.clear()


@contextmanager
def issuer_server(*, certificate: Path | None = None) -> Iterator[IssuerServer]:
    """A running issuer; over TLS with the certificate and key in that PEM file, where one is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    _Handler.issuers[server.server_port] = issuer = IssuerServer(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        del _Handler.issuers[server.server_port]


class _Handler(BaseHTTPRequestHandler):
    issuers: dict[int, IssuerServer] = {}  # noqa: RUF012  # by port

    def do_GET(self) -> None:
        issuer = self.issuers[self.server.server_address[1]]  # type: ignore[index]
        issuer.asked[self.path] += 1
        answer = issuer.answers.get(self.path, Answer(b"away", status=503))
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Quiet."""

"""A time stamp authority of RFC 3161 made with `openssl ts`, behind a server on the loopback."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
[extensions]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


@dataclass
class Authority:
    """A root of its own and a signer under it. `answers` go first: status, type, and a body, or None for a stamp."""

    folder: Path
    answers: list[tuple[int, str, bytes | None]] = field(default_factory=list)

    @classmethod
    def made(cls, folder: Path, *, digests: str = "sha256") -> Authority:
        folder.mkdir()
        (folder / "config").write_text(_CONFIG.format(folder=folder, digests=digests))
        (folder / "serial").write_text("01\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
        openssl(
            *("req", "-x509", *curve, "-subj", "/CN=Test Root", "-days", "2"),
            *("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")),
        )
        openssl(
            *("req", "-new", *curve, "-subj", "/CN=Test Authority"),
            *("-keyout", str(folder / "tsa.key"), "-out", str(folder / "tsa.csr")),
        )
        openssl(
            *("x509", "-req", "-in", str(folder / "tsa.csr"), "-days", "2", "-CAcreateserial"),
            *("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-out", str(folder / "tsa.pem")),
            *("-extfile", str(folder / "config"), "-extensions", "extensions"),
        )
        return cls(folder)

    @property
    def root(self) -> Path:
        return self.folder / "ca.pem"

    def stamp(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        openssl(
            *("ts", "-reply", "-queryfile", str(self.folder / "query"), "-config", str(self.folder / "config")),
            *("-section", "own", "-out", str(self.folder / "reply")),
        )
        return (self.folder / "reply").read_bytes()

    @contextmanager
    def serving(self) -> Iterator[str]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                answers = authority.answers
                status, kind, body = answers.pop(0) if answers else (200, "application/timestamp-reply", None)
                body = authority.stamp(query) if body is None else body
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsa"
            finally:
                server.shutdown()
                thread.join()


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)


def with_status(reply: bytes, status: int, words: str) -> bytes:
    """The reply with another status and words beside it: nobody signed either, so anybody can."""
    body = _content(reply)[0]
    token = _content(body)[1]
    told = _element(0x02, bytes([status])) + _element(0x30, _element(0x0C, words.encode()))
    return _element(0x30, _element(0x30, told) + token)


def _content(data: bytes) -> tuple[bytes, bytes]:
    """What the first DER element of the data holds, and what follows it."""
    length, begin = data[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(data[2:begin])
    return data[begin : begin + length], data[begin + length :]


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(long)]) + long) + content

"""Fetching the authorities of RDS: nothing is kept that nobody agreed to, and nothing that is none."""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from scripts import rds_ca

from tests.support.tls import self_signed

NOW = dt.datetime.now(dt.UTC)


def certificate(name: str = "RDS test root", *, ca: bool = True, days: int = 3650) -> bytes:
    """A certificate in PEM that begins a year ago and ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=365))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


BUNDLE = certificate() + certificate("RDS test root 2", days=100)


@dataclass
class TrustStore:
    """Serves a bundle over TLS on the loopback interface."""

    url: str
    body: bytes = BUNDLE
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustStore]:
    pem = self_signed(tmp_path_factory.mktemp("tls"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            store.asked.append(self.path)
            self.send_response(store.status)
            self.send_header("Content-Length", str(len(store.body)))
            self.send_header("Location", f"{store.url}/elsewhere")
            self.end_headers()
            self.wfile.write(store.body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    store = TrustStore(f"https://127.0.0.1:{listening.server_port}")
    Thread(target=listening.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(pem))  # what this machine trusts
        patch.setenv("no_proxy", "127.0.0.1")
        yield store
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def store(server: TrustStore) -> Iterator[TrustStore]:
    server.body, server.status = BUNDLE, 200
    server.asked.clear()
    yield server


def run(store: TrustStore, folder: Path, *arguments: str) -> int:
    return rds_ca.main(["--url", f"{store.url}/bundle.pem", "--folder", str(folder), *arguments])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_keeps_the_bundle_with_the_expected_digest_where_the_layer_has_it(
    store: TrustStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(store, tmp_path / "ca", "--region", "eu-central-1", "--expect", digest(BUNDLE)) == 0

    assert (tmp_path / "ca" / "eu-central-1-bundle.pem").read_bytes() == BUNDLE
    assert "ca: /opt/ca/eu-central-1-bundle.pem" in capsys.readouterr().out


def test_shows_each_authority_with_its_days_and_its_digest(
    store: TrustStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(store, tmp_path, "--expect", digest(BUNDLE))

    out = capsys.readouterr().out
    for one in x509.load_pem_x509_certificates(BUNDLE):
        assert one.subject.rfc4514_string() in out
        assert f"{one.not_valid_after_utc:%Y-%m-%d}" in out
        assert one.fingerprint(hashes.SHA256()).hex() in out
    assert digest(BUNDLE) in out


def test_another_digest_than_the_expected_keeps_nothing(store: TrustStore, tmp_path: Path) -> None:
    assert run(store, tmp_path, "--expect", "0" * 64) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_anybody_to_ask_nothing_is_kept(
    store: TrustStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(store, tmp_path) == 1
    assert "EXPECT=" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("answer", "is_kept"), [("y", True), ("", False), ("n", False), ("yes please", False)])
def test_a_person_is_asked(
    answer: str, is_kept: bool, store: TrustStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)

    assert run(store, tmp_path) == (0 if is_kept else 1)
    assert (tmp_path / "global-bundle.pem").exists() is is_kept


def test_what_is_kept_already_is_agreed_to(store: TrustStore, tmp_path: Path) -> None:
    (tmp_path / "global-bundle.pem").write_bytes(BUNDLE)

    assert run(store, tmp_path) == 0


def test_what_is_kept_stays_where_another_is_refused(store: TrustStore, tmp_path: Path) -> None:
    (tmp_path / "global-bundle.pem").write_bytes(b"kept")

    assert run(store, tmp_path) == 1
    assert (tmp_path / "global-bundle.pem").read_bytes() == b"kept"


BODIES = {
    "empty": b"",
    "a page": b"<html>Sign in to the network</html>",
    "a server's certificate": certificate("db.example", ca=False),
    "a server's among authorities": BUNDLE + certificate("db.example", ca=False),
    "nothing that is valid still": certificate("old", days=-1),
    "a certificate cut off": BUNDLE[:-200] + b"\n-----END CERTIFICATE-----\n",
    "other text beside": b"# comment\n" + BUNDLE,
    "a private key beside": BUNDLE + b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "more than any bundle": BUNDLE * (rds_ca.MAX_BYTES // len(BUNDLE) + 1),
}


@pytest.mark.parametrize("body", BODIES)
def test_what_is_no_bundle_is_never_kept(body: str, store: TrustStore, tmp_path: Path) -> None:
    store.body = BODIES[body]

    assert run(store, tmp_path, "--expect", digest(store.body)) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [301, 302, 403, 500])
def test_another_answer_is_no_bundle_and_leads_nowhere(status: int, store: TrustStore, tmp_path: Path) -> None:
    store.status = status

    assert run(store, tmp_path, "--expect", digest(BUNDLE)) == 1
    assert store.asked == ["/bundle.pem"]


def test_a_server_that_this_machine_does_not_trust_is_not_asked(
    store: TrustStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    assert run(store, tmp_path, "--expect", digest(BUNDLE)) == 1
    assert store.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/bundle.pem", "file:///etc/ssl/certs/ca.pem", "ftp://x/y"])
def test_only_https_is_asked(url: str, tmp_path: Path) -> None:
    assert rds_ca.main(["--url", url, "--folder", str(tmp_path), "--expect", digest(BUNDLE)]) == 1


@pytest.mark.parametrize("region", ["../../x", "eu-central-1/..", "EU", ""])
def test_a_region_is_a_region(region: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        rds_ca.main(["--region", region, "--folder", str(tmp_path)])


def test_a_name_cannot_move_the_cursor(store: TrustStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.body = certificate("good\x1b[2Kroot")

    run(store, tmp_path, "--expect", digest(store.body))

    assert "\x1b" not in capsys.readouterr().out


def test_asks_aws_for_the_regions_bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []
    monkeypatch.setattr(rds_ca, "fetch", lambda url: asked.append(url) or BUNDLE)

    for arguments in ([], ["--region", "us-gov-west-1"]):
        rds_ca.main([*arguments, "--folder", str(tmp_path), "--expect", digest(BUNDLE)])

    assert asked == [
        "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
        "https://truststore.pki.rds.amazonaws.com/us-gov-west-1/us-gov-west-1-bundle.pem",
    ]

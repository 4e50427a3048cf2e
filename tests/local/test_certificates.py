"""The loopback's certificate: what it is good for, and that nothing more can be signed."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from postern_local.certificates import Certificates, make_certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


def handshake(certificates: Certificates, client: ssl.SSLContext, name: str) -> str:
    """The TLS version of a handshake with a server that presents the certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.certificate_path, certificates.key_path)
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(far, server_side=True).close()
        except (ssl.SSLError, OSError):
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(near, server_hostname=name) as wrapped:
            return wrapped.version() or ""
    finally:
        near.close()
        thread.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_client_that_trusts_the_authority_accepts_loopbacks_names(certificates: Certificates, name: str) -> None:
    client = ssl.create_default_context(cafile=str(certificates.ca_path))
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13's default
    assert handshake(certificates, client, name) == "TLSv1.3"


def test_other_names_are_refused(certificates: Certificates) -> None:
    client = ssl.create_default_context(cafile=str(certificates.ca_path))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificates, client, "db.example")


def test_authority_of_another_run_is_not_trusted(certificates: Certificates, tmp_path: Path) -> None:
    other = make_certificates(tmp_path / "other")
    client = ssl.create_default_context(cafile=str(other.ca_path))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificates, client, "localhost")


def test_only_the_servers_key_is_kept_and_only_its_owner_reads_it(certificates: Certificates) -> None:
    folder = certificates.key_path.parent
    assert sorted(os.listdir(folder)) == ["ca.pem", "server.key", "server.pem"]
    assert certificates.key_path.stat().st_mode & 0o777 == 0o600
    held = [path for path in folder.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert held == [certificates.key_path]


def test_validity_begins_a_little_in_the_past_and_ends_within_400_days(tmp_path: Path) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    pem = make_certificates(tmp_path, now=now).certificate_path.read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    assert certificate.not_valid_before_utc == now - timedelta(minutes=5)
    assert now + timedelta(days=90) < certificate.not_valid_after_utc < now + timedelta(days=400)

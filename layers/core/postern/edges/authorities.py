"""The bundles of authorities in the policy layer, read as a connection will read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from postern.audit.digests import sha256_hex
from postern.edges.postgres.verified_tls import verifying_context
from postern.errors import PolicyUnavailable
from postern.types import DatabaseAddress, Sha256Hex


class BundleFiles:
    """Implements `deploy_ports.Authorities`."""

    def digests(self, addresses: Iterable[DatabaseAddress]) -> Mapping[str, Sha256Hex]:
        return {ca: _digest(ca) for ca in sorted({address.ca for address in addresses})}


def _digest(ca: str) -> Sha256Hex:
    try:
        data = Path(ca).read_bytes()
        context = verifying_context(ca)
    except OSError as error:  # `ssl.SSLError` is one: the file holds no certificate
        reason = error.strerror or type(error).__name__
        raise _missing(f"{ca}: expected the authorities of a database in PEM, got: {reason}") from error
    if context.cert_store_stats()["x509_ca"] == 0:
        raise _missing(f"{ca}: expected the authorities of a database, got certificates of none")
    return sha256_hex(data)


def _missing(detail: str) -> PolicyUnavailable:
    return PolicyUnavailable("policy.unavailable", f"{detail}: fetch it with make rds-ca")

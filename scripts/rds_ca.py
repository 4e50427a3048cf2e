"""Fetches the authorities that sign RDS's certificates, shows them, and puts them into the policy layer once agreed to.

Run it where you deploy from: `make rds-ca REGION=eu-central-1`. What is fetched decides which servers Postern believes
to be your databases, so nothing is kept before a person has agreed to it, or its digest is as expected (`EXPECT=`).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes

FOLDER = Path(__file__).resolve().parent.parent / "layers/policy/ca"
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
TRUST_STORE = "https://truststore.pki.rds.amazonaws.com"
MAX_BYTES = 4_000_000
TIMEOUT_S = 30.0
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


class Stopped(Exception):
    """Raised with the line that says why nothing was kept."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A file of authorities, as it was fetched: the digest is of exactly these bytes."""

    data: bytes
    authorities: tuple[x509.Certificate, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def parse_bundle(data: bytes, *, now: datetime) -> Bundle:
    """The bundle, found to hold authorities and nothing else. Raises `Stopped`."""
    blocks = _BLOCK.findall(data)
    if not blocks:
        raise Stopped("bundle: expected certificates in PEM, got none")
    if _BLOCK.sub(b"", data).strip():
        raise Stopped("bundle: expected certificates in PEM and nothing beside them, got other text")
    try:
        authorities = tuple(x509.load_pem_x509_certificate(block) for block in blocks)
        is_authority = [_is_authority(one) for one in authorities]
        ssl.create_default_context(cadata=data.decode("ascii"))
    except (ValueError, x509.ExtensionNotFound, ssl.SSLError) as error:
        what = type(error).__name__
        raise Stopped(f"bundle: expected certificates of authorities, got one that is none ({what})") from error
    if not all(is_authority):
        raise Stopped(
            f"bundle: expected authorities, got another certificate: {subject(authorities[is_authority.index(False)])}"
        )
    if all(one.not_valid_after_utc <= now for one in authorities):
        raise Stopped("bundle: expected an authority that is valid still, got none")
    return Bundle(data, authorities)


def _is_authority(certificate: x509.Certificate) -> bool:
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def subject(certificate: x509.Certificate) -> str:
    """The name, with whatever could move a terminal's cursor spelt out."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in certificate.subject.rfc4514_string())


def show(bundle: Bundle, *, now: datetime) -> None:
    for one in bundle.authorities:
        state = "" if one.not_valid_before_utc <= now < one.not_valid_after_utc else "  NOT VALID NOW"
        print(f"{subject(one)}{state}")
        print(f"  valid   {one.not_valid_before_utc:%Y-%m-%d} to {one.not_valid_after_utc:%Y-%m-%d}")
        print(f"  SHA-256 {one.fingerprint(hashes.SHA256()).hex()}")
    print(f"\n{len(bundle.authorities)} authorities, {len(bundle.data)} bytes; SHA-256 of the file:\n{bundle.sha256}\n")


def fetch(url: str) -> bytes:
    """The bytes at an https address, whose server's certificate this machine trusts. Raises `Stopped`."""
    if urlsplit(url).scheme != "https":
        raise Stopped(f"--url: expected https://, got {url[:60]!r}")
    try:
        with _OPENER.open(url, timeout=TIMEOUT_S) as answer:
            data = bytes(answer.read(MAX_BYTES + 1))
    except urllib.error.HTTPError as error:
        raise Stopped(f"{url}: expected the bundle, got status {error.code}") from error
    except OSError as error:
        raise Stopped(
            f"{url}: expected the bundle, got {getattr(error, 'reason', None) or type(error).__name__}"
        ) from error
    if len(data) > MAX_BYTES:
        raise Stopped(f"{url}: expected at most {MAX_BYTES} bytes, got more")
    return data


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was asked of one server is not taken from another."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def agree(bundle: Bundle, expected: str | None, kept: bytes | None) -> None:
    """Returns where this bundle is to be kept. Raises `Stopped`."""
    if expected is not None:
        if expected != bundle.sha256:
            raise Stopped(f"digest: expected {expected}, got {bundle.sha256}")
        return
    if kept == bundle.data:
        return
    if not sys.stdin.isatty():
        raise Stopped("digest: expected someone to agree to it, got no terminal: compare it, and give it as EXPECT=")
    if input("Compare with what AWS tells you elsewhere. Keep this bundle? [y/N] ").strip().lower() != "y":
        raise Stopped("not kept")


def keep(bundle: Bundle, file: Path) -> None:
    """Puts the file there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.write_bytes(bundle.data)
    beside.replace(file)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    name = f"{asked.region}-bundle.pem" if asked.region else "global-bundle.pem"
    url = asked.url or f"{TRUST_STORE}/{asked.region or 'global'}/{name}"
    file, now = asked.folder / name, datetime.now(UTC)
    try:
        bundle = parse_bundle(fetch(url), now=now)
        print(f"from {url}\n")
        show(bundle, now=now)
        agree(bundle, asked.expect, file.read_bytes() if file.is_file() else None)
    except Stopped as stopped:
        print(f"rds-ca: {stopped}", file=sys.stderr)
        return 1
    keep(bundle, file)
    print(f"kept as {file}\nname it in databases.yaml:    ca: /opt/ca/{name}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rds-ca", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--region", type=_matching(_REGION), help="the databases' region; all regions' without it")
    parser.add_argument("--expect", type=_matching(_SHA256), help="SHA-256 of the file, in place of being asked")
    parser.add_argument("--url", help="where to fetch it, for partitions that have a trust store of their own")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the policy layer keeps them")
    return parser


def _matching(pattern: re.Pattern[str]) -> type[str]:
    def parse(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise argparse.ArgumentTypeError(f"expected the form {pattern.pattern}, got {text[:80]!r}")
        return text

    return parse  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())

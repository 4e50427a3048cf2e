"""The local OIDC issuer: discovery, one key, and tokens for demo agents, approvers and auditors.

`Issuer` serves the public half over loopback; `mint` signs with the private half, which lies in the
state folder, so that another process of the same user can print a token.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from postern_local.failure import StackFailure
from postern_local.private_file import write_private

_OURS = frozenset({"iss", "sub", "aud", "iat", "exp", "jti"})
_MAX_TTL_S = 86_400


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running issuer. `url` is the `iss` of its tokens."""

    url: str
    key_path: Path
    server: http.server.ThreadingHTTPServer
    thread: threading.Thread

    @classmethod
    def start(cls, folder: Path, *, port: int = 0) -> Issuer:
        """Serves on 127.0.0.1. The key is `folder/issuer.key`, made where there is none, with mode 0600.

        Raises `StackFailure` where the port is in use.
        """
        folder.mkdir(parents=True, exist_ok=True)
        key_path = folder / "issuer.key"
        if not key_path.is_file():
            _make_key(key_path)
        documents: dict[str, bytes] = {}
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(documents))
        except OSError as error:
            raise StackFailure(f"issuer port {port}: expected a free one, got {error.strerror}") from error
        url = f"http://127.0.0.1:{server.server_address[1]}"
        documents |= _documents(url, _load_key(key_path))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        return cls(url, key_path, server, thread)

    def stop(self) -> None:
        """Stops serving. Idempotent."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def mint(
    key_path: Path,
    issuer_url: str,
    *,
    sub: str,
    audience: str,
    claims: Mapping[str, object],
    ttl_s: int,
    now: int,
) -> str:
    """A signed token: RS256, `typ` JWT, `kid`, and `iss`, `sub`, `aud`, `iat`, `exp`, `jti` beside `claims`.

    Raises `StackFailure` where `claims` would replace one of those, the bounds do not hold, or the key is absent.
    """
    import jwt

    replaced = sorted(_OURS & set(claims))
    if replaced:
        raise StackFailure(f"claims: expected none of {', '.join(sorted(_OURS))}, got {', '.join(replaced)}")
    if not 1 <= ttl_s <= _MAX_TTL_S:
        raise StackFailure(f"token lifetime: expected 1 to {_MAX_TTL_S} seconds, got {ttl_s}")
    key = _load_key(key_path)
    payload = {
        **claims,
        "iss": issuer_url,
        "sub": sub,
        "aud": audience,
        "iat": now,
        "exp": now + ttl_s,
        "jti": secrets.token_hex(16),
    }
    return jwt.encode(payload, key, algorithm="RS256", headers={"kid": _public_jwk(key)["kid"]})


def _make_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    write_private(
        path,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _load_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise StackFailure(f"{path}: expected the issuer's key, got none that can be read") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise StackFailure(f"{path}: expected an RSA key, got another kind")
    return key


def _documents(url: str, key: rsa.RSAPrivateKey) -> dict[str, bytes]:
    discovery = {
        "issuer": url,
        "jwks_uri": f"{url}/jwks.json",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    return {
        "/.well-known/openid-configuration": json.dumps(discovery).encode(),
        "/jwks.json": json.dumps({"keys": [_public_jwk(key)]}).encode(),
    }


def _public_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The public key as RFC 7517 has it; `kid` is its RFC 7638 thumbprint."""
    numbers = key.public_key().public_numbers()
    required = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return {**required, "kid": thumbprint, "use": "sig", "alg": "RS256"}


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _handler(documents: Mapping[str, bytes]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10  # seconds that a silent client holds a thread

        def do_GET(self) -> None:
            document = documents.get(self.path)
            self.send_response(200 if document is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document or b"")))
            self.end_headers()
            self.wfile.write(document or b"")

        def log_message(self, *_values: object) -> None:
            """Says nothing: the terminal is the stack's."""

    return Handler

"""A forge for DPoP proofs: start from a valid one, change one thing, sign it again."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from postern.identity.keys import thumbprint
from postern.identity.proofs import Presented, Proof, Scheme
from tests.support.identity import ABSENT, NOW_S, base64url, jwk, key_name, private_key, sign, token

HOLDER = "holder ES256"
METHOD = "POST"
URL = "https://postern.example/v1/tasks"


def public_jwk(name: str = HOLDER, /, **changes: Any) -> dict[str, Any]:
    """The holder's public key as a proof carries it."""
    return jwk(name, **{"kid": ABSENT, "use": ABSENT, **changes})


def bound_token(name: str = HOLDER, /, **claims: Any) -> str:
    """A valid token that is bound to the holder's key."""
    return token(**{"cnf": {"jkt": thumbprint(public_jwk(name))}, **claims})


def ath(unverified_token: str) -> str:
    return base64url(hashlib.sha256(unverified_token.encode()).digest())


def proof(
    unverified_token: str, name: str = HOLDER, /, *, header_changes: Any = None, key: str | None = None, **claims: Any
) -> str:
    """A valid proof for the token and the request, with these claims changed, signed by the key pair of that name."""
    algorithm = name.split()[-1]
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public_jwk(name), **(header_changes or {})}
    body = {"jti": "e1j3V", "htm": METHOD, "htu": URL, "iat": NOW_S, "ath": ath(unverified_token), **claims}
    parts = [
        json.dumps({name: value for name, value in part.items() if value is not ABSENT}).encode()
        for part in (header, body)
    ]
    return signed(*parts, name=key or name, algorithm=header["alg"])


def signed(header: bytes, body: bytes, *, name: str = HOLDER, algorithm: str = "ES256") -> str:
    message = f"{base64url(header)}.{base64url(body)}"
    can_sign = key_name(name.split()[-1]) == key_name(algorithm) if isinstance(algorithm, str) else False
    with_algorithm = algorithm if can_sign else name.split()[-1]
    return f"{message}.{base64url(sign(message.encode(), with_algorithm, private_key(name)))}"


def presented(*proofs: str, scheme: Scheme = Scheme.DPOP, method: str = METHOD, url: str = URL) -> Presented:
    return Presented(scheme, proofs, method, url)


class MemoryUsedProofs:
    """Keeps `UsedProofs`'s contract in memory."""

    def __init__(self) -> None:
        self.until_s: dict[str, int] = {}

    def use(self, proof: Proof, *, now_s: int) -> bool:
        if self.until_s.get(proof.name, now_s) > now_s:
            return False
        self.until_s[proof.name] = proof.until_s
        return True


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

"""Tokens: what the issuer says of somebody, signed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from postern_local.failure import StackFailure
from postern_local.issuer.key import load_key, public_jwk

OURS = frozenset({"iss", "sub", "aud", "iat", "exp", "jti"})
MAX_TTL_S = 86_400


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

    replaced = sorted(OURS & set(claims))
    if replaced:
        raise StackFailure(f"claims: expected none of {', '.join(sorted(OURS))}, got {', '.join(replaced)}")
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise StackFailure(f"token lifetime: expected 1 to {MAX_TTL_S} seconds, got {ttl_s}")
    key = load_key(key_path)
    payload = {
        **claims,
        "iss": issuer_url,
        "sub": sub,
        "aud": audience,
        "iat": now,
        "exp": now + ttl_s,
        "jti": secrets.token_hex(16),
    }
    return jwt.encode(payload, key, algorithm="RS256", headers={"kid": public_jwk(key)["kid"]})

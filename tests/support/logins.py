"""Logins that are kept, and tokens that say something of themselves."""

from __future__ import annotations

import base64
import json
import time

from postern_cli.sign_in.kept_login import KeptLogin, write_login
from tests.support.fake_gate import FakeGate


def kept(at: FakeGate, **change: object) -> KeptLogin:
    login = KeptLogin(
        gate=at.url,
        issuer=at.issuer,
        client_id="postern-cli",
        scopes=["openid"],
        kind="access_token",
        token="a.kept.token",
        expires_at_s=int(time.time()) + 3600,
    )
    changed = KeptLogin(**{name: getattr(login, name) for name in login.__slots__} | change)
    write_login(changed)
    return changed


def jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"

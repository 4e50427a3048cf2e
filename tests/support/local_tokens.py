"""Tokens of a local stack's issuer, as `postern local token` prints them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postern_local.demo import cast
from postern_local.issuer import mint

if TYPE_CHECKING:
    from postern_local.stack import Stack


def local_token(stack: Stack, sub: str, *, ago_s: int = 0, **claims: Any) -> str:
    """A token for an hour, from `ago_s` on."""
    key = Path(stack.ready.state) / "issuer" / "issuer.key"
    now = int(time.time()) - ago_s
    return mint(key, stack.ready.issuer, sub=sub, audience=stack.ready.audience, claims=claims, ttl_s=3600, now=now)


def agent_token(stack: Stack, *, ago_s: int = 0) -> str:
    """The demo's agent."""
    return local_token(stack, cast.AGENT.sub, ago_s=ago_s, role="agent")

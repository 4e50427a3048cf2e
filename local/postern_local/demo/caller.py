"""An agent's HTTP client of a few lines: what the demo sends is what anyone could send."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern_local import issuer
from postern_local.ready import Ready


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a JSON body and the time that the server says it took."""

    status: int
    body: Any
    timing: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone with a token of the local issuer."""

    ready: Ready
    sub: str
    claims: Mapping[str, object]

    def token(self) -> str:
        return issuer.mint(
            Path(self.ready.state) / "issuer" / "issuer.key",
            self.ready.issuer,
            sub=self.sub,
            audience=self.ready.audience,
            claims=self.claims,
            ttl_s=600,
            now=int(time.time()),
        )

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: object | None = None) -> Reply:
        request = urllib.request.Request(  # noqa: S310 - the API's own loopback address
            self.ready.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=self.headers(),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return Reply(answer.status, json.load(answer), answer.headers.get("Server-Timing", ""))
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, json.load(refused), refused.headers.get("Server-Timing", ""))

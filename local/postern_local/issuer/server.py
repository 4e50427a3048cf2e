"""The running issuer: one key, one server on the loopback interface, and sign-in once there is a gate to sign in to."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from postern_local.failure import StackFailure
from postern_local.issuer.expiring import Clock
from postern_local.issuer.key import load_key, make_key, public_jwk
from postern_local.issuer.offer import NOTHING, Offer, make_site
from postern_local.issuer.people import Person
from postern_local.issuer.site import Site
from postern_local.issuer.tokens import mint
from postern_local.loopback import LoopbackServer, Request, Response, Service

_MAX_HEAD_BYTES = 16_384
_MAX_BODY_BYTES = 65_536


def _seconds() -> int:
    return int(time.time())


@dataclass(slots=True)
class _Now:
    """What is served at the moment: nothing only until the server knows its own address."""

    site: Site | None = None

    def answer(self, request: Request) -> Response:
        return Response(503) if self.site is None else self.site.answer(request)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running issuer. `url` is the `iss` of its tokens."""

    url: str
    key_path: Path
    server: LoopbackServer
    clock: Clock
    now: _Now = field(repr=False)

    @classmethod
    def start(cls, folder: Path, *, port: int = 0, clock: Clock = _seconds) -> Issuer:
        """Serves discovery and keys on 127.0.0.1. The key is `folder/issuer.key`, made where there is none, mode 0600.

        Raises `StackFailure` where the port is in use.
        """
        folder.mkdir(parents=True, exist_ok=True)
        key_path = folder / "issuer.key"
        if not key_path.is_file():
            make_key(key_path)
        now = _Now()
        service = Service(now.answer, max_head_bytes=_MAX_HEAD_BYTES, max_body_bytes=_MAX_BODY_BYTES)
        try:
            server = LoopbackServer.start(service, port=port)
        except StackFailure as failure:
            raise StackFailure(f"issuer {failure}") from failure
        issuer = cls(server.url, key_path, server, clock, now)
        issuer.offer(NOTHING)
        return issuer

    def offer(self, offer: Offer) -> None:
        """Lets people sign in to this from now on. What was granted before is forgotten."""
        keys = json.dumps({"keys": [public_jwk(load_key(self.key_path))]}).encode()
        self.now.site = make_site(self.url, offer, keys, self._sign, self.clock)

    def stop(self) -> None:
        """Stops serving. Idempotent."""
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _sign(self, person: Person, audience: str, about: Mapping[str, object], ttl_s: int) -> str:
        claims = {**person.claims, **about}
        return mint(
            self.key_path, self.url, sub=person.sub, audience=audience, claims=claims, ttl_s=ttl_s, now=self.clock()
        )

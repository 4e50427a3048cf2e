"""Issuers' keys, fetched by OIDC discovery, kept in this process and shared with all others through a table.

The rules of when are `identity.key_sets`'s. A process looks at what it has itself, then at the table, and asks the
issuer when it is the one that claimed it there. Where the table is away the process's own knowledge decides alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from postern.clock_ports import Clock
from postern.edges import issuer_http
from postern.edges.log_lines import logger
from postern.errors import IssuerUnavailable, StateUnavailable
from postern.identity.issuer_url import is_https, is_loopback, without_query
from postern.identity.issuers import IssuerRules
from postern.identity.key_sets import (
    Ask,
    KeySet,
    Known,
    Serve,
    SharedKeySets,
    Unavailable,
    Wanted,
    newest,
    next_step,
)
from postern.identity.keys import VerifyingKey, parse_key_set
from postern.identity.strict_json import parse_object

AWAY_S = 5  # that the table is not tried again after it could not be reached
PAUSES_S = (0.1, 0.2, 0.4, 0.8)  # between looks at the table while another asks the issuer

_T = TypeVar("_T")
_WELL_KNOWN = "/.well-known/openid-configuration"


class IssuerKeys:
    """Implements `identity.keys.KeySource`. For one thread, as a Lambda environment has."""

    def __init__(
        self,
        clock: Clock,
        shared: SharedKeySets,
        get: Callable[[str], bytes] = issuer_http.get,
        *,
        time_s: float = issuer_http.TIME_S,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._shared = shared
        self._get = get
        self._time_s = time_s  # for discovery and key set together
        self._pause = pause
        self._known: dict[str, Known] = {}
        self._seen = Known()  # what the table answered last, on which a claim depends
        self._away_until_s = 0

    def keys(self, issuer: IssuerRules, kid: str | None, *, unverified_iat_s: int | None) -> tuple[VerifyingKey, ...]:
        # Wall time and not the stopwatch, which may stand still while the environment is frozen.
        now_s = self._clock.now_us() // 1_000_000
        wanted = Wanted(kid, unverified_iat_s)
        step = next_step(self._known_of(issuer), wanted, now_s=now_s)
        if isinstance(step, Serve):
            return step.keys
        for pause_s in (0, *PAUSES_S):
            if pause_s:
                self._pause(pause_s)
            self._look(issuer, now_s)
            step = next_step(self._known_of(issuer), wanted, now_s=now_s)
            if isinstance(step, Serve):
                return step.keys
            if isinstance(step, Ask) and self._claim(issuer, step, now_s):
                return self._ask(issuer, wanted, now_s)
            if isinstance(step, Unavailable) or self._is_away(now_s):
                break
        reason = step.reason if isinstance(step, Unavailable) else "expected an answer, got none yet"
        raise IssuerUnavailable("issuer.unavailable", f"issuer `{issuer.name}`: {reason}")

    def _known_of(self, issuer: IssuerRules) -> Known:
        return self._known.get(issuer.issuer, Known())

    def _learn(self, issuer: IssuerRules, more: Known, now_s: int) -> None:
        self._known[issuer.issuer] = newest(self._known_of(issuer), more, now_s=now_s)

    def _ask(self, issuer: IssuerRules, wanted: Wanted, now_s: int) -> tuple[VerifyingKey, ...]:
        """The keys as the issuer publishes them now, or else the kept ones where the token has a use for them."""
        try:
            body, keys = issuer_http.within_time(lambda: self._fetch(issuer), time_s=self._time_s)
        except IssuerUnavailable as error:
            self._tell("issuer away", issuer=issuer.name, detail=error.detail)
            step = next_step(self._known_of(issuer), wanted, now_s=now_s)
            if isinstance(step, Serve):
                return step.keys
            raise
        self._learn(issuer, Known(KeySet(keys, now_s)), now_s)
        # Should the process die before this, the next to ask is the one that the cool-down lets.
        self._reach(lambda: self._shared.put(issuer.issuer, body, fetched_at_s=now_s), now_s, otherwise=None)
        return keys

    def _fetch(self, issuer: IssuerRules) -> tuple[bytes, tuple[VerifyingKey, ...]]:
        """The issuer's key set, as bytes too; without keys where it publishes none: it may withdraw them all."""
        try:
            discovery = self._get(issuer.issuer.removesuffix("/") + _WELL_KNOWN)
            body = self._get(_key_set_url(discovery, issuer))
            return body, parse_key_set(body)
        except ValueError as error:
            raise IssuerUnavailable("issuer.unavailable", str(error)) from error

    def _look(self, issuer: IssuerRules, now_s: int) -> None:
        """Learns what the others know."""
        self._seen = self._reach(lambda: self._shared.read(issuer.issuer), now_s, otherwise=Known())
        self._learn(issuer, self._seen, now_s)

    def _claim(self, issuer: IssuerRules, ask: Ask, now_s: int) -> bool:
        """Whether it is for this process to ask; it is, where nobody else can be asked about it."""
        won = self._reach(
            lambda: self._shared.claim(issuer.issuer, self._seen, ask, now_s=now_s), now_s, otherwise=True
        )
        if won:
            self._learn(issuer, Known(asked_at_s=now_s, paid_until_s=ask.paid_until_s), now_s)
        return won

    def _reach(self, work: Callable[[], _T], now_s: int, *, otherwise: _T) -> _T:
        """What the table answers, or `otherwise` while it is away: it is not tried again for a while then."""
        if self._is_away(now_s):
            return otherwise
        try:
            return work()
        except StateUnavailable as error:
            self._tell("shared keys away", detail=error.detail)
            self._away_until_s = now_s + AWAY_S
            return otherwise

    def _tell(self, what: str, **fields: str) -> None:
        logger("authorize").warning(what, extra=fields)

    def _is_away(self, now_s: int) -> bool:
        return self._away_until_s - AWAY_S <= now_s < self._away_until_s


def _key_set_url(discovery: bytes, issuer: IssuerRules) -> str:
    """OpenID Connect Discovery 1.0 section 4.3: the document must be about the issuer that was asked.

    The key set may lie on another host, as Google's, Entra's and Auth0's do in places: the document came over TLS
    from the issuer itself, whose word on its keys is what we ask for.
    """
    document = parse_object(discovery)
    if document.get("issuer") != issuer.issuer:
        raise ValueError("discovery: expected the issuer's own name as `issuer`, got another")
    url = document.get("jwks_uri")
    may_fetch = is_loopback if issuer.is_local else is_https
    if not isinstance(url, str) or not may_fetch(without_query(url)) or "#" in url or not url.isprintable():
        raise ValueError("discovery: expected an https URL as `jwks_uri`, got something else")
    return url

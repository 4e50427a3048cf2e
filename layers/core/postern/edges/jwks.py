"""Issuers' keys, fetched by OIDC discovery and kept in this process.

    fresh       asked less than 15 min ago: served as they are
    stale       asked for again; while the issuer does not answer the kept ones are served, up to 24 h
    kid unknown asked for again, at most once in 30 s: a stranger's random `kid` costs the issuer nothing more
    none kept   asked for at each call, at most once in 5 s: `IssuerUnavailable`

A key that an issuer withdraws is therefore refused after at most 15 minutes while the issuer answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from postern.edges import issuer_http
from postern.errors import IssuerUnavailable
from postern.identity.issuer_url import is_https, is_loopback, without_query
from postern.identity.issuers import IssuerRules
from postern.identity.keys import VerifyingKey, parse_key_set
from postern.identity.strict_json import parse_object
from postern.ports import Clock

FRESH_S = 15 * 60
KEEP_S = 24 * 60 * 60
COOL_DOWN_S = 30
RETRY_S = 5  # while nothing is kept

_log = logging.getLogger(__name__)
_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of one issuer; times in seconds since the epoch."""

    keys: tuple[VerifyingKey, ...]
    fetched_at_s: int | None  # None: never yet
    asked_at_s: int


class IssuerKeys:
    """Implements `identity.keys.KeySource`. For one thread, as a Lambda environment has."""

    def __init__(
        self, clock: Clock, get: Callable[[str], bytes] = issuer_http.get, *, time_s: float = issuer_http.TIME_S
    ) -> None:
        self._clock = clock
        self._get = get
        self._time_s = time_s  # for discovery and key set together
        self._kept: dict[str, _Kept] = {}

    def keys(self, issuer: IssuerRules, kid: str | None) -> tuple[VerifyingKey, ...]:
        # Wall time and not the stopwatch, which may stand still while the environment is frozen.
        now_s = self._clock.now_us() // 1_000_000
        kept = self._kept.get(issuer.issuer)
        if kept is None or _must_ask(kept, kid, now_s):
            kept = self._ask(issuer, kept, now_s)
            self._kept[issuer.issuer] = kept
        if kept.fetched_at_s is None or not _is_within(now_s, kept.fetched_at_s, KEEP_S):
            raise IssuerUnavailable("issuer.unavailable", f"issuer `{issuer.name}`: expected its keys, got none")
        return kept.keys

    def _ask(self, issuer: IssuerRules, kept: _Kept | None, now_s: int) -> _Kept:
        try:
            keys = issuer_http.within_time(lambda: self._fetch(issuer), time_s=self._time_s)
        except IssuerUnavailable as error:
            # `keys` raises in its turn unless good ones are kept, and the age of those is bounded.
            _log.warning("issuer `%s`: %s", issuer.name, error)
            return _Kept((), None, now_s) if kept is None else replace(kept, asked_at_s=now_s)
        return _Kept(keys, now_s, now_s)

    def _fetch(self, issuer: IssuerRules) -> tuple[VerifyingKey, ...]:
        """The issuer's keys as it publishes them now; none, where it publishes none: it may withdraw them all."""
        try:
            discovery = self._get(issuer.issuer.removesuffix("/") + _WELL_KNOWN)
            return parse_key_set(self._get(_key_set_url(discovery, issuer)))
        except ValueError as error:
            raise IssuerUnavailable("issuer.unavailable", str(error)) from error


def _must_ask(kept: _Kept, kid: str | None, now_s: int) -> bool:
    if kept.fetched_at_s is None:
        return not _is_within(now_s, kept.asked_at_s, RETRY_S)
    is_known = kid is None or any(key.kid == kid for key in kept.keys)
    if is_known and _is_within(now_s, kept.fetched_at_s, FRESH_S):
        return False
    return not _is_within(now_s, kept.asked_at_s, COOL_DOWN_S)


def _is_within(now_s: int, since_s: int, span_s: int) -> bool:
    """False also where the clock was set back: then what is kept has no age."""
    return 0 <= now_s - since_s < span_s


def _key_set_url(discovery: bytes, issuer: IssuerRules) -> str:
    """OpenID Connect Discovery 1.0 section 4.3: the document must be about the issuer that was asked."""
    document = parse_object(discovery)
    if document.get("issuer") != issuer.issuer:
        raise ValueError("discovery: expected the issuer's own name as `issuer`, got another")
    url = document.get("jwks_uri")
    may_fetch = is_loopback if issuer.is_local else is_https
    if not isinstance(url, str) or not may_fetch(without_query(url)) or "#" in url or not url.isprintable():
        raise ValueError("discovery: expected an https URL as `jwks_uri`, got something else")
    return url

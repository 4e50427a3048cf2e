"""Which URLs may name an issuer or its keys: compared as text, so nothing in them may be read two ways."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_UNFIT = frozenset(' "<>\\^`{|}')


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """The local stack's issuer: the one that may be plain http, and only on the loopback interface."""

    url: str

    def __post_init__(self) -> None:
        if not is_loopback(self.url):
            raise ValueError("local issuer: expected a loopback URL such as http://127.0.0.1:8080, got another")


def is_https(url: str) -> bool:
    """True for an https URL with a host and no user, query or fragment."""
    return _scheme_and_host(url)[0] == "https"


def without_query(url: str) -> str:
    """The URL up to its query, which a key set's address may have though an issuer's may not."""
    return url.partition("?")[0]


def is_loopback(url: str) -> bool:
    """True for an http or https URL on the loopback interface."""
    scheme, host = _scheme_and_host(url)
    return scheme in {"http", "https"} and host in _LOOPBACK


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both empty where the URL is not fit."""
    if not url.isascii() or not url.isprintable() or not _UNFIT.isdisjoint(url) or "?" in url or "#" in url:
        return "", ""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number of a port
    except ValueError:
        return "", ""
    if not parts.hostname or "@" in parts.netloc:
        return "", ""
    return parts.scheme, parts.hostname

"""The address of a gate or an issuer: https, or http on this machine; nothing in it that could mislead."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def parse_address(url: str) -> SplitResult | None:
    """The address in its parts, host in small letters; None for one that is not of this form."""
    # urlsplit takes some characters out in silence, and what is shown must be what is asked.
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0  # raises ValueError for what is no port
    except ValueError:
        return None
    if not parts.hostname or not has_port or "@" in parts.netloc or parts.query or parts.fragment:
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts)):
        return None
    return parts._replace(netloc=parts.netloc.lower())


def is_loopback(parts: SplitResult) -> bool:
    """Whether what is sent there stays on this machine."""
    return parts.hostname in _LOOPBACK


def origin_of(parts: SplitResult) -> str:
    """Scheme, host and port in one form."""
    return format_address(parts._replace(path="", query="", fragment=""))


def format_address(parts: SplitResult) -> str:
    """The address in one form: no slash at its end, and no port that the scheme has anyway."""
    netloc = parts.netloc.removesuffix(":443" if parts.scheme == "https" else ":80")
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"

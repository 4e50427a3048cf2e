"""URLs of requests in one spelling (RFC 3986 sections 6.2.2 and 6.2.3), so that they can be compared as text."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_LENGTH = 2048
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")  # RFC 3986 section 2
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normal_url(url: str) -> str | None:
    """The http or https URL without query and fragment, normalised; None where it is none or has a user in it.

    Scheme and host in lower case, no default port, `/` for no path, each escape in upper case and only where
    one is needed. Dot segments are not resolved but refused: a client has no need of them.
    """
    if len(url) > _MAX_LENGTH or not _CHARACTERS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    path = _normal_path(parts.path or "/")
    if path is None or {".", ".."} & set(path.split("/")):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    at_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{at_port}{path}"


def _normal_path(path: str) -> str | None:
    if any(escape[1] is None for escape in _ESCAPE.finditer(path)):
        return None
    return _ESCAPE.sub(_normal_escape, path)


def _normal_escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()

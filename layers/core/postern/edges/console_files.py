"""The console's files, and the headers under which a browser runs them.

Rules: nothing runs but the scripts that lie beside this function; nothing is sent anywhere but to this API and to
where an issuer says that people sign in; no text becomes markup; no other page frames the console or holds its window.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from postern.edges import http
from postern.edges.sign_in_list import sign_in_list
from postern.errors import NotFound

if TYPE_CHECKING:
    from postern.identity.issuers import IssuerRules

PAGE = "index"
CONFIG = "config.json"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# What a policy may hold without ending its directive or adding a source: no blank, comma, quote or semicolon.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
_UNUSED = (
    *("accelerometer", "browsing-topics", "camera", "clipboard-read", "display-capture", "encrypted-media", "gamepad"),
    *("geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment"),
    *("publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
)


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """A file as it is sent. `etag` is of its bytes, in quotes."""

    text: str
    media_type: str
    etag: str

    @property
    def is_page(self) -> bool:
        return self.media_type.startswith("text/html")


def load_files(folder: Path) -> Mapping[str, ConsoleFile]:
    """Every file of the folder by its name, a page by its name without ending.

    What is not here cannot be asked for: no path is made of a request.
    """
    files = [path for path in sorted(folder.iterdir()) if path.suffix in _MEDIA_TYPES]
    return {path.stem if path.suffix == ".html" else path.name: _file(path) for path in files}


def file_answer(
    files: Mapping[str, ConsoleFile], name: str, policy: str, *, known_etags: str | None = None
) -> http.Response:
    """The file, or 304 where the browser has it. Raises `NotFound` for a name that is none of the files'.

    A page is stored nowhere, so that its policy is always this deployment's. Scripts and styles are kept, and asked
    for anew each time by their digest: after a deploy no page runs with an old script.
    """
    file = files.get(name)
    if file is None:
        raise NotFound("request.path", "console: expected one of its files, got another name: open /console")
    headers = {
        "Content-Type": file.media_type,
        "Cache-Control": "no-store" if file.is_page else "no-cache",
        "Cross-Origin-Resource-Policy": "same-origin",
        **({"ETag": file.etag} if not file.is_page else {}),
        **(page_headers(policy) if file.is_page else {}),
    }
    if not file.is_page and file.etag in _etags(known_etags):
        return http.answer(304, b"", headers)
    return http.answer(200, file.text.encode(), headers)


def config_answer(issuers: Iterable[IssuerRules]) -> http.Response:
    """Where people may sign in: what anybody may know, since it is what their browser is told."""
    return http.json_answer(200, {"issuers": sign_in_list(issuers)})


def sign_in_origins(issuers: Iterable[IssuerRules]) -> tuple[str, ...]:
    """Where the page may send a request besides its own API: to each issuer that people sign in with."""
    found = {
        origin_of(url)
        for rules in issuers
        if rules.sign_in is not None
        for url in (rules.issuer, *rules.sign_in.origins)
    }
    return tuple(sorted(found - {""}))


def origin_of(url: str) -> str:
    """The URL's origin; empty where that is not one that a policy can name."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin if _ORIGIN.fullmatch(origin) else ""


def content_security_policy(origins: Sequence[str]) -> str:
    """The page's policy; `origins` are those of `sign_in_origins`."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            " ".join(("connect-src 'self'", *origins)),
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def page_headers(policy: str) -> Mapping[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",  # for what does not know frame-ancestors
    }


def _file(path: Path) -> ConsoleFile:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return ConsoleFile(data.decode(), _MEDIA_TYPES[path.suffix], f'"{digest[:32]}"')


def _etags(known: str | None) -> frozenset[str]:
    """The tags of an If-None-Match header, weak ones too: a gateway that compresses makes them weak."""
    return frozenset(tag.strip().removeprefix("W/") for tag in (known or "").split(","))

"""Where the API is that the tools ask. Pure.

It is what the deployment says (`POSTERN_API_ADDRESS`), or else the stage that the call came in by: its id and name are
the gateway's own words in the event's context. Neither `Host` nor a `Forwarded` header nor the body has a say in it, so
nobody can have a token sent elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from postern.edges.settings import require
from postern.errors import PolicyUnavailable
from postern.identity.issuer_url import is_loopback

_API_ID = re.compile(r"[a-z0-9]{1,32}")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_DOMAIN = re.compile(r"execute-api\.[a-z0-9-]+(\.[a-z0-9-]+)+")
_ADDRESS = re.compile(r"https?://[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class Address:
    """An origin, and the path that all of the API's paths are below."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def origin(self) -> str:
        """As a browser spells it in `Origin`."""
        return f"{self.scheme}://{self.host}" + ("" if self.port is None else f":{self.port}")

    @property
    def url(self) -> str:
        return self.origin + self.path


def address_of(event: Mapping[str, Any], environment: Mapping[str, str]) -> Address:
    """Raises `PolicyUnavailable` where neither the deployment nor the event names one, or it is not of its form."""
    told = environment.get("POSTERN_API_ADDRESS", "")
    return parse_address(told) if told else _of_the_stage(event, require(environment, "POSTERN_API_DOMAIN"))


def parse_address(text: str) -> Address:
    """Raises `PolicyUnavailable` where it is not an https URL of a host and a plain path. Loopback may speak http."""
    plain = text.removesuffix("/")
    if not _ADDRESS.fullmatch(plain) or not (plain.startswith("https://") or is_loopback(plain)):
        raise _wrong("POSTERN_API_ADDRESS", "https://host/path")
    try:
        parts = urlsplit(plain)
        return Address(parts.scheme, parts.hostname or "", parts.port, parts.path)
    except ValueError as error:
        raise _wrong("POSTERN_API_ADDRESS", "a port up to 65535") from error


def _of_the_stage(event: Mapping[str, Any], domain: str) -> Address:
    context = event.get("requestContext") or {}
    api_id, stage = str(context.get("apiId", "")), str(context.get("stage", ""))
    if not _API_ID.fullmatch(api_id) or not _STAGE.fullmatch(stage) or not _DOMAIN.fullmatch(domain):
        raise _wrong("POSTERN_API_DOMAIN", "it, apiId and stage to name an API")
    return Address("https", f"{api_id}.{domain}", None, f"/{stage}")


def _wrong(name: str, expected: str) -> PolicyUnavailable:
    return PolicyUnavailable("policy.unavailable", f"{name}: expected {expected}, got another form")

"""The principal on its way from the authorizer to a function: one JSON text in API Gateway's context.

API Gateway's context holds only flat texts, numbers and booleans, and an authorizer's whole answer may
have 8 KB, so the text is ASCII and bounded. Only the authorizer writes it; a function still parses it as
strictly as a token, since being wrong here would be being somebody else. Evolution: authorizer and
functions are deployed as one, so the fields may change together; an unknown or absent one is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from postern.errors import Unauthenticated
from postern.identity.names import is_issuer_name, is_plain
from postern.identity.strict_json import Json, NotStrictJsonError, parse_object
from postern.types import Principal, Sha256Hex

# As it lies inside the authorizer's answer, where each quote takes two bytes; the policy needs the rest.
MAX_ESCAPED_LENGTH = 4 * 1024

_FIELDS = frozenset(
    {"issuer", "issuer_url", "subject", "token_sha256", "expires_at_s", "attributes", "groups", "on_behalf_of"}
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_TEXT = 2048  # an issuer's URL; the other texts were bounded more tightly when the token was read


def format_principal(principal: Principal) -> str:
    """The principal as ASCII JSON. Raises `Unauthenticated` where it has more claims than the way can carry."""
    text = json.dumps(
        {
            "issuer": principal.issuer,
            "issuer_url": principal.issuer_url,
            "subject": principal.subject,
            "token_sha256": principal.token_sha256,
            "expires_at_s": principal.expires_at_s,
            "attributes": dict(principal.attributes),
            "groups": list(principal.groups),
            "on_behalf_of": principal.on_behalf_of,
        },
        separators=(",", ":"),
        sort_keys=True,
    )
    if len(json.dumps(text)) > MAX_ESCAPED_LENGTH:
        raise Unauthenticated(
            "token.claims", f"groups and attributes: expected at most {MAX_ESCAPED_LENGTH} bytes together, got more"
        )
    return text


def parse_principal(text: str, *, now_s: int) -> Principal:
    """The principal in `text`. Raises `Unauthenticated` where it is not one or has expired."""
    principal = _read(text)
    if now_s >= principal.expires_at_s:
        raise Unauthenticated("token.expired", "principal: expected one that still holds, got one that has expired")
    return principal


@lru_cache(maxsize=16)  # a token comes with many calls, and what its text says does not change; only the time does
def _read(text: str) -> Principal:
    try:
        return _principal(parse_object(text.encode()))
    except (NotStrictJsonError, UnicodeEncodeError) as error:
        raise _malformed("strict JSON") from error


def _principal(fields: Mapping[str, Json]) -> Principal:
    if fields.keys() != _FIELDS:
        raise _malformed("exactly the known fields")
    person = fields["on_behalf_of"]
    return Principal(
        issuer=_form(fields["issuer"], is_issuer_name, "issuer"),
        issuer_url=_text(fields["issuer_url"], "issuer_url"),
        subject=_text(fields["subject"], "subject"),
        token_sha256=Sha256Hex(_form(fields["token_sha256"], _is_sha256, "token_sha256")),
        expires_at_s=_seconds(fields["expires_at_s"]),
        attributes=_attributes(fields["attributes"]),
        groups=_groups(fields["groups"]),
        on_behalf_of=None if person is None else _text(person, "on_behalf_of"),
    )


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str) or not is_plain(value, max_length=_MAX_TEXT):
        raise _malformed(f"plain text as `{name}`")
    return value


def _form(value: Json, has_form: Callable[[str], bool], name: str) -> str:
    if not isinstance(value, str) or not has_form(value):
        raise _malformed(f"`{name}` in its form")
    return value


def _is_sha256(value: str) -> bool:
    return _SHA256.fullmatch(value) is not None


def _seconds(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise _malformed("whole seconds as `expires_at_s`")
    return value


def _attributes(value: Json) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _malformed("an object as `attributes`")
    return {_text(name, "attributes"): _text(one, "attributes") for name, one in value.items()}


def _groups(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _malformed("a list as `groups`")
    groups = tuple(_text(one, "groups") for one in value)
    if list(groups) != sorted(set(groups)):
        raise _malformed("`groups` sorted, each once")
    return groups


def _malformed(expected: str) -> Unauthenticated:
    return Unauthenticated("token.malformed", f"principal: expected {expected}, got something else")

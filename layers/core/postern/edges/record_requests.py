"""What is asked of the log's records, from HTTP: each parameter checked for its shape here and nowhere else.

A cursor is checked, not signed, for it holds no right: it says in which tree a search began and where it goes on, and
every page decides anew what its caller may see. It names the search and the caller that it is of by a digest, so that
one which is changed, or sent with another search, is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from postern.audit.canonical import canonical_bytes, parse_canonical
from postern.audit.keys import LOG_NAME
from postern.audit.record_query import Place, RecordQuery
from postern.audit.times import parse_any_time
from postern.edges import http
from postern.errors import BadRequest, IntegrityError
from postern.identity.base64url import decode_base64url
from postern.types import Principal

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
_LONGEST = 2000  # characters of a name: as long as a token's texts may be
_LONGEST_CURSOR = 400
_TASK = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_NAME = {"type": "string", "maxLength": _LONGEST}
_MOMENT = {"type": "string", "format": "date-time"}
LOG_SCHEMA = {"type": "string", "pattern": f"^{LOG_NAME.pattern}$", "description": "an earlier epoch's, by its name"}
# Of each parameter, for the API's description.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "log": LOG_SCHEMA,
    "task": {"type": "string", "pattern": f"^{_TASK.pattern}$"},
    "principal": {**_NAME, "description": "`<issuer>|<sub>`, or a person that an agent acts for"},
    "database": _NAME,
    "table": {**_NAME, "description": "`schema.name`, or a name in any schema"},
    "kind": _NAME,
    "code": {**_NAME, "description": "of a refusal, or of a failure"},
    "from": _MOMENT,
    "to": {**_MOMENT, "description": "the first moment that is too late"},
    "order": {"enum": ["asc", "desc"], "default": "desc"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "cursor": {"type": "string", "maxLength": _LONGEST_CURSOR, "description": "`next` of the page before"},
}
_LIMIT = re.compile(r"[1-9][0-9]{0,2}")
_CURSOR = frozenset({"v", "of", "size", "at"})
_DOMAIN = b"postern records cursor 1\n"


def record_query(event: http.Event, log: str) -> RecordQuery:
    """The search that the parameters describe, in this log where they name none. Raises `BadRequest`."""
    unknown = (event.get("multiValueQueryStringParameters") or {}).keys() - SCHEMAS.keys()
    if unknown:
        # Left out of account it would make the search wider than was meant.
        raise _wrong("parameters", f"only {', '.join(SCHEMAS)}", repr(sorted(unknown)[0][:40]))
    task = _name(event, "task")
    if task is not None and _TASK.fullmatch(task) is None:
        raise _wrong("task", "a task's id of 32 hex digits", "another form")
    order = _name(event, "order") or "desc"
    if order not in {"asc", "desc"}:
        raise _wrong("order", "asc or desc", "another word")
    return RecordQuery(
        log=_name(event, "log") or log,
        task=task,
        principal=_name(event, "principal"),
        database=_name(event, "database"),
        table=_name(event, "table"),
        kind=_name(event, "kind"),
        code=_name(event, "code"),
        from_us=_time(event, "from"),
        to_us=_time(event, "to"),
        is_descending=order == "desc",
    )


def limit(event: http.Event) -> int:
    """How many records a page may have. Raises `BadRequest`."""
    text = _name(event, "limit") or str(DEFAULT_LIMIT)
    if _LIMIT.fullmatch(text) is None or int(text) > MAX_LIMIT:
        raise _wrong("limit", f"1 to {MAX_LIMIT}", "another number")
    return int(text)


def place(event: http.Event, query: RecordQuery, caller: Principal) -> Place | None:
    """Where the cursor says that this search of this caller goes on. Raises `BadRequest`."""
    text = http.query_parameter(event, "cursor")
    if text is None:
        return None
    try:
        said = parse_canonical(decode_base64url(text)) if len(text) <= _LONGEST_CURSOR else {}
    except (ValueError, IntegrityError) as error:
        raise _wrong("cursor", "one that an answer gave", "another form") from error
    size, at = said.get("size"), said.get("at")
    # `type(…) is int`: true and false are numbers to `isinstance`.
    if said.keys() != _CURSOR or said["v"] != 1 or type(size) is not int or type(at) is not int:
        raise _wrong("cursor", "one that an answer gave", "another form")
    if said["of"] != _digest(query, caller):
        raise _wrong("cursor", "the parameters of the search that it is of", "others, or another caller's")
    return Place(size, at)


def format_cursor(where: Place, query: RecordQuery, caller: Principal) -> str:
    """What the caller sends to go on from there."""
    said = {"v": 1, "of": _digest(query, caller), "size": where.size, "at": where.at}
    return base64.urlsafe_b64encode(canonical_bytes(said)).rstrip(b"=").decode("ascii")


def _digest(query: RecordQuery, caller: Principal) -> str:
    of = (query, caller.issuer, caller.issuer_url, caller.subject, caller.on_behalf_of)
    return hashlib.sha256(_DOMAIN + msgspec.json.encode(of)).hexdigest()


def _name(event: http.Event, name: str) -> str | None:
    value = http.query_parameter(event, name)
    if value is not None and not 1 <= len(value) <= _LONGEST:
        raise _wrong(name, f"1 to {_LONGEST} characters, or none of it", str(len(value)))
    return value


def _time(event: http.Event, name: str) -> int | None:
    text = _name(event, name)
    if text is None:
        return None
    try:
        return parse_any_time(text)
    except IntegrityError as error:
        raise _wrong(name, "a time like 2026-11-22T10:00:00Z", "another form") from error


def _wrong(what: str, expected: str, got: str) -> BadRequest:
    return BadRequest("request.invalid", f"{what}: expected {expected}, got {got}")

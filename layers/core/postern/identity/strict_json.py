"""JSON read so that two readers cannot disagree about it (RFC 7493, I-JSON), for bytes that strangers send."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeAlias

_MAX_DEPTH = 32

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class NotStrictJsonError(ValueError):
    """Raised when bytes are not one strict JSON object. The message never holds any of the bytes."""


def parse_object(text: bytes) -> dict[str, Json]:
    """The one object in `text`: UTF-8, no name twice, finite numbers, no lone surrogates, at most 32 levels."""
    value = parse_value(text)
    if not isinstance(value, dict):
        raise NotStrictJsonError("expected an object, got another value")
    return value


def parse_value(text: bytes, *, fractions: Callable[[str], Any] | None = None) -> Json:
    """The one value in `text`, as strictly; `fractions` makes what a number with a fraction or an exponent becomes."""
    try:
        value: Json = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_no_name_twice,
            parse_float=fractions or _finite,
            parse_constant=_no_constant,
        )
        # A lone surrogate, which only an escape gives, passes the parser and breaks whoever encodes it later.
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except NotStrictJsonError:
        raise
    except (ValueError, RecursionError):
        # Without `from`: those errors carry the bytes, and a token's bytes must not reach a log.
        raise NotStrictJsonError("expected UTF-8 JSON, got other bytes") from None
    if not _is_shallow(value):
        raise NotStrictJsonError(f"expected at most {_MAX_DEPTH} levels, got more")
    return value


def _is_shallow(value: Json) -> bool:
    """A bound of our own: the parser's, a RecursionError, lies elsewhere in each Python."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for one in level for inner in _inner(one)]
    return not level


def _inner(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _no_name_twice(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotStrictJsonError("expected each name once, got one twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrictJsonError("expected a finite number, got a larger one")
    return number


def _no_constant(_: str) -> NoReturn:
    raise NotStrictJsonError("expected a number, got NaN or an infinity")

"""The one byte form of a record: RFC 8785 (JSON Canonicalization Scheme) over JSON without floats.

What is read is accepted only if writing it again gives the same bytes, so two parties who hold the
same record hold the same digest, and nothing can hide in white space, escapes or a repeated name.
The form never changes: a record that needs more gets a new member, not a new encoding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import rfc8785

from postern.errors import IntegrityError

MAX_RECORD_BYTES = 48 * 1024
MAX_DEPTH = 16  # a record nests four deep; the rest is room to grow and far below any recursion limit
_SURELY_SHORT = 15  # digits of an integer that cannot pass the bound
MAX_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it readers that use doubles disagree

type_names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}


def canonical_bytes(value: object, *, max_bytes: int = MAX_RECORD_BYTES) -> bytes:
    """The RFC 8785 bytes of `value`: equal values give equal bytes, on every machine.

    Mappings, lists, tuples, strings, integers, booleans and None are taken; their subclasses become the
    plain type. Raises `IntegrityError` (`evidence.malformed`) for anything else (floats first of all), for
    text that is not Unicode, and past a bound.
    """
    data = _encode(_plain(value, MAX_DEPTH))
    if len(data) > max_bytes:
        raise malformed("canonical form", f"at most {max_bytes} bytes", f"{len(data)}")
    return data


def parse_canonical(data: bytes, *, max_bytes: int = MAX_RECORD_BYTES) -> dict[str, object]:
    """The object whose canonical bytes are exactly `data`.

    Raises `IntegrityError` (`evidence.malformed`) where `data` is not JSON, is not an object, repeats a
    name, holds a float, passes a bound, or is not the canonical form of what it says.
    """
    value = _parse_plain(data) if len(data) <= max_bytes else None
    if value is not None:
        return value
    value = parse_strict(data, max_bytes=max_bytes)
    if canonical_bytes(value, max_bytes=max_bytes) != data:
        raise malformed("canonical form", "the RFC 8785 bytes of its own content", "other bytes")
    return value


def parse_strict(data: bytes, *, max_bytes: int) -> dict[str, object]:
    """The JSON object in `data`, which need not be canonical: one meaning only, no floats, bounded.

    Raises `IntegrityError` (`evidence.malformed`).
    """
    if len(data) > max_bytes:
        raise malformed("JSON", f"at most {max_bytes} bytes", f"{len(data)}")
    try:
        # Decoded here because json would guess UTF-16 and UTF-32 from bytes.
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unrepeated,
            parse_int=_parse_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError) as error:
        raise malformed("JSON", "one JSON object in UTF-8", type(error).__name__) from error
    if not isinstance(value, dict):
        raise malformed("JSON", "an object", type_names.get(type(value), "something else"))
    return value


def parse_flat(data: bytes, *, max_bytes: int) -> dict[str, object]:
    """What `parse_strict` gives, and cheaper for an object without objects in it, escapes and blanks.

    Without them a quote begins or ends a text, and a colon follows the quote that ends a name: so there are as many
    pairs of quote and colon as names, or more. Where there are more than names in what was read, one came twice, or
    something else did that the exact way has to look at.
    """
    if len(data) <= max_bytes and data.isascii() and not any(one in data for one in _UNPLAIN):
        try:
            value, end = _READER.raw_decode(data.decode("ascii"))
        except (ValueError, RecursionError, IntegrityError):
            return parse_strict(data, max_bytes=max_bytes)
        if isinstance(value, dict) and len(value) == data.count(b'":') and end == len(data):
            return value
    return parse_strict(data, max_bytes=max_bytes)


def _parse_plain(data: bytes) -> dict[str, object] | None:
    """The object in `data`, where cheap means show that it is canonical; None where only the exact way can tell.

    Without escapes a quote begins or ends a text, so all that stands outside of texts can be looked at by itself: no
    blank, no number that has two forms or may pass the bound, and a colon for each name. Names in order, and as many
    as there are colons, then leave one way to write the same. Left to the exact way: text outside ASCII, whose
    order differs between code points and UTF-16 units, and depth that may pass the bound.
    """
    if not data.isascii() or b"\\" in data:
        return None
    text = data.decode("ascii")
    outside = "".join(text.split('"')[::2])
    if outside.count("{") + outside.count("[") > MAX_DEPTH:
        return None
    for token in _TOKENS.findall(outside):
        if token not in _LITERALS and (len(token) > _SURELY_SHORT or not token.isdigit()):
            return None
    try:
        value, end = _PLAIN_READER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if type(value) is not dict or end != len(text) or _count_ordered(value) != outside.count(":"):
        return None
    return value


def _count_ordered(value: dict[str, object]) -> int:
    """The names in all objects of `value`; -1 where those of one object are not in order."""
    count = 0
    containers: list[Any] = [value]
    for one in containers:  # grows as it goes
        members = one
        if type(one) is dict:
            names = list(one)
            if names != sorted(names):
                return -1
            count += len(names)
            members = one.values()
        for member in members:
            kind = type(member)
            if kind is dict or kind is list:
                containers.append(member)
    return count


def malformed(what: str, expected: str, got: str) -> IntegrityError:
    """The error for evidence that does not have its form; `got` must not be a row value or a secret."""
    return IntegrityError("evidence.malformed", f"{what}: expected {expected}, got {got}")


def _plain(value: object, depth: int) -> object:
    """`value` in plain JSON types, of its own: what the encoder would take in another way is refused or made plain."""
    kind = type(value)
    if kind is str or value is None or kind is bool:  # most of every record
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise malformed("canonical form", "integers within 2^53-1", "a larger one")
        return int(value)
    if depth == 0:
        raise malformed("canonical form", f"at most {MAX_DEPTH} levels", "more")
    below = depth - 1
    if isinstance(value, (dict, Mapping)):
        return {name if type(name) is str else _name(name): _plain(one, below) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, below) for one in value]
    raise malformed("canonical form", "JSON without floats", kind.__name__)


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise malformed("canonical form", "member names that are strings", type(name).__name__)
    return str.__str__(name)


def _encode(plain: object) -> bytes:
    try:
        data = _WRITER.encode(plain).encode("utf-8")  # what `rfc8785` gives, at a fifth of the cost
        if data.isascii() or _has_ascii_names(plain):
            return data
        return rfc8785.dumps(plain)  # type: ignore[arg-type]  # its recursive alias admits no `object`
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise malformed("canonical form", "Unicode text", "an unpaired surrogate") from error


def _has_ascii_names(plain: object) -> bool:
    if isinstance(plain, dict):
        return all(name.isascii() and _has_ascii_names(member) for name, member in plain.items())
    return not isinstance(plain, list) or all(map(_has_ascii_names, plain))


def _unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise malformed("JSON", "each member name once in an object", "a repeated name")
    return value


def _parse_integer(digits: str) -> int:
    # Bounded before int(), whose cost grows with the square of the length.
    if len(digits) > len(str(-MAX_INTEGER)):
        raise malformed("JSON", "integers within 2^53-1", "a larger one")
    return int(digits)


def _parse_short_integer(digits: str) -> int:
    if len(digits) > _SURELY_SHORT:
        raise malformed("JSON", "an integer that is surely within 2^53-1", "one that may be")
    return int(digits)


def _refuse_number(_: str) -> NoReturn:
    raise malformed("JSON", "integers only", "a float")


# Without floats the encoders differ in nothing but the order of names outside ASCII (code points here, UTF-16 units
# in RFC 8785). A property test holds it.
_WRITER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))
_READER = json.JSONDecoder(parse_int=_parse_short_integer, parse_float=_refuse_number, parse_constant=_refuse_number)
_PLAIN_READER = json.JSONDecoder()
_TOKENS = re.compile(r"[^\]\[{}:,]+")  # what stands between texts and is no sign: a number, a blank, a word
_LITERALS = frozenset({"true", "false", "null"})
_UNPLAIN = (b"\\", b" ", b"\t", b"\r", b"\n")

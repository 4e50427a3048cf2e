"""A column's text values as JSON, many at a time.

    integers, floats        JSON numbers; NaN and the infinities are strings
    numeric                 string, every digit kept
    boolean                 true, false
    date, time, timestamps  ISO 8601 as far as it goes; `infinity` and years BC stay as PostgreSQL writes them
    json, jsonb             JSON, byte for byte as stored: no number is rounded, no duplicate key lost; a string
                            where it escapes half a surrogate pair, which many readers refuse whole
    arrays                  arrays of the above, nested as they are; lower bounds are dropped. Those of a type of
                            the database's own are text where no comma is between their elements (PostGIS): a
                            detector's marker may hold what is
    everything else         PostgreSQL's own text (`bytea` is hex with `\\x`)

The session that gave the text runs with UTC, ISO dates, hex bytea and shortest floats (`edges/postgres/settings.py`).
The values are trusted to be of their type's form, as PostgreSQL sends them.

A type's encoder takes values with a NUL between them, and gives as many pieces of JSON with a NUL between them. Where
all values of a window are of the usual form, the window is turned as one; where one is not, each for itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import msgspec

from postern.packed_cells import END
from postern.type_names import BUILT_IN
from postern.value_arrays import Mark, NotAnArray, Part, read_array, short_elements

_Convert = Callable[[str], object]

_ENCODER = msgspec.json.Encoder()
_BOOLEANS = {"t": True, "f": False}
_BOX_ARRAY_OID = 1020
_INTEGER_BYTES = b"0123456789-" + END
_ESCAPED = {bytes([place]): msgspec.json.encode(chr(place))[1:-1] for place in b'\\"' + bytes(range(1, 32))}
_SPECIAL = b"".join(_ESCAPED)
# JSON whose escapes of surrogates are pairs. Possessive: nothing is kept to go back to.
_UNICODE_JSON = re.compile(rb"(?:[^\\]++|\\(?:[^u]|u(?![dD][89a-fA-F])|u[dD][89abAB]..\\u[dD][c-fC-F]))*+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CellJson:
    """How a column becomes JSON: `encode` gives its values' text, which stands in quotes where it `is_quoted`.

    What it gives for an empty value is of no account where that is NULL.
    """

    encode: Callable[[bytes], bytes]
    is_quoted: bool


def cell_json(type_oid: int, type_name: str, delimiter: str = ",") -> CellJson:
    """How a column of this type becomes JSON; arrays of types that are not built in are known by their name alone.

    `delimiter` is what such a type's arrays have between their elements.
    """
    if known := _BY_TYPE.get(type_oid):
        return known
    if delimiter == "," and BUILT_IN.get(type_oid, type_name).endswith("[]"):
        between = ";" if type_oid == _BOX_ARRAY_OID else ","
        convert = _ELEMENTS.get(type_oid, _as_is)
        return CellJson(_each(lambda cell: _array(cell, between, convert)), is_quoted=False)
    return _TEXT


def _text(window: bytes) -> bytes:
    """As a JSON string has it between its quotes."""
    if len(window.translate(None, _SPECIAL)) != len(window):
        for plain, escaped in _ESCAPED.items():  # the backslash first: the others bring some along
            if plain in window:
                window = window.replace(plain, escaped)
    return window


def _integers(window: bytes) -> bytes:
    if window.translate(None, _INTEGER_BYTES):
        raise ValueError("integers: expected digits")
    return window


def _booleans(window: bytes) -> bytes:
    if window.translate(None, b"tf" + END):
        return _each_boolean(window)
    return window.replace(b"t", b"true").replace(b"f", b"false")


def _floats(window: bytes) -> bytes:
    if b"n" in window or b"N" in window:  # NaN, Infinity
        return _each_float(window)
    numbers = [float(cell or b"0") for cell in window.split(END)]
    return _ENCODER.encode(numbers)[1:-1].replace(b",", END)


def _timestamps(window: bytes) -> bytes:
    return _text(_each_timestamp(window) if b"BC" in window else window.replace(b" ", b"T"))


def _timestamps_with_zone(window: bytes) -> bytes:
    zones = window.count(b"+")  # of a session in UTC all are +00
    # A year BC has a space more than it has zones, a zone before UTC a plus less.
    if zones == window.count(b" ") == (window + END).count(b"+00\0"):
        return _text(window.replace(b" ", b"T").replace(b"+00", b"+00:00"))
    return _text(_each_timestamp_with_zone(window))


def _json(window: bytes) -> bytes:
    if _is_unicode(window):
        return window
    return END.join([cell if _is_unicode(cell) else _ENCODER.encode(cell.decode()) for cell in window.split(END)])


def _is_unicode(cells: bytes) -> bool:
    """Whether no escape in values of JSON is half a surrogate pair."""
    return b"\\u" not in cells or _UNICODE_JSON.fullmatch(cells) is not None


def _each(encode: Callable[[str], bytes]) -> Callable[[bytes], bytes]:
    return lambda window: END.join([encode(cell) if cell else b'""' for cell in window.decode().split("\0")])


def _each_text(convert: Callable[[str], str]) -> Callable[[bytes], bytes]:
    return lambda window: "\0".join([convert(cell) for cell in window.decode().split("\0")]).encode()


def _as_is(cell: str) -> object:
    return cell


def _boolean(cell: str) -> object:
    return _BOOLEANS.get(cell, cell)


def _float(cell: str) -> object:
    number = float(cell)
    return number if math.isfinite(number) else cell


def _timestamp(cell: str) -> str:
    return cell if cell.endswith("BC") else cell.replace(" ", "T", 1)


def _timestamp_with_zone(cell: str) -> str:
    return cell if cell.endswith("BC") else _time_with_zone(cell.replace(" ", "T", 1))


def _time_with_zone(cell: str) -> str:
    """PostgreSQL leaves the minutes of a whole-hour offset away; ISO 8601's extended form has them."""
    return f"{cell}:00" if cell[-3:-2] in ("+", "-") else cell


def _json_object(cell: str) -> object:
    encoded = cell.encode()
    return msgspec.Raw(encoded) if _is_unicode(encoded) else cell


def _array(cell: str, delimiter: str, convert: _Convert) -> bytes:
    """Written as it is read: the elements of a long array are never objects all at once."""
    if (elements := short_elements(cell, delimiter)) is not None:
        if convert is not _as_is:
            return _ENCODER.encode([element if element is None else convert(element) for element in elements])
        return _ENCODER.encode(elements)
    out, comma = bytearray(), b""
    try:
        for part in read_array(cell, delimiter):
            if part is Mark.CLOSES:
                out += b"]"
            else:
                out += comma
                out += b"[" if part is Mark.OPENS else _elements(part, convert)
            comma = b"" if part is Mark.OPENS else b","
    except NotAnArray:
        return _ENCODER.encode(cell)
    return bytes(out)


def _elements(part: Part, convert: _Convert) -> bytes:
    if isinstance(part, tuple):
        return _ENCODER.encode([element if element is None else convert(element) for element in part])
    if isinstance(part, list):
        return _ENCODER.encode([element if element is None else convert(element) for element in part])[1:-1]
    return b"null" if part is None else _ENCODER.encode(convert(cast("str", part)))


_each_boolean = _each(lambda cell: _ENCODER.encode(_boolean(cell)))
_each_float = _each(lambda cell: _ENCODER.encode(_float(cell)))
_each_timestamp = _each_text(_timestamp)
_each_timestamp_with_zone = _each_text(_timestamp_with_zone)
_each_time_with_zone = _each_text(_time_with_zone)

_TEXT = CellJson(_text, is_quoted=True)
_INTEGERS = CellJson(_integers, is_quoted=False)
_FLOATS = CellJson(_floats, is_quoted=False)
_JSON = CellJson(_json, is_quoted=False)

# By type OID: these are fixed in PostgreSQL's own catalog (src/include/catalog/pg_type.dat), in every version.
_BY_TYPE: dict[int, CellJson] = {
    16: CellJson(_booleans, is_quoted=False),
    20: _INTEGERS,  # bigint
    21: _INTEGERS,  # smallint
    23: _INTEGERS,  # integer
    26: _INTEGERS,  # oid
    114: _JSON,
    700: _FLOATS,  # real
    701: _FLOATS,  # double precision
    1114: CellJson(_timestamps, is_quoted=True),
    1184: CellJson(_timestamps_with_zone, is_quoted=True),
    1266: CellJson(lambda window: _text(_each_time_with_zone(window)), is_quoted=True),
    3802: _JSON,  # jsonb
}

# How elements become JSON, by their arrays' OID.
_ELEMENTS: dict[int, _Convert] = {
    199: _json_object,
    1000: _boolean,
    1005: int,
    1007: int,
    1016: int,
    1021: _float,
    1022: _float,
    1028: int,
    1115: _timestamp,
    1185: _timestamp_with_zone,
    1270: _time_with_zone,
    3807: _json_object,
}

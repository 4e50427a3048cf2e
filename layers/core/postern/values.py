"""PostgreSQL's text values as JSON, a column at a time, and JSON values as parameters.

    integers, floats        JSON numbers; NaN and the infinities are strings
    numeric                 string, every digit kept
    boolean                 true, false
    date, time, timestamps  ISO 8601 as far as it goes; `infinity` and years BC stay as PostgreSQL writes them
    json, jsonb             JSON, byte for byte as stored: no number is rounded, no duplicate key lost
    arrays                  arrays of the above, nested as they are; lower bounds are dropped
    everything else         PostgreSQL's own text (`bytea` is hex with `\\x`)

The session that gave the text runs with UTC, ISO dates, hex bytea and shortest floats (`edges/postgres/settings.py`).

Parameters go as text of unknown type, whose type the statement decides: null as NULL, numbers as their digits, arrays
as PostgreSQL arrays nested as they are, objects as JSON text, inside an array too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import assert_never

import msgspec

from postern.errors import BadRequest
from postern.ports import Parameter
from postern.type_names import BUILT_IN
from postern.value_arrays import Elements, format_array, parse_array

Cells = list["str | None"]
Json = bool | int | float | Decimal | str | list["Json"] | dict[str, "Json"] | None
_Convert = Callable[[str], object]

ROWS_AT_ONCE = 2048  # rows that stand as Python tuples at the same time while they are encoded
MAX_PARAMETERS = 65_535  # the protocol counts them in 16 bits
MAX_ARRAY_DEPTH = 6  # PostgreSQL's own bound (MAXDIM)

_OBJECTS = msgspec.json.Encoder(decimal_format="number")
_BOOLEANS = {"t": True, "f": False}
_BOX_ARRAY_OID = 1020


def convert_column(type_oid: int, cells: Cells, type_name: str = "") -> list[object]:
    """The column's values as objects that `encode_rows` writes as JSON.

    `type_name` is PostgreSQL's; arrays of types that are not built in are known by it alone. The cells are
    trusted to be of their type's form, as PostgreSQL sends them. `cells` is not changed.
    """
    if convert := _CONVERTERS.get(type_oid):
        return [None if cell is None else convert(cell) for cell in cells]
    if BUILT_IN.get(type_oid, type_name).endswith("[]"):
        delimiter = ";" if type_oid == _BOX_ARRAY_OID else ","
        convert = _CONVERTERS.get(_ARRAY_ELEMENTS.get(type_oid, 0), _as_is)
        return [None if cell is None else _array(cell, delimiter, convert) for cell in cells]
    return list(cells)


def encode_rows(columns: Sequence[Sequence[object]], row_count: int) -> bytes:
    """The rows as one JSON array of arrays, in UTF-8; `columns` are lists of `row_count` values each."""
    if not columns:
        return b"[" + b",".join([b"[]"] * row_count) + b"]"
    encoder = msgspec.json.Encoder()
    out = bytearray(b"[")
    for start in range(0, row_count, ROWS_AT_ONCE):
        rows = list(zip(*(column[start : start + ROWS_AT_ONCE] for column in columns), strict=True))
        # The batch is written as `[row,row]` over the bracket or comma that is there, and its end becomes a comma.
        first = len(out) - 1
        opening = out[first]
        encoder.encode_into(rows, out, first)
        out[first] = opening
        out[-1:] = b","
    if row_count:
        out.pop()
    out += b"]"
    return bytes(out)


def to_parameters(values: Sequence[Json]) -> tuple[Parameter, ...]:
    """The values as they are sent for `$1`, `$2`, ….

    Raises `BadRequest` for what PostgreSQL could never take: a NUL character, half a surrogate pair, an array
    deeper than 6, more than 65,535 values.
    """
    if len(values) > MAX_PARAMETERS:
        raise BadRequest("request.invalid", f"params: expected at most {MAX_PARAMETERS:,}, got {len(values):,}")
    return tuple(Parameter(_parameter(value, f"params[{index}]")) for index, value in enumerate(values))


def is_text(type_oid: int) -> bool:
    """Whether a column of this type holds free text, alone or inside arrays, records and types that are not built in.

    JSON is not among them: its strings are escaped (`is_json`).
    """
    return type_oid in _TEXT_TYPES or type_oid >= _FIRST_OWN_OID


def is_json(type_oid: int) -> bool:
    """Whether a column of this type holds JSON text."""
    return type_oid in (114, 3802)


def is_json_array(type_oid: int) -> bool:
    """Whether a column of this type holds arrays of JSON text."""
    return type_oid in (199, 3807)


def _as_is(cell: str) -> object:
    return cell


def _boolean(cell: str) -> object:
    return _BOOLEANS.get(cell, cell)


def _float(cell: str) -> object:
    number = float(cell)
    return number if math.isfinite(number) else cell


def _timestamp(cell: str) -> object:
    return cell if cell.endswith("BC") else cell.replace(" ", "T", 1)


def _timestamp_with_zone(cell: str) -> object:
    return cell if cell.endswith("BC") else _time_with_zone(cell.replace(" ", "T", 1))


def _time_with_zone(cell: str) -> str:
    """PostgreSQL leaves the minutes of a whole-hour offset away; ISO 8601's extended form has them."""
    return f"{cell}:00" if cell[-3:-2] in ("+", "-") else cell


def _json(cell: str) -> object:
    if "\\u" in cell and not _is_unicode(cell):
        return cell
    return msgspec.Raw(cell.encode())


def _is_unicode(cell: str) -> bool:
    """Whether JSON's escapes give Unicode text. `json` keeps half a surrogate pair, which many readers refuse whole."""
    try:
        json.dumps(json.loads(cell), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _array(cell: str, delimiter: str, convert: _Convert) -> object:
    try:
        elements = parse_array(cell, delimiter)
    except ValueError:
        return cell
    return elements if convert is _as_is else _converted(elements, convert)


def _converted(elements: Elements, convert: _Convert) -> list[object]:
    return [
        None if element is None else convert(element) if isinstance(element, str) else _converted(element, convert)
        for element in elements
    ]


def _parameter(value: Json, where: str) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return str(value)
        case int() | float():
            return _number(value, where)
        case str():
            return _checked(value, where)
        case list():
            return format_array(_array_elements(value, where, depth=1))
        case dict():
            return _object(value, where)
        case _:
            assert_never(value)


def _number(value: float, where: str) -> str:
    try:
        text = repr(value)
    except ValueError as error:  # Python writes integers of at most 4,300 digits
        raise BadRequest("request.invalid", f"{where}: expected a number of at most 4,300 digits") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRequest("request.invalid", f"{where}: expected a finite number; send it as a string")
    return text


def _checked(value: str, where: str) -> str:
    if "\0" in value:
        raise BadRequest("request.invalid", f"{where}: expected text without NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("request.invalid", f"{where}: expected Unicode text, got half a surrogate pair") from error
    return value


def _array_elements(values: list[Json], where: str, *, depth: int) -> Elements:
    if depth > MAX_ARRAY_DEPTH:
        raise BadRequest("request.invalid", f"{where}: expected an array of at most {MAX_ARRAY_DEPTH} dimensions")
    return [
        _array_elements(value, where, depth=depth + 1) if isinstance(value, list) else _parameter(value, where)
        for value in values
    ]


def _object(value: dict[str, Json], where: str) -> str:
    try:
        json.dumps(value, allow_nan=False, default=str)  # refuses what is not finite, for which msgspec writes null
        text = _OBJECTS.encode(value).decode()
    except (RecursionError, ValueError) as error:
        raise BadRequest("request.invalid", f"{where}: expected JSON of finite numbers, not too deep") from error
    return _checked(text, where)


# By type OID: these are fixed in PostgreSQL's own catalog (src/include/catalog/pg_type.dat), in every version.
_CONVERTERS: dict[int, _Convert] = {
    16: _boolean,
    20: int,  # bigint
    21: int,  # smallint
    23: int,  # integer
    26: int,  # oid
    114: _json,
    700: _float,  # real
    701: _float,  # double precision
    1114: _timestamp,
    1184: _timestamp_with_zone,
    1266: _time_with_zone,
    3802: _json,  # jsonb
}

# "char", name, text, xml, unknown, bpchar, varchar, cstring, refcursor, tsvector, tsquery, jsonpath, record, and
# arrays of them.
_TEXT_TYPES = frozenset(
    {18, 19, 25, 142, 705, 1042, 1043, 2275, 1790, 3614, 3615, 4072, 2249}
    | {1002, 1003, 1009, 143, 1014, 1015, 1263, 2201, 3643, 3645, 4073, 2287}
)
_FIRST_OWN_OID = 16_384  # PostgreSQL gives lower ones to what it is built with (FirstNormalObjectId)

_ARRAY_ELEMENTS: dict[int, int] = {
    199: 114,
    1000: 16,
    1005: 21,
    1007: 23,
    1016: 20,
    1021: 700,
    1022: 701,
    1028: 26,
    1115: 1114,
    1185: 1184,
    1270: 1266,
    3807: 3802,
}

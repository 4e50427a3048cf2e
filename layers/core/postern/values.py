"""JSON values as parameters of PostgreSQL's, and which of its types hold text.

Parameters go as text of unknown type, whose type the statement decides: null as NULL, numbers as their digits, arrays
as PostgreSQL arrays nested as they are, objects as JSON text, inside an array too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

import msgspec

from postern.errors import BadRequest
from postern.ports import Parameter
from postern.value_arrays import Elements, format_array

Json = bool | int | float | Decimal | str | list["Json"] | dict[str, "Json"] | None

MAX_PARAMETERS = 65_535  # the protocol counts them in 16 bits
MAX_ARRAY_DEPTH = 6  # PostgreSQL's own bound (MAXDIM)

_OBJECTS = msgspec.json.Encoder(decimal_format="number")


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


# "char", name, text, xml, unknown, bpchar, varchar, cstring, refcursor, tsvector, tsquery, jsonpath, record, and
# arrays of them.
_TEXT_TYPES = frozenset(
    {18, 19, 25, 142, 705, 1042, 1043, 2275, 1790, 3614, 3615, 4072, 2249}
    | {1002, 1003, 1009, 143, 1014, 1015, 1263, 2201, 3643, 3645, 4073, 2287}
)
_FIRST_OWN_OID = 16_384  # PostgreSQL gives lower ones to what it is built with (FirstNormalObjectId)

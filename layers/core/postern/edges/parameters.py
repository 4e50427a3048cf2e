"""A body's `params` as a statement's parameters: values, and lookups of values."""

from __future__ import annotations

from collections.abc import Sequence

from postern.errors import BadRequest
from postern.ports import Lookup, Parameter
from postern.types import Secret
from postern.values import Json, to_parameters

MAX_LOOKUP_CHARACTERS = 10_000
_LOOKUP = {"lookup", "value"}


def call_parameters(values: Sequence[Json]) -> tuple[Parameter | Lookup, ...]:
    """The parameters for `$1`, `$2`, …. Raises `BadRequest` naming the one that is none.

    `{"lookup": "pii.email", "value": "…"}` is a lookup, and nothing else that has just these two members can be sent
    as an object; as a text of JSON it can.
    """
    lookups = {index: _lookup(value, index) for index, value in enumerate(values) if _is_lookup(value)}
    plain = to_parameters([None if index in lookups else value for index, value in enumerate(values)])
    return tuple(lookups.get(index, parameter) for index, parameter in enumerate(plain))


def _is_lookup(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == _LOOKUP


def _lookup(value: Json, index: int) -> Lookup:
    class_name, sought = (value["lookup"], value["value"]) if isinstance(value, dict) else (None, None)
    if not isinstance(class_name, str) or not isinstance(sought, str):
        raise BadRequest(
            "request.invalid", f"params[{index}]: expected lookup and value to be text, got something else"
        )
    if len(sought) > MAX_LOOKUP_CHARACTERS or "\0" in sought:
        raise BadRequest(
            "request.invalid",
            f"params[{index}]: expected a value of at most {MAX_LOOKUP_CHARACTERS} characters without NUL",
        )
    return Lookup(class_name, Secret(sought))

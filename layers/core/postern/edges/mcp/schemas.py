"""JSON schemas of the contract's shapes, as clients of tools take them. Pure.

One object without references and with `items` in each array: not every client resolves `$ref`, and some refuse a tool
whose array has none. None of our shapes holds itself, so that writing each out comes to an end.
"""

from __future__ import annotations

from typing import Any

import msgspec

Schema = dict[str, Any]


def schema_of(shape: type) -> Schema:
    """The shape's schema, written out. Its title, which is a name of ours in Python, is left out."""
    whole = msgspec.json.schema(shape)
    written: Schema = _written_out(whole, whole.get("$defs", {}))
    return written


def joined(*shapes: type) -> Schema:
    """An object with the members of all of these shapes; the first says what it is."""
    schemas = [schema_of(shape) for shape in shapes]
    return {
        "type": "object",
        "description": schemas[0].get("description", ""),
        "properties": {name: member for schema in schemas for name, member in schema["properties"].items()},
        "required": [name for schema in schemas for name in schema.get("required", [])],
    }


def either(*schemas: Schema) -> Schema:
    """An object of one of these shapes."""
    return {"type": "object", "anyOf": list(schemas)}


def _written_out(schema: Any, definitions: Schema) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, list):
        return [_written_out(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _written_out(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    written = {name: _member(name, value, definitions) for name, value in schema.items() if name not in _LEFT_OUT}
    if written.get("type") == "array":
        written.setdefault("items", {})
    return written


_LEFT_OUT = frozenset({"$defs", "title"})


def _member(name: str, value: Any, definitions: Schema) -> Any:  # noqa: ANN401 - any JSON
    if name == "properties":  # whose names are the shape's, not the schema's
        return {one: _written_out(schema, definitions) for one, schema in value.items()}
    return value if name in ("default", "enum", "const", "required") else _written_out(value, definitions)

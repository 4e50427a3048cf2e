"""The JSON schemas of catalog/*.yaml, databases.yaml, approvals.yaml and limits.yaml."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from postern.masking.detector_patterns import DetectorKind
from postern.policy import approvals, databases, limits, masks
from postern.policy.names import MAX_IDENTIFIER_BYTES
from postern.types import DatabaseAddress, MaskKind

Schema = dict[str, Any]

_TEXT = {"type": "string", "minLength": 1}
_NAME = {"type": "string", "minLength": 1, "maxLength": MAX_IDENTIFIER_BYTES}
_DATABASE = "^[a-z0-9][a-z0-9_-]{0,62}$"
_CLASS = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"

_PARAMETERS: dict[MaskKind, Schema] = {
    MaskKind.PARTIAL: {
        name: {"type": "integer", "minimum": 1, "maximum": masks._MOST_KEPT} for name in ("keep_first", "keep_last")
    },
    MaskKind.RANGE: {"width": {"type": "integer", "minimum": 1, "maximum": masks._MOST_WIDTH}},
    MaskKind.SQL: {"expression": _TEXT, "type": _TEXT},
}


def catalog_schema() -> Schema:
    """What the data of one database is. Whether masks fit their columns the parser alone can say."""
    column = {
        "anyOf": [
            {**_TEXT, "description": "`open`, or a class of this catalog."},
            _closed({"class": _TEXT, "type": _TEXT}, required=["class"]),
        ]
    }
    table = _closed(
        {
            "columns": {"type": "object", "additionalProperties": column, "minProperties": 1},
            "rows": {**_TEXT, "description": "Only rows for which this holds; :name is a principal's attribute."},
            "triggers": {**_each(_NAME), "description": "Reviewed: a write may fire these and no others."},
            "cascades": {**_each(_TEXT), "description": "Tables that a foreign key's action may reach."},
        },
        required=["columns"],
    )
    switches = {kind.value: {"type": "boolean"} for kind in DetectorKind}
    return _closed(
        {
            "database": {"type": "string", "pattern": _DATABASE, "description": "As the file is named."},
            "schema_default": {**_NAME, "description": "Whose tables are named without their schema."},
            "classes": {"type": "object", "propertyNames": {"pattern": _CLASS}, "additionalProperties": _mask()},
            "tables": {"type": "object", "additionalProperties": table, "minProperties": 1},
            "functions": {**_each(_TEXT), "description": "Own functions an agent may call; none unless listed."},
            "detectors": {**_closed(switches), "description": "What looks over delivered text."},
            "owner_role": {**_NAME, "description": "As which run-once statements run; without it there are none."},
        },
        required=["database", "schema_default", "tables"],
        title="Postern: what the data of one database is",
    )


def databases_schema() -> Schema:
    """Where each catalogued database is: the fields of `DatabaseAddress`."""
    known: dict[str, Schema] = {
        "host": _pattern(databases._HOST.pattern),
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "dbname": _NAME,
        "resource_id": {
            **_pattern(databases._RESOURCE_ID.pattern),
            "description": "The cluster's or instance's resource id, not its name.",
        },
        "region": _pattern(databases._REGION.pattern),
        "ca": {**_TEXT, "description": "PEM bundle that the server's certificate is checked with."},
        "dry_run_database": {**_TEXT, "description": "Another entry, where run-once statements are tried."},
    }
    address = [field for field in fields(DatabaseAddress) if field.name != "name"]
    return {
        "title": "Postern: where each catalogued database is",
        "type": "object",
        "propertyNames": {"pattern": _DATABASE},
        "additionalProperties": _closed(
            {field.name: known[field.name] for field in address},
            required=[field.name for field in address if field.default is MISSING],
        ),
    }


def approvals_schema() -> Schema:
    """How many people must approve."""
    number = {"type": "integer", "minimum": approvals._LEAST, "maximum": approvals._MOST}
    names = {field.name: {**number, "default": field.default} for field in fields(approvals.Approvals)}
    return _closed(names, title="Postern: how many people must approve a task")


def limits_schema() -> Schema:
    """How much one may ask for in a minute."""
    most = {"pending": limits._MOST_PENDING}
    one = {
        field.name: {"type": "integer", "minimum": limits._LEAST, "maximum": most.get(field.name, limits._MOST)}
        for field in fields(limits.Allowance)
    }
    provisions = {"type": "integer", "minimum": limits._LEAST, "maximum": limits._MOST}
    per_database = _closed({"provisions": provisions}, required=["provisions"])
    return _closed(
        {
            **one,
            "provisions": provisions,
            "groups": {"type": "object", "additionalProperties": _closed(one)},
            "databases": {"type": "object", "additionalProperties": per_database},
        },
        title="Postern: rate limits",
    )


def _mask() -> Schema:
    return {"oneOf": [_mask_of(kind) for kind in MaskKind]}


def _mask_of(kind: MaskKind) -> Schema:
    parameters = _PARAMETERS.get(kind, {})
    either = kind is MaskKind.PARTIAL  # one of the two
    required = [] if either else list(parameters)
    mask = _closed({"mask": {"const": kind.value}, **parameters}, required=["mask", *required])
    return {**mask, "oneOf": [{"required": [name]} for name in parameters]} if either else mask


def _each(items: Schema) -> Schema:
    return {"type": "array", "items": items, "uniqueItems": True}


def _pattern(text: str) -> Schema:
    return {"type": "string", "pattern": f"^({text})$"}


def _closed(properties: Schema, *, required: list[str] | None = None, title: str | None = None) -> Schema:
    """An object with these names and no others."""
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        schema["required"] = required
    return {"title": title, **schema} if title else schema

"""The JSON schema of a table of cases that `postern policy test` runs; requests are as the HTTP contract has them."""

from __future__ import annotations

from typing import Any

import msgspec

from postern.edges.contract import OpenTaskBody
from postern_cli.policy_cases import ABOUT_DATABASES, ABOUT_TASKS, ALLOWING, CASE_FIELDS, GIVEN_FIELDS, OPENING

Schema = dict[str, Any]

_TEXT = {"type": "string", "minLength": 1}
_TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
_TOKEN: Schema = {
    "issuer": {**_TEXT, "description": "An entry of issuers.yaml, by its name."},
    "claims": {"type": "object", "description": "Of its token; iss, the audience and the dates are filled in."},
}


def cases_schema() -> Schema:
    """The whole schema."""
    (body,), definitions = msgspec.json.schema_components((OpenTaskBody,), ref_template="#/definitions/{name}")
    about: Schema = {
        "name": _TEXT,
        **_TOKEN,
        "request": {**body, "description": "As the body of POST /v1/tasks."},
        "at": _TIME,
        "expect": _expect(),
        "gives": _given(),
        "may": {"enum": [*ABOUT_TASKS, *ABOUT_DATABASES]},
        "database": _TEXT,
        "opened_by": {
            "type": "object",
            "additionalProperties": False,
            "required": ["issuer", "claims"],
            "properties": _TOKEN,
        },
    }
    case = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "issuer", "claims", "expect"],
        "properties": {field: about[field] for field in CASE_FIELDS},
        "oneOf": [_opening(), _about("approve"), _about("dryRun"), _about_databases()],
    }
    return {
        "title": "Postern: what a policy layer must decide",
        "type": "object",
        "additionalProperties": False,
        "required": ["cases"],
        "properties": {"at": _TIME, "cases": {"type": "array", "items": case, "minItems": 1}},
        "definitions": definitions,
    }


def _expect() -> Schema:
    words = sorted({*OPENING, *ALLOWING})
    number = {"type": "integer", "minimum": 1, "maximum": 10}
    return {
        "anyOf": [
            {"enum": words},
            _only("approval", number),
            _only("refused", {"type": "array", "items": _TEXT}),
        ]
    }


def _only(name: str, schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": [name], "properties": {name: schema}}


def _given() -> Schema:
    about: Schema = {
        "id": _TEXT,
        "on_behalf_of": _TEXT,
        "groups": {"type": "array", "items": _TEXT},
        "attributes": {"type": "object", "additionalProperties": _TEXT},
    }
    fields = {field: about[field] for field in GIVEN_FIELDS}
    return {"type": "object", "additionalProperties": False, "properties": fields}


def _opening() -> Schema:
    """A case without `may` asks for a task."""
    fields = {"may": False, "database": False, "opened_by": False, "expect": _ends_as(OPENING)}
    return {"required": ["request"], "properties": fields}


def _about(action: str) -> Schema:
    fields = {"may": {"const": action}, "database": False, "expect": _ends_as(ALLOWING)}
    opener = ["opened_by"] if action == "approve" else []
    return {"required": ["may", "request", *opener], "properties": fields}


def _about_databases() -> Schema:
    fields = {
        "may": {"enum": list(ABOUT_DATABASES)},
        "request": False,
        "opened_by": False,
        "expect": _ends_as(ALLOWING),
    }
    return {"required": ["may", "database"], "properties": fields}


def _ends_as(outcomes: tuple[str, ...]) -> Schema:
    return (
        {"enum": list(outcomes)}
        if "refused" not in outcomes
        else {"anyOf": [{"enum": list(outcomes)}, {"type": "object"}]}
    )

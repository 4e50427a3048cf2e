"""Writes docs/schema/*.json, by which editors complete and check the policy layer's files.

Run it (`python -m scripts.generate_schemas`) after a change of what the parsers read. A schema says what can be said
about one file alone; the parser has the last word, which `postern policy check` gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scripts.schema_cases import cases_schema
from scripts.schema_catalog import approvals_schema, catalog_schema, databases_schema, limits_schema
from scripts.schema_issuers import issuers_schema

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schema"

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "issuers": issuers_schema,
    "databases": databases_schema,
    "catalog": catalog_schema,
    "approvals": approvals_schema,
    "limits": limits_schema,
    "policy-tests": cases_schema,
}


def schema_text(name: str) -> str:
    """The schema file's whole text. Draft 7, which editors know best."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **SCHEMAS[name]()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.schema.json"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for schema_name in SCHEMAS:
        path_of(schema_name).write_text(schema_text(schema_name), "utf-8")

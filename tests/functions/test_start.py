"""What each function loads when it is imported: nothing that only some of its calls need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.support.stack import PROJECT

SDK = ("boto3", "botocore.session")
LATER = ("boto3", "s3transfer", "phonenumbers", "stdnum", "aws_xray_sdk", "postgast", "google.protobuf")
ABSENT = {
    "console": (*SDK, *LATER, "cedarpy", "pg8000", "postern.ports", "postern.edges.openapi"),
    "authorize": (*SDK, *LATER, "cedarpy", "pg8000", "postern.ports"),
    "mcp": (*SDK, *LATER, "cedarpy", "pg8000", "yaml", "mcp", "pydantic", "postern.ports", "postern.edges.openapi"),
    "tasks": (*LATER, "pg8000", "postern.run_once.check", "postern.services.dry_run", "postern.edges.openapi"),
    "receipts": (*LATER, "cedarpy", "pg8000", "yaml"),
    "inspect": (*LATER, "pg8000"),
    "sequence": (*LATER, "cedarpy", "pg8000", "yaml"),
    "deploy": (*LATER, "cedarpy", "pg8000"),
    "query": (*LATER, "cedarpy", "postern.edges.approval_store", "postern.run_once"),
}
# Each row is one process, which costs more than all that is looked at. In it a function also answers for what those
# before it have loaded, so none comes before one that may load less.
PROCESSES = (("console", "authorize", "tasks", "inspect"), ("mcp", "receipts", "sequence", "deploy", "query"))
_LOADED = """
import importlib, json, sys
loaded = {}
for name in sys.argv[1:]:
    importlib.import_module(f"functions.{name}.handler")
    loaded[name] = [*sys.modules]
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded() -> Mapping[str, frozenset[str]]:
    """By function everything that its process has loaded once its handler is imported."""
    found: dict[str, frozenset[str]] = {}
    for functions in PROCESSES:
        command = [sys.executable, "-c", _LOADED, *functions]
        run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
        found |= {name: frozenset(modules) for name, modules in json.loads(run.stdout).items()}
    return found


@pytest.mark.parametrize("function", ABSENT)
def test_importing_a_handler_loads_nothing_that_waits(function: str, loaded: Mapping[str, frozenset[str]]) -> None:
    assert "postern" in loaded[function]
    assert sorted(loaded[function] & set(ABSENT[function])) == []

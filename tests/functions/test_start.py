"""What each function loads when it is imported: nothing that only some of its calls need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.stack import PROJECT

SDK = ("boto3", "botocore.session")
LATER = ("boto3", "s3transfer", "phonenumbers", "stdnum", "aws_xray_sdk", "postgast", "google.protobuf")


@pytest.mark.parametrize(
    ("function", "absent"),
    [
        pytest.param("authorize", (*SDK, *LATER, "cedarpy", "pg8000"), id="authorize"),
        pytest.param("query", (*LATER, "cedarpy", "postern.edges.approval_store", "postern.run_once"), id="query"),
        pytest.param("tasks", (*LATER, "pg8000"), id="tasks"),
        pytest.param("receipts", (*LATER, "cedarpy", "pg8000", "yaml"), id="receipts"),
        pytest.param("sequence", (*LATER, "cedarpy", "pg8000", "yaml"), id="sequence"),
    ],
)
def test_importing_a_handler_loads_nothing_that_waits(function, absent):
    folder = PROJECT / "functions" / function
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import handler; print(*sys.modules)"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(run.stdout.split())
    assert "postern" in loaded
    assert sorted(loaded & set(absent)) == []

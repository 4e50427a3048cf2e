"""What AWS's own tools say about the templates, and that the layer of packages can be built as it is pinned."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from postern_local.transform import read_yaml
from tests.support.stack import PROJECT


def run_tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command of the extra `dev`; without it the test is skipped, except in CI, where it fails."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        reason = f"{name} is not installed: install the extra `dev`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return subprocess.run(
        [found, *map(str, arguments)],
        cwd=PROJECT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_sam_finds_nothing_wrong() -> None:
    run = run_tool("sam", "validate", "--lint", "--region", "us-east-1", "--template", PROJECT / "template.yaml")

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_linter_finds_nothing_wrong_with_the_nested_stacks() -> None:
    """The linter that `sam validate --lint` runs, over all of them at once."""
    nested = sorted((PROJECT / "infra").glob("*.yaml"))
    run = run_tool("cfn-lint", "--regions", "us-east-1", "--", *nested)

    assert len(nested) >= 10
    assert run.returncode == 0, run.stdout + run.stderr


def _names(requirements: str) -> set[str]:
    return {
        re.split(r"[<>=!\[; ]", line, maxsplit=1)[0].lower()
        for line in requirements.splitlines()
        if line and not line.startswith(("#", " "))
    }


def test_every_pinned_package_has_a_hash_and_no_registry_is_named() -> None:
    pinned = (PROJECT / "layers/deps/requirements.txt").read_text()

    blocks = re.split(r"\n(?=[a-z])", pinned.strip())
    assert len(blocks) > 10
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==[0-9a-z.]+ \\\n +--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]
    assert "://" not in pinned
    assert "index" not in pinned


def test_the_layer_holds_what_the_functions_are_declared_to_run_on() -> None:
    """The command line's own packages are the only ones that stay out of the layer."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    declared = _names("\n".join(project["dependencies"])) - {"boto3", "jinja2", "prompt-toolkit", "rich", "typer"}
    wanted = _names((PROJECT / "layers/deps/requirements.in").read_text())

    assert wanted == declared
    assert wanted <= _names((PROJECT / "layers/deps/requirements.txt").read_text())


def test_no_output_has_the_name_of_a_parameter_or_resource() -> None:
    """`sam build` puts a value in the place of such a name, and ends with a TypeError."""
    written = read_yaml(PROJECT / "template.yaml")

    assert not written["Outputs"].keys() & (written["Parameters"].keys() | written["Resources"].keys())

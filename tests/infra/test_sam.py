"""The layer of packages can be built as it is pinned. What AWS's tools say of the templates, `make validate` asks."""

from __future__ import annotations

import re
import tomllib

from postern_local.transform import read_yaml
from tests.support.stack import PROJECT


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

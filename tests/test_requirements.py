"""What is installed is pinned and hashed, comes from nowhere that a file names, and is what the code imports."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from scripts.pins import Pin, normalised, read_pins

ROOT = Path(__file__).parent.parent
LAYER = ROOT / "layers/deps"
FOLDERS = (ROOT / "requirements", ROOT / "bench/pinned")
FILES = [*(path for folder in FOLDERS for path in sorted(folder.glob("*.txt"))), LAYER / "requirements.txt"]
NAMED = [*(path for folder in FOLDERS for path in sorted(folder.glob("*.in"))), LAYER / "requirements.in"]
LOCKS = [ROOT / "tests/support/evaluator/package-lock.json", ROOT / "bench/pinned/package-lock.json"]  # npm's
# Says that it has nothing: the build of a layer wants the file.
EMPTY = {"layers/core/requirements.txt"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIGEST = "0" * 64
GOOD = f"six==1.17.0 \\\n    --hash=sha256:{DIGEST}\n    # via x\n"

# In the layer, and imported by nothing of ours: why it is named all the same.
BOUNDS = {"python-dateutil"}  # pg8000 alone would take a version that botocore does not go with
# Imported, and not named by requirements.in: what brings it.
BROUGHT = {"protobuf": "postgast"}
# Imported, and never in the layer: the runtime's own.
RUNTIME = {"snapshot-restore-py"}
# Ships at another version than the tests run on.
TESTED_AT_ANOTHER = {"botocore"}  # aws-sam-cli holds the development environment back


class TestPins:
    def read(self, tmp_path: Path, text: str) -> dict[str, Pin]:
        path = tmp_path / "x.txt"
        path.write_text(text)
        return read_pins(path)

    def test_reads_name_version_and_hashes(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, GOOD) == {"six": Pin("six", "1.17.0", (DIGEST,))}

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("six==1.17.0\n", id="no-hash"),
            pytest.param(f"six>=1.17.0 --hash=sha256:{DIGEST}\n", id="a-range"),
            pytest.param(f"six --hash=sha256:{DIGEST}\n", id="no-version"),
            pytest.param(f"six==1.17.0 --hash=sha256:{DIGEST[1:]}\n", id="half-a-hash"),
            pytest.param(f"six==1.17.0 --hash=md5:{DIGEST[:32]}\n", id="md5"),
            pytest.param(f"six==1.* --hash=sha256:{DIGEST}\n", id="any-version"),
            pytest.param(f"six @ https://example.com/six.whl --hash=sha256:{DIGEST}\n", id="an-address"),
            pytest.param("--index-url https://example.com/simple\n", id="an-index"),
            pytest.param("-e .\n", id="editable"),
            pytest.param("-r other.txt\n", id="another-file"),
            pytest.param(GOOD + GOOD, id="twice"),
        ],
    )
    def test_refuses_any_other_line(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ValueError, match=r"x\.txt: expected"):
            self.read(tmp_path, text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_line_is_pinned_and_hashed(path: Path) -> None:
    assert read_pins(path)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_every_package_of_npm_has_its_digest_and_comes_from_the_registry_that_is_configured(path: Path) -> None:
    packages = {name: one for name, one in json.loads(path.read_text())["packages"].items() if name}
    assert packages
    assert [name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []


def test_every_file_that_says_what_to_install_is_looked_at_here() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    form = re.compile(
        r"(?:.*/)?(?:requirements[^/]*\.txt|[^/]*lock\.json|[^/]*\.lock)|(?:requirements|bench/pinned)/.*\.(?:txt|in)"
    )
    found = {name for name in listed if form.fullmatch(name) and (ROOT / name).is_file()}
    known = {path.relative_to(ROOT).as_posix() for path in (*FILES, *NAMED, *LOCKS)}
    assert found - known - EMPTY == set()
    assert [
        name for name in EMPTY if not all(line[:1] in {"", "#"} for line in (ROOT / name).read_text().splitlines())
    ] == []


@pytest.mark.parametrize("path", [*FILES, *NAMED], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_file_names_a_place_to_install_from(path: Path) -> None:
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|^-[efir]\b", path.read_text(), re.M)


def _declared() -> Iterator[tuple[str, str]]:
    extras = PROJECT["optional-dependencies"]
    yield from (("local.txt", line) for line in [*PROJECT["dependencies"], *extras["local"]])
    yield from (("dev.txt", line) for line in [*PROJECT["dependencies"], *extras["local"], *extras["dev"]])


@pytest.mark.parametrize("file", ["local.txt", "dev.txt"])
def test_pins_are_within_what_the_project_declares(file: str) -> None:
    pins = read_pins(ROOT / "requirements" / file)
    outside = []
    for name, line in _declared():
        wanted = Requirement(line)
        if name == file and not wanted.specifier.contains(pins[normalised(wanted.name)].version, prereleases=True):
            outside.append(line)
    assert outside == []


def test_the_layer_is_within_what_the_project_declares() -> None:
    pins = read_pins(LAYER / "requirements.txt")
    declared = {normalised(Requirement(line).name): Requirement(line) for line in PROJECT["dependencies"]}
    named = [Requirement(line) for line in _layer_names()]
    differing = [one.name for one in named if one.specifier != declared[normalised(one.name)].specifier]
    outside = [one.name for one in named if not one.specifier.contains(pins[normalised(one.name)].version)]
    assert (differing, outside) == ([], [])


def test_what_ships_is_what_is_tested() -> None:
    tested, local = read_pins(ROOT / "requirements/dev.txt"), read_pins(ROOT / "requirements/local.txt")
    shipped = read_pins(LAYER / "requirements.txt")
    others = {name for name, pin in shipped.items() if pin.version != tested[name].version}
    assert others <= TESTED_AT_ANOTHER
    assert {name for name, pin in local.items() if pin.version != tested[name].version} == set()


def test_the_layer_holds_exactly_what_the_functions_import() -> None:
    named = {normalised(Requirement(line).name) for line in _layer_names()}
    imported = _imported() - RUNTIME
    assert imported - BROUGHT.keys() == named - BOUNDS
    assert {BROUGHT[name] for name in imported & BROUGHT.keys()} <= named


def _layer_names() -> list[str]:
    return [line for line in (LAYER / "requirements.in").read_text().splitlines() if line and line[0] != "#"]


def _imported() -> set[str]:
    """The distributions of what runs imports, at the top or later; what only type checkers see is left out."""
    brought = packages_distributions()
    ours = sys.stdlib_module_names | {"postern"}
    modules = {
        module
        for folder in ("layers/core/postern", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if set(_LINE.findall(text := path.read_text())) - ours  # most import nothing else: not worth a parse
        for module in _modules(ast.parse(text))
    }
    return {
        normalised(name)
        for module in modules - ours
        for name in (["protobuf"] if module == "google" else brought.get(module, [module]))
    }


_LINE = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)


def _modules(tree: ast.Module) -> Iterator[str]:
    open_: list[ast.AST] = [tree]
    while open_:
        node = open_.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
            open_.extend(ast.iter_child_nodes(node))

"""What was built: the same of the same sources, another of others, and found out where it is left over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from postern.audit.build_facts import BuildFacts, build_facts, format_build_facts, parse_build_facts
from postern.edges import build_files
from postern.edges.build_files import BuiltFiles, project_facts, read_build_facts
from postern.errors import IntegrityError, PolicyUnavailable
from postern.types import Sha256Hex
from postern.version import __version__
from tests.support.stack import PROJECT

FACTS = build_facts("0.1.0", *(Sha256Hex(digit * 64) for digit in "abc"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of a few files, laid out as this one."""
    for name in ("template.yaml", "infra/audit.yaml", "layers/core/postern/version.py", "functions/tasks/handler.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    for name in (
        "layers/deps/requirements.txt",
        "layers/deps/Makefile",
        "layers/deps/prune.py",
        "layers/core/Makefile",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def append(name: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((file.read_bytes() if file.exists() else b"") + b"\n")

    return change


def test_two_builds_of_the_same_sources_say_the_same(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(project, elsewhere)

    assert format_build_facts(project_facts(elsewhere)) == format_build_facts(project_facts(project))


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        pytest.param("template.yaml", {"template"}, id="template"),
        pytest.param("infra/audit.yaml", {"template"}, id="nested template"),
        pytest.param("functions/tasks/handler.py", {"code", "version"}, id="handler"),
        pytest.param("functions/console/assets/main.js", {"code", "version"}, id="what a function hands out"),
        pytest.param("layers/deps/requirements.txt", {"code", "version"}, id="packages"),
        pytest.param("layers/deps/prune.py", {"code", "version"}, id="what is left of packages"),
        pytest.param("layers/core/postern/version.py", {"code", "package", "version"}, id="package"),
        pytest.param("layers/core/postern/new.py", {"code", "package", "version"}, id="new module"),
        pytest.param("layers/core/postern/__pycache__/version.cpython-313.pyc", set(), id="compiled"),
        pytest.param("layers/core/build.json", set(), id="facts themselves"),
        pytest.param("README.md", set(), id="text"),
    ],
)
def test_facts_follow_what_is_built_and_nothing_else(project: Path, name: str, changed: set[str]) -> None:
    before = project_facts(project)

    append(name)(project)

    after = project_facts(project)
    members = ("code", "package", "template", "version")
    assert {member for member in members if getattr(before, member) != getattr(after, member)} == changed


def test_the_version_that_records_name_is_the_products_and_the_codes(project: Path) -> None:
    facts = project_facts(project)

    assert facts.version == f"{__version__}+{facts.code[:12]}"


def test_reads_what_it_wrote() -> None:
    assert parse_build_facts(format_build_facts(FACTS)) == FACTS


GOOD = format_build_facts(FACTS)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="no members"),
        pytest.param(GOOD[:-1], id="cut"),
        pytest.param(GOOD.replace(b'"code":"a', b'"code":"A'), id="capital digit"),
        pytest.param(GOOD.replace(b"0.1.0+aaa", b"0.1.0+baa"), id="version of another build"),
        pytest.param(GOOD.replace(b'{"code"', b'{"added":"x","code"'), id="a member more"),
        pytest.param(GOOD.replace(b'"' + b"c" * 64 + b'"', b"1"), id="a number"),
    ],
)
def test_refuses_what_has_not_the_form(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_build_facts(data)


def test_finds_facts_of_the_code_that_runs(tmp_path: Path) -> None:
    file = tmp_path / "build.json"
    file.write_bytes(format_build_facts(project_facts(PROJECT)))

    facts = BuiltFiles(str(file)).facts()

    assert isinstance(facts, BuildFacts)
    assert facts.version == read_build_facts(str(file)).version


def test_facts_left_over_from_another_build_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "postern"
    shutil.copytree(build_files.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "build.json"
    file.write_bytes(format_build_facts(project_facts(PROJECT)))
    monkeypatch.setattr(build_files, "PACKAGE", package)
    assert BuiltFiles(str(file)).facts()

    (package / "version.py").write_text('__version__ = "0.1.0"  # changed after the build\n')

    with pytest.raises(PolicyUnavailable, match="those of another build"):
        BuiltFiles(str(file)).facts()


@pytest.mark.parametrize("text", [None, "", "not json"], ids=["none", "empty", "no facts"])
def test_without_facts_nothing_is_written(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "build.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(PolicyUnavailable, match="make deploy"):
        read_build_facts(str(file))

"""What the command line says is what a person has looked at; `python -m tests.cli.golden --write` writes it anew."""

from __future__ import annotations

import difflib

import pytest

from tests.cli.golden.mistakes import AREAS, area_text
from tests.cli.golden.scenes import SCENES
from tests.cli.golden.texts import FOLDER, help_texts

AGAIN = "look at it, then run: python -m tests.cli.golden --write"


def differences(name: str, text: str) -> str:
    path = FOLDER / name
    kept = path.read_text() if path.is_file() else ""
    return "\n".join(difflib.unified_diff(kept.splitlines(), text.splitlines(), name, "now", lineterm=""))


def test_every_help_is_as_it_was_looked_at():
    texts = help_texts()
    kept = {f"help/{path.name}" for path in (FOLDER / "help").glob("*.txt")}
    assert kept == set(texts), AGAIN
    changed = "\n".join(filter(None, (differences(name, text) for name, text in texts.items())))
    assert not changed, f"{changed}\n{AGAIN}"


@pytest.mark.parametrize("area", AREAS)
def test_what_is_said_of_a_mistake_is_as_it_was_looked_at(area):
    changed = differences(f"mistakes/{area}.txt", area_text(SCENES[area]))
    assert not changed, f"{changed}\n{AGAIN}"


def test_every_area_has_its_file_and_no_other():
    assert {path.stem for path in (FOLDER / "mistakes").glob("*.txt")} == set(AREAS) == set(SCENES)


@pytest.mark.parametrize("area", AREAS)
def test_a_mistake_is_one_line_with_an_exit_code_that_is_documented(area):
    for said in (FOLDER / f"mistakes/{area}.txt").read_text().split("# ")[1:]:
        lines = said.strip().splitlines()
        assert all(line.isprintable() for line in lines), said
        errors = [line for line in lines if line.startswith(("postern: ", '{"error"'))]
        assert lines[-1] in ("exit 0", "exit 1", "exit 2", "exit 3"), said
        assert len(errors) == (0 if lines[-1] == "exit 0" else 1), said
        assert "Traceback" not in said


@pytest.mark.parametrize("secret", ["a.good.token", "hush", "of-the-job", "the-device-code"])
def test_no_secret_is_in_what_is_said(secret):
    assert [path.name for path in FOLDER.rglob("*.txt") if secret in path.read_text()] == []

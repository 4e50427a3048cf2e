"""All commands together: what each of them can do, and what completion knows of them."""

from __future__ import annotations

import ast
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup, TyperOption

from postern_cli.groups import GROUPS, PANELS, load
from postern_cli.main import main
from postern_cli.stop import Exit
from tests.support.task_bodies import ANSWER, TASK

ROOT = Path(__file__).parents[2]
# What they print is the thing itself, to be piped: SQL, a catalog, a token; or they run until they are interrupted.
PRINTS_A_THING = {"catalog scan", "db bootstrap", "local token", "local up"}


def commands() -> Iterator[tuple[str, object]]:
    for name in GROUPS:
        yield from below(name, load(name))


def below(name: str, command: object) -> Iterator[tuple[str, object]]:
    if not isinstance(command, TyperGroup):
        yield name, command
        return
    for part, one in command.commands.items():
        yield from below(f"{name} {part}", one)


def options(command: object) -> set[str]:
    return {name for one in command.params if isinstance(one, TyperOption) for name in one.opts}


def test_every_command_that_answers_can_answer_in_json():
    without = {name for name, command in commands() if "--json" not in options(command)}
    assert without == PRINTS_A_THING


def test_every_command_says_what_its_exit_codes_mean():
    silent = {name for name, command in commands() if "Exit code: " not in (command.help or "")}
    assert silent == set()


def test_no_secret_is_an_option_or_an_argument():
    taken = {f"{name} {option}" for name, command in commands() for option in options(command) if option in FORBIDDEN}
    assert taken == set()


FORBIDDEN = {"--token", "--secret", "--client-secret", "--password"}


def test_every_group_stands_in_one_panel():
    assert sorted(name for names in PANELS.values() for name in names) == sorted(GROUPS)


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("postern ", set(GROUPS)),
        ("postern audit wit", {"witness"}),
        ("postern audit witness ", {"init", "run", "show"}),
        ("postern task ap", {"approve"}),
        ("postern query --esc", {"--escape-formulas"}),
    ],
    ids=["groups", "a command", "a group in a group", "a task", "an option"],
)
def test_completion_knows_commands_whose_group_is_not_loaded(words, known, monkeypatch, capsys):
    monkeypatch.setenv("_POSTERN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - (not words.endswith(" "))))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert not ended.value.code
    assert known <= set(capsys.readouterr().out.split())


def imported(module: str, seen: set[str]) -> set[str]:
    """What a module of ours imports at its top, and what that imports."""
    if module not in seen:
        seen.add(module)
        tree = ast.parse((ROOT / "cli" / module.replace(".", "/")).with_suffix(".py").read_text())
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("postern_cli"):
                names = [f"{node.module}.{one.name}" for one in node.names]
                for name in [str(node.module), *names]:
                    if (ROOT / "cli" / name.replace(".", "/")).with_suffix(".py").is_file():
                        imported(name, seen)
    return seen


def test_help_loads_no_group():
    assert not imported("postern_cli.main", set()) & {module for module, _ in GROUPS.values()}


@pytest.mark.parametrize(("variable", "is_coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_colours_are_for_who_wants_them(gate, variable, is_coloured, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    gate.answer(f"/v1/tasks/{TASK}/query", ANSWER)
    assert main(["query", "select 1", "--task", TASK]) == Exit.DONE
    assert ("33m" in capsys.readouterr().out) is is_coloured


def test_what_is_piped_has_neither_colours_nor_a_spinner(gate, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    gate.answer(f"/v1/tasks/{TASK}/query", ANSWER)
    assert main(["query", "select 1", "--task", TASK]) == Exit.DONE
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()


def documented() -> list[str]:
    lines = (ROOT / "docs/cli.md").read_text().splitlines()
    shown = [line.strip() for line in lines if line.startswith("    ")]
    return [line[line.index("postern ") :] for line in shown if "postern " in line and not line.startswith("pip")]


def test_every_command_has_an_example_in_the_docs():
    examples = documented()
    without = {name for name, _ in commands() if not any(f"{one} ".startswith(f"postern {name} ") for one in examples)}
    assert without == set()


def test_examples_in_the_docs_name_commands_and_options_that_there_are():
    known = dict(commands())
    for example in documented():
        words = shlex.split(example.replace("$(", "").replace("\\$", "$"), comments=True)[1:]
        if words[0].startswith("--"):
            continue  # an option of the application's own
        name = next(" ".join(words[:length]) for length in (3, 2, 1) if " ".join(words[:length]) in known)
        named = {word for word in words if word.startswith("--")}
        assert named <= options(known[name]) | {"--help"}, example

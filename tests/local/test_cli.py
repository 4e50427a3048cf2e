"""The command line's own manners: help that is quick, one line for a mistake, the documented exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

import postern_cli.audit
from postern.errors import BadRequest, DatabaseUnavailable, IntegrityError, PosternError, RefusedByPolicy
from postern.version import __version__
from postern_cli import groups
from postern_cli.main import main
from postern_cli.stop import Exit, Stop
from postern_local.issuer import Issuer
from postern_local.ready import Ready, write_ready
from tests.support.stack import PROJECT


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["nothing", "help"])
def test_help_lists_the_groups(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "audit" in shown
    assert "local" in shown


def test_help_imports_no_group() -> None:
    script = (
        "import sys; from postern_cli.main import main; main(['--help'])\n"
        "heavy = {'boto3', 'postern_local', 'postern_cli.audit', 'postern_cli.local'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert run.returncode == 0, run.stderr


def test_prints_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    "arguments",
    [["nope"], ["--nope"], ["local", "nope"], ["local", "up", "--nope"], ["local", "token"], ["audit", "pull"]],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == Exit.USAGE
    said = capsys.readouterr().err
    assert said.startswith("postern: ")
    assert said.count("\n") == 1


def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local"]) == Exit.USAGE
    captured = capsys.readouterr()
    assert "token" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        pytest.param(Stop(Exit.UNKNOWN, "cannot tell"), 3, "cannot tell", id="stop"),
        pytest.param(Stop(Exit.REFUSED, "two\nlines"), 1, "two lines", id="stop of two lines"),
        pytest.param(BadRequest("request.invalid", "what"), 2, "what", id="caller's fault"),
        pytest.param(RefusedByPolicy("policy.refused", "what"), 1, "what", id="refused"),
        pytest.param(IntegrityError("internal", "what"), 1, "what", id="integrity"),
        pytest.param(DatabaseUnavailable("database.unavailable", "what"), 3, "what", id="unreachable"),
        pytest.param(KeyboardInterrupt(), 130, None, id="interrupted"),
        pytest.param(BrokenPipeError(), 0, None, id="nobody reads"),
    ],
)
def test_maps_what_ends_a_command(
    raised: BaseException,
    code: int,
    line: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import typer

    app = typer.Typer(no_args_is_help=True)

    @app.command()
    def pull() -> None:
        raise raised

    @app.command()
    def other() -> None: ...

    monkeypatch.setattr(postern_cli.audit, "app", app)
    monkeypatch.setattr(groups, "load", groups.load.__wrapped__)  # as for the first time

    assert main(["audit", "pull"]) == code
    assert capsys.readouterr().err == ("" if line is None else f"postern: {line}\n")


def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nobody's mistake but ours keeps its traceback."""
    monkeypatch.setattr("postern_cli.local._parse_claim", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        main(["local", "token", "--ready", "r", "--sub", "s", "--claim", "a=b"])


def test_a_reader_that_goes_away_is_no_error() -> None:
    run = subprocess.run(
        f"{sys.executable} -c 'from postern_cli.main import run; run()' --help | true",
        shell=True, capture_output=True, text=True, check=False, cwd=PROJECT,
    )  # fmt: skip

    assert run.stderr == ""


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    with Issuer.start(tmp_path / "state/issuer") as issuer:
        url = issuer.url
    ready = Ready(
        api="http://127.0.0.1:1",
        issuer=url,
        audience="the audience",
        aws="",
        bucket="",
        log="",
        seal_table="",
        vkey="postern.postern/local+00000000+AA==",
        databases={"shop": ""},
        state=str(tmp_path / "state"),
    )
    write_ready(tmp_path / "r.json", ready)
    return tmp_path / "r.json"


def test_prints_a_token_with_the_claims_asked_for(ready_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = ["role=agent", "n=7", 'list=["a", 1]', "empty=", "equals=a=b", 'text="7"', 'act={"sub": "p"}']
    options = [option for claim in claims for option in ("--claim", claim)]

    assert main(["local", "token", "--ready", str(ready_file), "--sub", "me", "--ttl", "60", *options]) == 0
    token = capsys.readouterr().out.strip()
    held = jwt.decode(token, options={"verify_signature": False})

    assert held["iss"] == json.loads(ready_file.read_text())["issuer"]
    assert (held["sub"], held["aud"], held["exp"] - held["iat"]) == ("me", "the audience", 60)
    assert held["role"] == "agent"
    assert held["n"] == 7
    assert held["list"] == ["a", 1]
    assert held["empty"] == ""
    assert held["equals"] == "a=b"
    assert held["text"] == "7"
    assert held["act"] == {"sub": "p"}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param(["--claim", "role"], 2, "--claim role: expected NAME=VALUE", id="claim without a value"),
        pytest.param(["--claim", "=x"], 2, "expected NAME=VALUE", id="claim without a name"),
        pytest.param(["--claim", "iss=me"], 3, "claims: expected none of", id="claim that is the issuer's"),
        pytest.param(["--ttl", "0"], 2, "Invalid value for '--ttl'", id="no time to live"),
        pytest.param(["--ttl", "86401"], 2, "Invalid value for '--ttl'", id="too long to live"),
    ],
)
def test_refuses_a_token_that_cannot_be(
    options: list[str], code: int, message: str, ready_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["local", "token", "--ready", str(ready_file), "--sub", "me", *options]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_cannot_tell_without_a_running_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "token", "--ready", str(tmp_path / "r.json"), "--sub", "me"]) == Exit.UNKNOWN
    assert "expected the ready file of a running stack" in capsys.readouterr().err


def test_every_error_of_the_tree_has_an_exit_code() -> None:
    from postern_cli.main import _exit_of

    waiting = [PosternError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        assert _exit_of(kind.__new__(kind)) in (Exit.REFUSED, Exit.USAGE, Exit.UNKNOWN)

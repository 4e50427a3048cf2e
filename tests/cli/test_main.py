"""The command `postern`: whatever goes wrong is one line for a person and a code for a machine."""

from __future__ import annotations

import pytest

from postern.errors import IntegrityError
from postern_cli import main as command
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202eholds"


def ended(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """What `main` returns where a command raises this."""

    def application() -> object:
        def run(*_: object, **__: object) -> None:
            raise error

        return run

    monkeypatch.setattr(command, "_application", application)
    return command.main([])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "a/file"), "a/file: expected to use it, got Permission denied"),
        (OSError("no number"), "system: expected to use it, got OSError"),
        (RecursionError("deep"), "too deep to read"),
    ],
    ids=["no right", "no words", "too deep"],
)
def test_what_cannot_be_read_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, error) == Exit.UNKNOWN
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    "error",
    [
        Stop(Exit.REFUSED, f"500: {HOSTILE}"),
        IntegrityError("evidence.malformed", HOSTILE),
        PermissionError(13, "Permission denied", HOSTILE),
    ],
    ids=["a stop", "an error of ours", "a name on disk"],
)
def test_what_others_wrote_moves_no_cursor(
    monkeypatch: pytest.MonkeyPatch, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, error) != Exit.DONE
    [line] = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert "\\x1b]0;owned\\x07\\x9b31m\\u202eholds" in line


def test_a_reader_that_has_gone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(monkeypatch, BrokenPipeError()) == Exit.DONE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe — ok", "größe — ok"),
        ("a\nb\t", "a\nb\\t"),
        (HOSTILE[-6:], "\\u202eholds"),
        ("\x9b", "\\x9b"),
        ("\udc80", "\\udc80"),
    ],
    ids=["letters", "kept ends of lines", "direction", "control sequence", "no text"],
)
def test_only_what_is_printable_passes(text: str, shown: str) -> None:
    assert printable(text, keep="\n") == shown

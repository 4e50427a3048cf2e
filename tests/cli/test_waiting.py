"""What is waited for is shown on a terminal, as it is written."""

from __future__ import annotations

import sys

import pytest

from postern_cli.progress import counting
from postern_cli.waiting import waiting

WHAT = "[red]task[/red] 1"


@pytest.mark.parametrize("show", [waiting, counting], ids=["waiting", "counting"])
@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
def test_it_is_shown_where_somebody_looks_and_is_no_markup(show, is_terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with show(WHAT):
        pass
    said = capsys.readouterr().err
    assert (WHAT in said) if is_terminal else said == ""

"""No test of the command line reads or writes what the person who runs it has set; and a gate of a few lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_gate import FakeGate, fake_gate

TOKEN = "a.secret.token"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("POSTERN_", "ACTIONS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def served() -> Iterator[FakeGate]:
    with fake_gate() as gate:
        yield gate


@pytest.fixture
def gate(served: FakeGate, monkeypatch: pytest.MonkeyPatch) -> FakeGate:
    """A gate that knows nothing yet; its address and a token are in the environment."""
    served.replies.clear()
    served.asked.clear()
    monkeypatch.setenv("POSTERN_URL", served.url)
    monkeypatch.setenv("POSTERN_TOKEN", TOKEN)
    return served

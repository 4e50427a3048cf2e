"""What the benches' handlers silence in a process is the tests' as well: here they leave it alone."""

from __future__ import annotations

import pytest

from postern.edges import invocation


@pytest.fixture(autouse=True)
def nothing_is_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "_prepare", lambda _: False)

"""A gate that offers sign-in."""

from __future__ import annotations

import pytest

from tests.support.fake_gate import FakeGate


@pytest.fixture
def alone(gate: FakeGate, monkeypatch: pytest.MonkeyPatch) -> FakeGate:
    """A gate that offers sign-in, and no token in the environment."""
    monkeypatch.delenv("POSTERN_TOKEN")
    gate.offer_sign_in()
    return gate

"""The device grant: how often an issuer is asked, and when that ends (RFC 8628, section 3.5)."""

from __future__ import annotations

import pytest

from postern_cli.sign_in import device
from postern_cli.sign_in.discovery import fetch_endpoints
from postern_cli.sign_in.metadata import SignIn
from postern_cli.stop import Exit, Stop
from tests.support.fake_gate import FakeGate, Reply

DONE = Reply(200, {"access_token": "a.b.c"})
ASKED = SignIn("people", "", "postern-cli", [], "access_token")


def polled(gate: FakeGate, *replies: Reply, **started: object) -> list[float]:
    """How long it waited before each question, until the issuer's answers were taken."""
    gate.offer_sign_in()
    gate.issue("/device", Reply(200, gate.device(**{"interval": 2, **started})))
    gate.issue("/token", *replies)
    waited: list[float] = []
    endpoints = fetch_endpoints(gate.issuer, [])
    device.wait(endpoints, "postern-cli", device.start(endpoints, "postern-cli", ASKED), sleep=waited.append)
    return waited


def error(name: str, status: int = 400) -> Reply:
    return Reply(status, {"error": name})


@pytest.mark.parametrize(
    ("replies", "waited"),
    [
        ([DONE], [2]),
        ([error("authorization_pending"), DONE], [2, 2]),
        ([error("slow_down"), error("authorization_pending"), error("slow_down"), DONE], [2, 7, 7, 12]),
        ([Reply(502, b"<html>"), Reply(502, b""), DONE], [2, 4, 8]),
    ],
    ids=["at once", "pending", "slow down", "away"],
)
def test_it_asks_as_often_as_it_is_told(gate, replies, waited):
    assert polled(gate, *replies) == waited


@pytest.mark.parametrize(
    ("given", "waited"),
    [(None, 5), (0, 5), (-1, 5), ("1", 5), (True, 5), (1e9, 60)],
    ids=["none", "zero", "negative", "a text", "true", "too long"],
)
def test_an_interval_that_is_none_is_the_standards(gate, given, waited):
    assert polled(gate, DONE, interval=given) == [waited]


@pytest.mark.parametrize(("lifetime", "interval", "most"), [(10, 2, 5), (1e12, 60, 60)], ids=["short", "without end"])
def test_it_ends_when_the_code_does(gate, lifetime, interval, most):
    with pytest.raises(Stop, match="nobody signed in in time"):
        polled(gate, error("authorization_pending"), expires_in=lifetime, interval=interval)
    assert len([one for one in gate.asked if one.path == "/issuer/token"]) == most


@pytest.mark.parametrize("name", ["access_denied", "expired_token", "invalid_grant", "unknown"])
def test_a_refusal_is_asked_once(gate, name):
    with pytest.raises(Stop) as stopped:
        polled(gate, error(name))
    assert stopped.value.code is Exit.REFUSED
    assert len([one for one in gate.asked if one.path == "/issuer/token"]) == 1

"""Addresses: https, or http on this machine, and nothing in them that could mislead."""

from __future__ import annotations

import pytest

from postern_cli.gate.address import format_address, parse_address


@pytest.mark.parametrize(
    ("given", "formed"),
    [
        ("https://gate.example", "https://gate.example"),
        ("https://Gate.Example/live/", "https://gate.example/live"),
        ("https://gate.example:443/live", "https://gate.example/live"),
        ("https://gate.example:8443", "https://gate.example:8443"),
        ("http://127.0.0.1:8080/live", "http://127.0.0.1:8080/live"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_an_address_has_one_form(given, formed):
    parts = parse_address(given)
    assert parts is not None
    assert format_address(parts) == formed


@pytest.mark.parametrize(
    "given",
    [
        "",
        "gate.example",
        "http://gate.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "https://user@gate.example",
        "https://user:pass@gate.example",
        "https://gate.example?x=1",
        "https://gate.example#x",
        "https://gate.example:0",
        "https://gate.example:port",
        "https://[gate",
        "https://",
        "ftp://gate.example",
        "https://g\u00e4te.example",
        "https://gate.example/\n",
        "https://ga\tte.example",
        "https://gate.example/ x",
        "file:///etc/passwd",
    ],
)
def test_anything_else_is_none(given):
    assert parse_address(given) is None

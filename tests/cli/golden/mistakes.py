"""What a person can do wrong, and what can go wrong around them; a file an area, one command after the other."""

from __future__ import annotations

import re
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.cli.golden.texts import said
from tests.support.fake_gate import FakeGate, fake_gate
from tests.support.tls import self_signed

TOKEN = "a.good.token"
_real_addresses = socket.getaddrinfo
AREAS = ("address", "answers", "configuration", "files", "query", "sign-in", "task", "usage")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mistake is made: a gate and a home of its own."""

    gate: FakeGate
    home: Path

    def file(self, name: str, text: str | bytes, mode: int = 0o600) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path


@dataclass(frozen=True, slots=True)
class Mistake:
    """A command, and what is so that it goes wrong. `GATE`, `ISSUER` and `HOME` stand for the place's."""

    arguments: Sequence[str]
    prepare: Callable[[Place], object] = lambda _: None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""


def mistake_texts() -> dict[str, str]:
    """The file of each area."""
    from tests.cli.golden.scenes import SCENES

    return {f"mistakes/{area}.txt": area_text(SCENES[area]) for area in AREAS}


def area_text(mistakes: Mapping[str, Mistake]) -> str:
    """What is said to each, in order."""
    with (
        tempfile.TemporaryDirectory() as folder,
        fake_gate() as gate,
        fake_gate(self_signed(Path(folder))) as secure,
    ):
        return "\n".join(f"# {what}\n{_text(gate, secure.url, mistake)}" for what, mistake in mistakes.items())


def _text(gate: FakeGate, secure: str, mistake: Mistake) -> str:
    gate.replies.clear()
    gate.asked.clear()
    with tempfile.TemporaryDirectory(prefix="home") as folder:
        place = Place(gate, Path(folder))
        mistake.prepare(place)
        plain = gate.url.replace("http:", "https:")
        names = {"GATE": gate.url, "ISSUER": gate.issuer, "HOME": folder, "TLS": secure, "PLAIN": plain}
        environment = {"HOME": folder, "POSTERN_URL": gate.url, "POSTERN_TOKEN": TOKEN, **mistake.environment}
        with patch("socket.getaddrinfo", _addresses), patch("postern_cli.tasks.awaiting._EVERY_S", 0):
            text = said(
                [_filled(one, names) for one in mistake.arguments],
                {name: _filled(value, names) for name, value in environment.items() if value},
                mistake.stdin,
            )
    for found, shown in (
        (gate.url, "https://gate.example"),
        (gate.issuer, "https://issuer.example"),
        (gate.origin.removeprefix("http://"), "gate.example"),
        (secure.removeprefix("https://").partition("/")[0], "gate.example"),
        (folder, "~"),
    ):
        text = text.replace(found, shown)
    return re.sub(r"login-[0-9a-f]{16}", "login-0123456789abcdef", text)


def _addresses(host: str, *rest: object, **more: object) -> list[Any]:
    """Of this machine's names only: no test asks the network."""
    if host != "127.0.0.1":
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _real_addresses(host, *rest, **more)  # type: ignore[arg-type]


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text

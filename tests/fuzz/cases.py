"""Inputs that were found once, each in a file of its own, and run with every test since.

{"target": "tlog note", "input": {"base64": "…"}}        bytes; everything else is the JSON that it is
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"


def write_case(target: str, given: Any, folder: Path = FOLDER) -> Path:
    """Writes the input down, under a name that follows from it."""
    text = json.dumps({"target": target, "input": _plain(given)}, indent=1, sort_keys=True) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{target.replace(' ', '-')}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path.write_text(text)
    return path


def read_case(path: Path) -> tuple[str, Any]:
    """The target's name, and the input."""
    said = json.loads(path.read_text())
    return said["target"], _input(said["input"])


def all_cases(folder: Path = FOLDER) -> Iterator[Path]:
    yield from sorted(folder.glob("*.json"))


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return {"base64": base64.b64encode(value).decode()}
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list() | tuple():
            return [_plain(member) for member in value]
        case _:
            return value


def _input(value: Any) -> Any:
    match value:
        case {"base64": str(text), **others} if not others:
            return base64.b64decode(text)
        case dict():
            return {name: _input(member) for name, member in value.items()}
        case list():
            return [_input(member) for member in value]
        case _:
            return value

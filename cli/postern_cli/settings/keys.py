"""What can be set, as a table: each key with its variable, its default, and the values it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = str | bool
OUTPUTS = ("table", "csv", "json", "jsonl")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `parse` takes a text and raises ValueError, whose words say what is expected."""

    variable: str
    default: Value | None
    about: str
    parse: Callable[[str], Value]


def _text(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("a text that is not empty and can be printed")
    return text


def _output(text: str) -> str:
    if text not in OUTPUTS:
        raise ValueError(f"one of {', '.join(OUTPUTS)}")
    return text


def _switch(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("true or false")
    return text.lower() in _TRUE


KEYS: Mapping[str, Key] = {
    "url": Key("POSTERN_URL", None, "the gate's address", _text),
    "database": Key("POSTERN_DATABASE", None, "the database that is meant where none is named", _text),
    "output": Key("POSTERN_OUTPUT", "table", "how `postern query` prints rows", _output),
    "history": Key("POSTERN_HISTORY", True, "whether the prompt keeps what was typed", _switch),
    "audience": Key(
        "POSTERN_AUDIENCE", None, "the audience that CI tokens are asked for; the address without it", _text
    ),
}

"""Values that must not be logged, and every form in which a log could hold them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

# What surrounds the core shows whether escaping is what hides it: a quote, a line's end, letters beyond ASCII, a slash.
_AROUND = 'é"{core}/ü'


def canary(name: str) -> str:
    """A value of which nobody has another; the name says where it was planted."""
    return f"kanari{name}9z4x7q2w"


def wrapped(name: str) -> str:
    """The same among characters that JSON, URLs and SQL escape."""
    return _AROUND.format(core=canary(name))


def forms(value: str) -> set[str]:
    """The value as plain text, JSON, percent-encoded, in hex, and in base64 wherever it may begin in it; lower case."""
    raw = value.encode()
    found = {value, json.dumps(value)[1:-1], quote(value, safe=""), raw.hex()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw + b"\0\0\0").decode()
        # Whole groups of the value's own bytes: what stands before and after belongs to its neighbours.
        begin, end = -(-before * 4 // 3) + (1 if before else 0), (before + len(raw)) * 8 // 6
        inner = encoded[begin:end]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form.lower() for form in found}


def found_in(text: str, names: list[str]) -> dict[str, str]:
    """Which canaries a text holds, each with the form in which it does."""
    lower = text.lower()
    held = {}
    for name in names:
        for form in forms(canary(name)):
            if form in lower:
                held[name] = form
    return held

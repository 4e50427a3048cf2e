"""JSON that has its form and says something else: a valid value with some members changed, gone or too many.

What only changes bytes of JSON seldom gets past its parser; this gets to what reads the members.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mutation import mutated

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 1.0, 1.5, -0.0, 1e300, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, 10**30),
    *(
        "",
        " ",
        "x",
        "x" * 3000,
        "\0",
        "\n",
        "\x1b[2J",
        "\u202e",
        "é",
        "\ud800",
        "null",
        "0",
        "-1",
        "../x",
        "=1+1",
        "a|b",
    ),
    *("2026-02-30T00:00:00.000000Z", "0001-01-01T00:00:00.000000Z", "0199a0b0-c0d0-7000-8000-00000000000a", "a" * 64),
    *([], {}, [[]], [None], [1, "a", {}], {"a": None}, {"": ""}, {"id": {"id": {}}}, ["x"] * 200),
)
NAMES = (
    "",
    "v",
    "id",
    "type",
    "kind",
    "name",
    "key",
    "value",
    "lookup",
    "blob",
    "sealed",
    "__class__",
    "\0",
    "x" * 300,
)
Form = Callable[[Any], bytes]


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def mutated_json(
    valid: Sequence[bytes], *, tokens: Sequence[bytes] = (), form: Form = as_json
) -> st.SearchStrategy[bytes]:
    """One of the valid texts with members changed, written in this form; every fourth with bytes changed instead."""
    values = [json.loads(text) for text in valid]

    def changed(drawn: bytes) -> bytes:
        random = Random(drawn)
        value = random.choice(values)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            value = changed_value(random, value, random.choice(values))
        try:
            return form(value)
        except Exception:  # noqa: BLE001 - what has not this form is written plainly
            return as_json(value)

    members = st.binary(min_size=8, max_size=8).map(changed)
    return st.one_of(members, members, members, mutated(valid, tokens=tokens))


def changed_value(random: Random, value: Any, other: Any) -> Any:
    """The value with one thing changed at some depth; what it shares with the one given is not changed."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return _instead(random, other)
    names = sorted(value) if isinstance(value, dict) else range(len(value))
    name = random.choice(list(names))
    made: Any = dict(value) if isinstance(value, dict) else list(value)
    match random.randrange(8):
        case 0:
            del made[name]
        case 1 if isinstance(made, dict):
            made[random.choice(NAMES)] = _instead(random, other)
        case 2 if isinstance(made, dict):
            made[random.choice(NAMES)] = made.pop(name)
        case 1 | 2:
            made += [made[name]] * random.choice((1, 1, 70))
        case _:
            made[name] = changed_value(random, made[name], other)
    return made


def _instead(random: Random, other: Any) -> Any:
    """Any value, or a part of another valid one, where it is of another kind."""
    part = other
    while isinstance(part, dict | list) and part and random.random() < 0.7:
        part = random.choice(list(part.values()) if isinstance(part, dict) else part)
    return random.choice((*VALUES, part, part, part))

"""Answers of a gate, held to the contract's own shapes before anything of them is used."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from postern_cli.stop import Exit, Stop

Shape = TypeVar("Shape")


def convert_answer(body: object, shape: type[Shape]) -> Shape:
    """The answer in its shape. Raises `Stop` (cannot tell) for what is no answer of a gate."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise Stop(
            Exit.UNKNOWN, f"gate: expected an answer of its contract, got another ({error}); is its version another?"
        ) from error

"""A place that takes what others send: what it is given, and what it may come back with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

Input = bytes | str | dict[str, Any] | list[Any]  # what a case can be written down as: bytes, or JSON


class Wrong(AssertionError):
    """Raised by a target where what came back is no documented answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Takes an input and returns, or raises one of `documented`; whatever else it raises was not meant.

    A `slow` one takes milliseconds an input: a short run gives it a few.
    """

    name: str
    inputs: SearchStrategy[Any]
    take: Callable[[Any], object]
    documented: tuple[type[Exception], ...] = ()
    slow: bool = False

    def run(self, given: Input) -> None:
        """Raises what the target raised, unless it is documented, and then says something."""
        try:
            self.take(given)
        except self.documented as error:
            if not str(error).strip():
                raise Wrong(
                    f"{self.name}: expected an error that says something, got {type(error).__name__}"
                ) from error

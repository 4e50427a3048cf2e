"""A class of attacks: hostile statements, and what their author is after.

`{role}` in a statement is the task's role and schema. What is after a value succeeds where the value, or a `true` that
stands for it, arrives; the other goals are named in `Goal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Goal(Enum):
    """What tells that an attack succeeded."""

    VALUE = auto()  # a raw value, in whatever spelling, or a `true` in its place, in an answer or in an error's text
    FAILURE = auto()  # a division by zero, which stands for a `true`
    EFFECT = auto()  # the statement runs
    BULK = auto()  # more arrives than an answer may hold


@dataclass(frozen=True, slots=True)
class AttackClass:
    """Attacks of one kind; `also` are tests elsewhere that show more of it."""

    title: str
    goal: Goal
    statements: tuple[str, ...]
    also: tuple[str, ...] = ()

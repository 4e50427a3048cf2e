"""What an agent asks for when it opens a task, and what policy says to it."""

from __future__ import annotations

from dataclasses import dataclass

from postern.errors import Refusal
from postern.types import Action, Budgets, DatabaseName, Grant


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Actions wanted on tables, as the agent named them; `columns` None means all that the catalog lists."""

    tables: tuple[str, ...]
    actions: tuple[Action, ...]
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A request for a task, checked for shape and bounds, not yet for policy."""

    database: DatabaseName
    purpose: str
    ticket: str | None
    access: tuple[AccessRequest, ...]
    unmask: tuple[str, ...]  # class names to be seen raw
    lookup: tuple[str, ...]  # class names to be compared with a literal
    ttl_s: int
    budgets: Budgets
    statements: tuple[str, ...] = ()  # that run once, in order; then nothing else is asked for


@dataclass(frozen=True, slots=True)
class Granted:
    """Every part of the request is allowed. `needs_approval` where policy leaves the last word to a person."""

    grant: Grant
    needs_approval: bool
    reasons: tuple[str, ...]  # ids of the policies that permitted, sorted


@dataclass(frozen=True, slots=True)
class Denied:
    """At least one part is refused; every refused part is named. A task is never granted in part."""

    refusals: tuple[Refusal, ...]


Decision = Granted | Denied

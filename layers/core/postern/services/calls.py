"""A call that carries SQL, and what it gave: the shapes that the services and those who present them share."""

from __future__ import annotations

from dataclasses import dataclass

from postern.ports import IdempotencyKey, Lookup, Parameter
from postern.services.answers import Delivery
from postern.types import Budgets, CommandId, Receipt

MAX_BYTES = 5_000_000  # of one answer


@dataclass(frozen=True, slots=True)
class StatementCall:
    """A statement as asked, its parameters, and the bound on the rows that it may deliver."""

    sql: str
    parameters: tuple[Parameter | Lookup, ...]
    max_rows: int

    @property
    def lookups(self) -> dict[int, str]:
        """The class of each parameter that is compared with tokens, by its number."""
        numbered = enumerate(self.parameters, 1)
        return {number: one.class_name for number, one in numbered if isinstance(one, Lookup)}


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller sends: statements that succeed or fail together, and the caller's key for them."""

    statements: tuple[StatementCall, ...]
    idempotency: IdempotencyKey | None = None

    @property
    def wanted(self) -> Budgets:
        """What is reserved before the statements are looked at; what only some need is reserved after that."""
        return Budgets(
            statements=len(self.statements),
            rows=sum(one.max_rows for one in self.statements),
            bytes=MAX_BYTES,
            lookups=sum(len(one.lookups) for one in self.statements),
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """What one statement gave."""

    command_id: CommandId
    delivery: Delivery
    affected: int | None
    received_bytes: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Answers:
    """What a call gave. `settled` is None for a call that wrote nothing."""

    statements: tuple[Answered, ...]
    remaining: Budgets
    expires_at_s: int
    settled: bool | None = None  # whether the record that the write was committed is durable

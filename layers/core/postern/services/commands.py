"""One call's statements as commands: each is on record under an id of its own, all of them run or none does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postern.audit import bodies
from postern.policy.bundle import PolicyBundle
from postern.ports import IdempotencyKey, Lookup, Parameter, Reservation
from postern.services.answers import Delivery
from postern.types import Budgets, CommandId, DatabaseAddress, Principal, Receipt
from postern.world.names import role_name


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


MAX_BYTES = 5_000_000  # of one answer


@dataclass(frozen=True, slots=True)
class Command:
    """One statement of a call; `key` is the digest key of its records."""

    id: CommandId
    call: StatementCall
    sequence: int
    key: bytes


@dataclass(slots=True)
class Unit:
    """A call that was admitted. `reservation` grows where its statements turn out to need more."""

    time_us: int
    principal: Principal
    held: IdempotencyKey | None  # the key that this call took and must close
    reservation: Reservation
    address: DatabaseAddress
    bundle: PolicyBundle
    commands: tuple[Command, ...]
    lookups_used: int = 0
    written: int = 0  # rows, by its statements and by what they set off

    @property
    def id(self) -> CommandId:
        """The first command's: it names the transaction, and stands for the call."""
        return self.commands[0].id

    @property
    def target(self) -> bodies.Body:
        return bodies.target_member(self.address, role_name(self.reservation.task.id))

    def place(self, command: Command) -> bodies.Body | None:
        """Where a command stands in its transaction; None where it is alone."""
        if len(self.commands) == 1:
            return None
        return {"id": self.id, "index": self.commands.index(command), "count": len(self.commands)}

    def numbered(self) -> Iterator[tuple[str, Command]]:
        """Each command with the words that lead an error about it."""
        for index, command in enumerate(self.commands):
            yield "" if len(self.commands) == 1 else f"statements[{index}]: ", command


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

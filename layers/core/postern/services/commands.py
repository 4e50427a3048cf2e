"""One call's statements as commands: each is on record under an id of its own, all of them run or none does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postern.audit import bodies
from postern.policy.bundle import PolicyBundle
from postern.ports import IdempotencyKey, Reservation
from postern.services.calls import StatementCall
from postern.types import CommandId, DatabaseAddress, Principal
from postern.world.names import role_name


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
    bundle: PolicyBundle
    commands: tuple[Command, ...]
    lookups_used: int = 0

    @property
    def id(self) -> CommandId:
        """The first command's: it names the transaction, and stands for the call."""
        return self.commands[0].id

    @property
    def address(self) -> DatabaseAddress:
        """Where the database is. Raises `PolicyUnavailable` where the policy does not know it any more."""
        return self.bundle.address(self.reservation.task.grant.database)

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

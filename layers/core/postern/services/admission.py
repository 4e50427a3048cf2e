"""Lets a call in: the evidence up to date, policy loaded, its place in the task's budgets taken, its commands named.

Meanwhile its statements are counted into their owner's minute, which costs a request beside the reservation's and no
wait of its own. Where the minute is full the reservation is given back. Nothing has run yet.
"""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass

from postern.errors import Conflict, StateUnavailable
from postern.policy.bundle import PolicyBundle
from postern.ports import Clock, Finished, IdempotencyKey, Identifiers, PolicySource, Reservation, TaskStore
from postern.rate_ports import Rate, Rates
from postern.services.calls import Call
from postern.services.commands import Command, Unit
from postern.services.gate import Gate
from postern.task_states import END
from postern.types import Budgets, CommandId, Principal, TaskId


@dataclass(frozen=True, slots=True)
class Admission:
    """Every statement of a call is reserved by one conditional write, or none is."""

    policy: PolicySource
    tasks: TaskStore
    rates: Rates
    identifiers: Identifiers
    clock: Clock
    gate: Gate
    threads: Executor

    def admit(self, principal: Principal, task_id: TaskId, call: Call) -> Unit | Finished:
        """The admitted call, or what an earlier one with its key wrote: that must not be written again.

        Raises what `Gate.check`, `TaskStore.reserve` and `Rates.take` raise.
        """
        self.gate.check()
        now_us = self.clock.now_us()
        bundle = self.policy.load()
        counting = self.threads.submit(
            self.rates.take,
            Rate.STATEMENTS,
            principal.owner,
            len(call.statements),
            limit=bundle.limits.of(principal).statements,
            now_s=now_us // 1_000_000,
        )
        try:
            unit = self._reserve(principal, task_id, call, bundle, now_us)
        finally:
            # Waited for whatever came of the reservation: nothing of a call goes on behind its answer.
            stopped = counting.exception()
        if stopped is not None:
            if isinstance(unit, Unit):
                self._give_back(unit)
            raise stopped
        return unit

    def _reserve(
        self, principal: Principal, task_id: TaskId, call: Call, bundle: PolicyBundle, now_us: int
    ) -> Unit | Finished:
        ids = [self.identifiers.command_id(now_us) for _ in call.statements]

        def take(key: IdempotencyKey | None) -> Reservation | Finished:
            return self.tasks.reserve(
                task_id,
                principal,
                now_s=now_us // 1_000_000,
                wanted=call.wanted,
                command_id=ids[0],
                idempotency=key,
            )

        held = call.idempotency
        taken = take(held)
        if isinstance(taken, Finished):
            if taken.answer.get("writes"):
                return taken
            # Rows are never stored: a finished read is run anew, as a command of its own that holds no key.
            held = None
            taken = take(held)
        if isinstance(taken, Finished):
            raise Conflict("idempotency.running", "the key's first call is not settled: ask again later")
        return Unit(
            now_us,
            principal,
            held,
            taken,
            bundle,
            self._commands(call, ids, taken),
        )

    def _give_back(self, unit: Unit) -> None:
        """Nothing of the call was used. Where the table is away it stays taken until the reaper gives it back."""
        with suppress(StateUnavailable):
            self.tasks.settle(unit.reservation, used=Budgets(), command_id=unit.id, idempotency=unit.held, answer=None)

    def check_policy(self, unit: Unit) -> None:
        """Ends a task that was decided under another policy. Raises `Conflict` (`task.policy_changed`)."""
        task = unit.reservation.task
        if task.grant.policy_digest != unit.bundle.digest:
            _ = unit.bundle.cedar  # a layer that is not whole ends no task: this raises `PolicyUnavailable` then
            self.tasks.move(task.id, END)
            raise Conflict(
                "task.policy_changed", "the policy changed since this task was opened, so it was ended: open a new one"
            )

    def _commands(self, call: Call, ids: list[CommandId], taken: Reservation) -> tuple[Command, ...]:
        first = taken.sequence - len(ids) + 1
        return tuple(
            Command(command_id, statement, first + index, self.identifiers.key())
            for index, (command_id, statement) in enumerate(zip(ids, call.statements, strict=True))
        )

"""A call's parameters as they are sent: values as they are, lookups as the tokens of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from postern.errors import BadRequest
from postern.guard.plan_text import plan_text
from postern.guard.scope import Scope
from postern.guard.verdict import Allowed, Refused, StatementKind
from postern.guard.write_back import objection_to_values
from postern.ports import Lookup, Parameter, Result, Sought, Tokens
from postern.services.calls import StatementCall
from postern.services.commands import Command, Unit
from postern.types import Task


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run: the guard's verdict, and its parameters as they are sent."""

    command: Command
    verdict: Allowed
    parameters: tuple[Parameter, ...]

    def named_as_asked(self, result: Result, scope: Scope) -> Result:
        """The result with the agent's own names in it: a plan speaks of the tables under the views."""
        if self.verdict.kind is not StatementKind.EXPLAIN:
            return result
        [lines] = result.values
        return replace(result, values=(list(plan_text([line or "" for line in lines], scope, self.verdict.relations)),))


def objection_to_parameters(verdict: Allowed, call: StatementCall, scope: Scope) -> Refused | None:
    """Why a write may not carry these values: one is what a mask gave, and would overwrite what it stands for."""
    if not verdict.writes:
        return None
    texts = [one.text if isinstance(one, Parameter) else None for one in call.parameters]
    objection = objection_to_values(texts, scope)
    if objection is None:
        return None
    return Refused(objection.code, objection.reason, None, verdict.fingerprint)


def send_parameters(unit: Unit, verdicts: Sequence[Allowed], tokens: Tokens) -> list[Checked]:
    """Each statement with its parameters. Raises what `Tokens.tokens` raises."""
    task = unit.reservation.task
    sought = [
        _sought(task, verdict, number, parameter)
        for command, verdict in zip(unit.commands, verdicts, strict=True)
        for number, parameter in enumerate(command.call.parameters, 1)
        if isinstance(parameter, Lookup)
    ]
    unit.lookups_used = len(sought)
    found = iter(tokens.tokens(task, unit.address, sought) if sought else ())
    return [
        Checked(
            command,
            verdict,
            tuple(Parameter(next(found)) if isinstance(one, Lookup) else one for one in command.call.parameters),
        )
        for command, verdict in zip(unit.commands, verdicts, strict=True)
    ]


def _sought(task: Task, verdict: Allowed, number: int, parameter: Lookup) -> Sought:
    kinds = {
        column.token_of
        for use in verdict.lookups
        if use.parameter == number
        for view in task.views
        if (view.schema, view.name) == (use.schema, use.table)
        for column in view.columns
        if column.name == use.column
    }
    if len(kinds) != 1 or None in kinds:
        raise BadRequest(
            "request.invalid",
            f"params[{number - 1}]: expected a lookup to be compared with columns of one type, got "
            f"{', '.join(sorted(str(kind) for kind in kinds)) or 'none'}; use a parameter for each",
        )
    [kind] = kinds
    return Sought(str(kind), parameter.value)

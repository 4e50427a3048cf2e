"""Which question notices a mutant: the first whose answer is another than the table's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .asking import ours
from .documents import ACCOUNT, Rights, Statement
from .mutations import Mutant, listed, mutants
from .rows import Row
from .tables import Question, question

Ask = Callable[[Rights, Sequence[str]], Iterator[Question]]  # the questions about an action, under these rights


@dataclass(frozen=True, slots=True)
class Noticed:
    """`by` is None where nothing notices."""

    mutant: Mutant
    by: Question | None


def of_identity(rights: Rights, table: Sequence[Row]) -> Iterator[Noticed]:
    """Every mutant of every statement of the roles' own policies that gives or takes anything."""
    by_action = _by_action(table)
    for statement in rights.statements:
        if statement.kind == "identity":
            for mutant in mutants(statement, _siblings(statement, by_action)):
                changed = rights.with_statement(statement, mutant.content)
                asked = [row for action in mutant.hints for row in by_action.get(action, ())]
                if mutant.adds and _gives_nothing(mutant, asked):
                    continue
                yield Noticed(mutant, first_wrong(question(row, statement.owner, changed) for row in asked))


def _gives_nothing(mutant: Mutant, asked: Sequence[Row]) -> bool:
    """Whether another statement of the role has the action there already, or it is none of such a resource."""
    owner = mutant.at.owner
    alone = Rights(
        {owner: {"alone": json.dumps({"Version": "2012-10-17", "Statement": [mutant.content]})}},
        {},
        {},
        {owner: f"arn:aws:iam::{ACCOUNT}:role/a"},
    )
    given = (row for row in asked if ours(question(row, owner, alone).case))
    return all(owner in row.may for row in given)


def first_wrong(questions: Iterable[Question]) -> Question | None:
    return next((one for one in questions if ours(one.case) is not one.expected), None)


def _by_action(table: Sequence[Row]) -> Mapping[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in table:
        rows[row.ask.action].append(row)
    return rows


def _siblings(statement: Statement, by_action: Mapping[str, object]) -> list[str]:
    services = {action.partition(":")[0] for action in listed(statement.content["Action"])} | {"iam"}
    return sorted(action for action in by_action if action.partition(":")[0] in services)


def of_walls(rights: Rights, questions: Sequence[Question]) -> Iterator[Noticed]:
    """Every mutant of every statement of a bucket's, key's or queue's policy and of the trust of roles."""
    for statement in rights.statements:
        if statement.kind == "identity":
            continue
        document = (rights.trust if statement.kind == "trust" else rights.resource)[statement.owner]
        here = [one for one in questions if one.case.resource == document]
        asked = sorted({one.case.ask.action for one in here})
        for mutant in mutants(statement, asked):
            changed = rights.with_statement(statement, mutant.content)
            now = (changed.trust if statement.kind == "trust" else changed.resource)[statement.owner]
            about = [one for one in here if one.case.ask.action in _reached(mutant, asked)]
            if mutant.adds and all(one.expected for one in about):
                continue
            yield Noticed(mutant, first_wrong(replace(one, case=replace(one.case, resource=now)) for one in about))


def _reached(mutant: Mutant, asked: Sequence[str]) -> set[str]:
    """The actions of questions that the mutant can change: a wildcard's stand for all that are asked."""
    return set(asked) if any("*" in hint for hint in mutant.hints) else set(mutant.hints)

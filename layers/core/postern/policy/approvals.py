"""`approvals.yaml`: how many people must approve a task. Cedar says who; this says how many.

    default: 1        # any task that policy does not approve by itself
    unmask: 2         # one that sees raw values of a class
    writes: 1         # one with a write action
    statements: 2     # run-once statements

A name that is left out takes the number above, or `default` where that is higher: raising `default` alone
never leaves a graver task with fewer approvers than a plain one.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.types import Grant
from postern.yaml_lines import Node, load_lines

# Zero would be an approval that nobody gives; that is what Cedar's `autoApprove` is for.
_LEAST = 1
_MOST = 10


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many distinct people must approve, by what a task asks for; each 1 to 10."""

    default: int = 1
    unmask: int = 2
    writes: int = 1
    statements: int = 2


def needed_approvals(approvals: Approvals, grant: Grant, statements: tuple[str, ...]) -> int:
    """How many different people must approve: the most that anything in it asks for."""
    numbers = [approvals.default]
    if raw_classes(grant):
        numbers.append(approvals.unmask)
    if grant.writes:
        numbers.append(approvals.writes)
    if statements:
        numbers.append(approvals.statements)
    return max(numbers)


def raw_classes(grant: Grant) -> tuple[str, ...]:
    """The classes whose values the grant shows raw, sorted: those that were asked for by `unmask`."""
    columns = (column for table in grant.tables for column in table.columns)
    return tuple(sorted({column.class_name for column in columns if column.class_name and column.mask is None}))


def parse_approvals(text: bytes, *, file: str) -> Approvals:
    """The file's numbers. Raises `PolicyFileError` naming file and line."""
    root = load_lines(text, file)
    root.only(Approvals.__dataclass_fields__)
    built_in = Approvals()
    default = _number(root, "default", built_in.default)
    return Approvals(
        default=default,
        unmask=_number(root, "unmask", max(default, built_in.unmask)),
        writes=_number(root, "writes", max(default, built_in.writes)),
        statements=_number(root, "statements", max(default, built_in.statements)),
    )


def _number(root: Node, name: str, absent: int) -> int:
    node = root.optional(name)
    return absent if node is None else node.integer(at_least=_LEAST, at_most=_MOST)

"""What each tool takes: the contract's own shapes, with the task and what else the API has in a path or a header."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from postern.edges import contract

# Exactly the form of a task's id: nothing else can become part of a path. `$` alone would let a line break pass.
TaskIdText = Annotated[
    str, Meta(pattern="^[0-9a-f]{32}$", min_length=32, max_length=32, description="as open_task gave it")
]
Key = Annotated[
    str,
    Meta(
        pattern="^[!-~]{1,100}$",
        max_length=100,
        description="names this write: sent again with the same key and the same arguments, it is not written again",
    ),
]
PAGE_ROWS = 200


class DescribeArguments(Struct, forbid_unknown_fields=True, frozen=True):
    """A task."""

    task_id: TaskIdText


class EndTaskArguments(Struct, forbid_unknown_fields=True, frozen=True):
    """A task."""

    task_id: TaskIdText


class TaskStatusArguments(Struct, forbid_unknown_fields=True, frozen=True):
    """A task, or none for all of yours."""

    task_id: TaskIdText | UnsetType = UNSET


class QueryArguments(contract.QueryBody, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One statement of a task. `params` are $1, $2, …: text of unknown type, null as NULL, arrays as arrays.

    `{"lookup": "pii.email", "value": "ann@example.com"}` is compared with a token column of that class.
    """

    task_id: TaskIdText
    max_rows: Annotated[
        int, Meta(ge=1, le=100_000, description="rows of this answer; those that come after it are the next page's")
    ] = PAGE_ROWS
    cursor: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="of the answer before, with the same sql and params: runs the statement again and gives"
                " the rows that come after",
            ),
        ]
        | UnsetType
    ) = UNSET
    idempotency_key: Key | UnsetType = UNSET


class TransactionArguments(contract.TransactionBody, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Statements of a task that all take effect or none does."""

    task_id: TaskIdText
    idempotency_key: Key | UnsetType = UNSET

"""The HTTP contract: the shapes of bodies and answers. What validates is what /openapi.json is generated from."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from postern.edges.review_contract import ApprovalsAnswer, ReviewBody
from postern.edges.run_contract import CheckedStatement, DryRunBody, RunBody, RunStatementBody
from postern.types import Action

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class AccessBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Actions on tables; without `columns`, all columns that the catalog lists."""

    tables: Annotated[list[Name], Meta(min_length=1, max_length=200, description="`orders` means the default schema's")]
    actions: Annotated[list[Action], Meta(min_length=1, max_length=4)]
    columns: Annotated[list[Name], Meta(min_length=1, max_length=1600)] | None = None


class OpenTaskBody(Struct, forbid_unknown_fields=True, frozen=True):
    """A request for a task: for `access` to tables, or for `statements` that run once as their owner; exactly one.

    With `statements` the budgets say nothing, and there is nothing to unmask or look up.
    """

    database: Name
    purpose: Annotated[str, Meta(min_length=1, max_length=2000, description="what the task is for; it is recorded")]
    access: Annotated[list[AccessBody], Meta(min_length=1, max_length=100)] | None = None
    statements: (
        Annotated[
            list[RunStatementBody],
            Meta(min_length=1, max_length=50, description="run once, in order, after people approved them"),
        ]
        | None
    ) = None
    ticket: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    unmask: Annotated[list[Name], Meta(max_length=100, description="classes to be seen raw")] = []
    lookup: Annotated[
        list[Name], Meta(max_length=100, description="classes whose tokens a value is compared with")
    ] = []
    ttl_s: Annotated[int, Meta(ge=60, le=28_800, description="seconds")] = 3600
    max_statements: Annotated[int, Meta(ge=1, le=100_000)] = 500
    max_rows: Annotated[int, Meta(ge=1, le=100_000_000)] = 1_000_000
    max_bytes: Annotated[int, Meta(ge=1, le=100_000_000_000, description="of answers")] = 1_000_000_000
    max_affected: Annotated[int, Meta(ge=1, le=100_000_000, description="rows written")] = 10_000
    max_values: Annotated[
        int, Meta(ge=1, le=100_000_000, description="tokens and raw values of classes, distinct in each answer")
    ] = 100_000
    max_lookups: Annotated[int, Meta(ge=1, le=100_000, description="values compared with tokens")] = 100

    def __post_init__(self) -> None:
        if (self.access is None) == (self.statements is None):
            raise ValueError("expected exactly one of `access` and `statements`")
        if self.statements is not None and (self.unmask or self.lookup):
            raise ValueError("expected neither `unmask` nor `lookup` beside `statements`")


class QueryBody(Struct, forbid_unknown_fields=True, frozen=True):
    """One statement. `params` are sent as text of unknown type: null as NULL, arrays as arrays, objects as json.

    `{"lookup": "pii.email", "value": "ann@example.com"}` is compared with a token column of that class.
    """

    sql: Annotated[str, Meta(min_length=1)]
    params: Annotated[list[Any], Meta(max_length=1000)] = []
    max_rows: Annotated[int, Meta(ge=1, le=100_000)] = 10_000


class TransactionBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Statements that all take effect or none does, in one transaction."""

    statements: Annotated[list[QueryBody], Meta(min_length=1, max_length=50)]


class ScopeColumn(Struct, frozen=True, rename={"class_name": "class"}):
    """A column that the task can see; `class` is `open` or the catalog's class, `mask` null where it is seen raw.

    `insert` and `update` say whether the task may give it a value.
    """

    name: str
    type: str | None
    class_name: str
    mask: str | None
    insert: bool
    update: bool


class ScopeTable(Struct, frozen=True):
    """A table that the task can see."""

    table: str
    actions: list[Action]
    columns: list[ScopeColumn]
    row_filter: str | None


class BudgetsAnswer(Struct, frozen=True):
    """What is left, with what running statements reserved taken off."""

    statements: int
    rows: int
    bytes: int
    affected: int
    values: int
    lookups: int


class TaskAnswer(Struct, frozen=True):
    """A task as its principal sees it. `expires_at` is the end of its wait, of its building, or of its life."""

    task_id: str
    state: str
    database: str
    purpose: str
    ticket: str | None
    created_at: str
    expires_at: str
    scope: list[ScopeTable]
    lookup: list[str]
    budgets: BudgetsAnswer
    worlds: int = 0  # that it had so far: with each, the tokens of masked values are others
    ttl_s: int | None = None  # from its activation on
    scope_digest: str | None = None  # of all that an approval binds
    approvals: ApprovalsAnswer | None = None  # where people must approve it
    review: ReviewBody | None = None  # for who may approve it
    statements: list[CheckedStatement] | None = None  # where they run once; then there is no scope
    run: RunBody | None = None  # of these statements, once it began
    dry_runs: list[DryRunBody] = []


class TasksAnswer(Struct, frozen=True):
    """The principal's tasks, newest first, or with `state=pending_approval` those it may approve, the oldest first.

    At most 100.
    """

    tasks: list[TaskAnswer]


class SchemaTable(Struct, frozen=True):
    """A table as the task's schema holds it; `key` is its primary key, empty where the task cannot see all of it."""

    table: str
    key: list[str]
    columns: list[ScopeColumn]


class SchemaAnswer(Struct, frozen=True):
    """What a statement of this task can name."""

    database: str
    tables: list[SchemaTable]


class AnswerColumnBody(Struct, frozen=True):
    """`mask` is null where the values are the database's own, or were computed (then from masked values)."""

    name: str
    type: str
    mask: str | None


class MaskedBody(Struct, frozen=True):
    """How often a mask stands in a column of this answer."""

    column: str
    mask: str
    count: int


class RemainingBody(BudgetsAnswer, frozen=True, kw_only=True):
    """What is left of the task."""

    seconds: int


class ReceiptBody(Struct, frozen=True):
    """Where the records are found again; `digest_key` opens the keyed digests in them (HMAC-SHA-256, base64)."""

    intent_sha256: str
    outcome_sha256: str | None
    log: str
    digest_key: str | None
    settled_sha256: str | None = None


class StatementAnswer(Struct, frozen=True):
    """What one statement gave. `rows` holds one array a row; columns may share a name."""

    command_id: str
    columns: list[AnswerColumnBody]
    rows: list[list[Any]] | msgspec.Raw
    row_count: int
    affected: int | None
    truncated: bool
    masked: list[MaskedBody]
    receipt: ReceiptBody


class QueryAnswer(StatementAnswer, frozen=True, kw_only=True):
    """The answer to a statement; the last members as in `TransactionAnswer`."""

    remaining: RemainingBody | None
    settled: bool | None = None
    replayed: bool = False


class TransactionAnswer(Struct, frozen=True, kw_only=True):
    """The answer to a transaction, in the order of its statements.

    `settled` is null where nothing was written, and false where the record of its commit is missing still.
    `replayed`: an earlier call with this Idempotency-Key wrote this. Rows, columns and masks are not kept: `truncated`
    then says that there were rows; counts and receipt are as recorded.
    """

    statements: list[StatementAnswer]
    remaining: RemainingBody | None
    settled: bool | None = None
    replayed: bool = False


class RefusalBody(Struct, frozen=True):
    """One part of a request that was refused."""

    what: str
    code: str
    reason: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    command_id: str | None = None
    refusals: list[RefusalBody] | None = None
    sqlstate: str | None = None
    position: int | None = None


class GatewayProblem(Struct, frozen=True, omit_defaults=True):
    """What the gateway says by itself; without `status` where it says the same with several."""

    type: str
    title: str
    code: str
    detail: str
    request_id: str
    status: int | None = None


class Health(Struct, frozen=True):
    """The gate answers."""

    status: Literal["ok"]


# Numbers keep every digit that was sent: a parameter 1.10 reaches the database as 1.10.
OPEN_TASK = msgspec.json.Decoder(OpenTaskBody)
TRANSACTION = msgspec.json.Decoder(TransactionBody, float_hook=Decimal)
QUERY = msgspec.json.Decoder(QueryBody, float_hook=Decimal)

"""The nouns that more than one package speaks of, frozen and checked once when they are made.

Ids are `NewType`s so that one cannot stand where another is meant. Times are integers: `_s` is
seconds, `_us` is microseconds, both since the Unix epoch in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import add, attrgetter, sub
from typing import NewType

TaskId = NewType("TaskId", str)  # 32 lower-case hex digits, a UUIDv7: its role is task_<id>
CommandId = NewType("CommandId", str)  # a UUIDv7 in its dashed form
DatabaseName = NewType("DatabaseName", str)  # the catalog's name of a database
Sha256Hex = NewType("Sha256Hex", str)  # 64 lower-case hex digits


class Secret:
    """Holds a value that must never be printed: `repr` and `str` are redacted, `reveal` is the one way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a verified token says is calling. Exists only after the token held and its issuer's rules admitted it."""

    issuer: str  # the name in issuers.yaml
    issuer_url: str  # the token's `iss`
    subject: str  # the token's `sub`; `act.sub`, who acts, where the token has an `act` (RFC 8693)
    token_sha256: Sha256Hex  # of the `jti` where there is one, of the token otherwise
    expires_at_s: int  # the token's `exp` and the issuer's leeway: from then on it is refused
    attributes: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()  # sorted
    on_behalf_of: str | None = None  # the person, by the issuer's name for them: an agent acts when it is set

    @property
    def id(self) -> str:
        """`<issuer name>|<sub>`: the name that policy and records use."""
        return f"{self.issuer}|{self.subject}"

    @property
    def owner(self) -> str:
        """Who owns what this principal opens: the agent for exactly this person, if it acts for one.

        The length in front keeps two different pairs from having one text.
        """
        return f"{len(self.id)}:{self.id}:{self.on_behalf_of or ''}"


class Action(StrEnum):
    """What a task may do to a table."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def writes(self) -> bool:
        return self is not Action.SELECT


class MaskKind(StrEnum):
    """How a masked column's value is replaced, inside the database."""

    REDACT = "redact"
    NULL = "null"
    EMAIL = "email"
    PARTIAL = "partial"
    YEAR = "year"
    MONTH = "month"
    RANGE = "range"
    TOKEN = "token"
    SCRUB = "scrub"
    SQL = "sql"


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask with its parameters; which are set depends on the kind and was checked when the catalog was loaded."""

    kind: MaskKind
    keep_first: int | None = None  # partial, characters
    keep_last: int | None = None  # partial, characters
    width: int | None = None  # range
    expression: str | None = None  # sql
    type: str | None = None  # sql


@dataclass(frozen=True, slots=True)
class GrantedColumn:
    """A column that a task can see. `mask` is None where it is seen raw: declared open, or unmasked by policy."""

    name: str
    class_name: str | None  # None: declared `open`
    mask: Mask | None
    type: str | None = None  # as the catalog declares it; the live column must then have it


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A catalog's row filter with the principal's attribute values it needs, by parameter name without the colon."""

    expression: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GrantedTable:
    """A table, the actions on it, and exactly the columns that its view will have, in catalog order."""

    schema: str
    name: str
    view: str  # the view's name inside the task's schema: see `world.names.view_name`
    actions: tuple[Action, ...]  # sorted
    columns: tuple[GrantedColumn, ...]
    row_filter: RowFilter | None = None
    triggers: tuple[str, ...] = ()  # that the catalog lists as reviewed: a write may fire these and no others
    cascades: tuple[str, ...] = ()  # tables, qualified, into which the catalog lets a foreign key's action reach

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Grant:
    """The result of policy over a request: what a task's world will hold, and nothing else."""

    database: DatabaseName
    schema_default: str
    tables: tuple[GrantedTable, ...]
    functions: tuple[str, ...]  # the catalog's own functions an agent may call
    policy_digest: Sha256Hex
    lookups: tuple[str, ...] = ()  # classes whose token columns may be compared with a value: see `guard`
    detectors: tuple[str, ...] | None = None  # kinds that look over what is delivered; None: those on by default
    owner_role: str | None = None  # as which statements that run once run; None for a task with views

    @property
    def writes(self) -> bool:
        return any(action.writes for table in self.tables for action in table.actions)


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a built view as the database describes it; `type` is PostgreSQL's own name of the type."""

    name: str
    type: str
    class_name: str | None
    mask: MaskKind | None
    token_of: str | None = None  # for a token: `ColumnType.base` of what it stands for, by which a lookup reads a value
    is_insertable: bool = False  # an INSERT of the task may give it a value
    is_updatable: bool = False  # an UPDATE of the task may
    own_type: str | None = None  # the application's enum type of the column, as a statement may cast to it


@dataclass(frozen=True, slots=True)
class View:
    """A built view: what the agent calls it, and its columns."""

    schema: str
    name: str
    view: str
    columns: tuple[ViewColumn, ...]  # in the view's own order: the n-th has attribute number n
    oid: int = 0  # the view's, by which a result column is traced back to it
    key: tuple[str, ...] = ()  # the table's primary key; empty where it has none or hides a part of it
    relkind: str = "r"  # of what it stands over, as pg_class has it
    has_heirs: bool = False  # other tables inherit from the table, partitions too: the view shows their rows as well

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"


class TaskState(StrEnum):
    """Where a task is. Legal moves are in `task_states.py`."""

    PENDING_APPROVAL = "pending_approval"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    SUSPENDING = "suspending"  # its database is held: its world is being dropped
    SUSPENDED = "suspended"  # its world is dropped, and built again once the database is released
    ENDING = "ending"
    ENDED = "ended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DENIED = "denied"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({TaskState.ENDED, TaskState.EXPIRED, TaskState.REVOKED, TaskState.DENIED, TaskState.FAILED})


@dataclass(frozen=True, slots=True)
class Budgets:
    """Amounts of what a task may use: what is left of each, what one call takes, or what it used.

    What a running statement reserved is already taken off what is left.
    """

    statements: int = 0
    rows: int = 0  # delivered
    bytes: int = 0  # of answers
    affected: int = 0  # rows written
    values: int = 0  # distinct sensitive values in an answer: tokens, and what an `unmask` shows
    lookups: int = 0  # values compared with tokens


AMOUNTS = tuple(each.name for each in fields(Budgets))
_amounts = attrgetter(*AMOUNTS)  # asked several times a statement, for which `astuple` and `asdict` copy too deeply


def plus(one: Budgets, other: Budgets) -> Budgets:
    """Both amounts together."""
    return Budgets(*map(add, _amounts(one), _amounts(other)))


def minus(one: Budgets, other: Budgets) -> Budgets:
    """What remains of `one` without `other`."""
    return Budgets(*map(sub, _amounts(one), _amounts(other)))


def amounts(budgets: Budgets) -> dict[str, int]:
    """Each amount by its name, in their order."""
    return dict(zip(AMOUNTS, _amounts(budgets), strict=True))


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of access: who, why, to what, until when, with which budgets."""

    id: TaskId
    state: TaskState
    principal: Principal
    purpose: str
    ticket: str | None
    grant: Grant
    created_at_s: int
    expires_at_s: int
    budgets: Budgets
    sequence: int = 0  # of the last statement that took a number
    views: tuple[View, ...] = ()  # set when the world stands
    ends_as: TaskState | None = None  # while `ending`: the final state it is on its way to
    server_major: int = 0  # of the PostgreSQL server that holds the world; 0 until it stands
    teardowns: int = 0  # that the timer has begun: each puts the next one off for longer
    worlds: int = 0  # that stood so far: after a hold of its database a task gets another
    address: DatabaseAddress | None = None  # where its world is, or is to be; see `services/remove_world.py`
    ttl_s: int = 0  # from its activation on, which sets `expires_at_s`; before, that is the end of the wait for it
    scope_digest: Sha256Hex | None = None  # of all that an approval binds: see `policy.scope_digest`
    scope_salt: str = ""  # random, and part of what is digested: no record holds it
    approvals_needed: int = 0  # by different people; 0 where policy approves by itself
    statements: tuple[str, ...] = ()  # that run once, in order; then the grant has no tables

    @property
    def runs_once(self) -> bool:
        return bool(self.statements)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a caller keeps to find a record again and to check what it was delivered."""

    intent_sha256: Sha256Hex
    outcome_sha256: Sha256Hex | None
    log: str
    digest_key: str | None = None  # base64; the key of the answer's and the parameters' HMAC-SHA-256 digests
    settled_sha256: Sha256Hex | None = None  # of the record that a write was committed


class StatementText(StrEnum):
    """How much of a statement's text a record shows."""

    FULL = "full"
    NORMALIZED = "normalized"  # literals replaced
    SEALED = "sealed"  # literals encrypted under a key that can be destroyed


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of one task's own, under which the texts of its statements are sealed."""

    id: str  # 32 lower-case hex digits
    key: bytes = field(repr=False)  # 32 bytes


@dataclass(frozen=True, slots=True)
class Erasure:
    """The destruction of a task's data keys: since when, for whom, and why."""

    at_us: int
    by: str  # as who asked said
    reason: str
    key_ids: tuple[str, ...] = ()  # that were there; known once they are deleted
    event_id: CommandId | None = None  # None until it is on record


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is and how its certificate is checked; from databases.yaml."""

    name: DatabaseName
    host: str
    port: int
    dbname: str
    resource_id: str  # RDS DbiResourceId or cluster resource id: the middle of the rds-db ARN
    region: str
    ca: str  # path of a PEM bundle
    dry_run_database: DatabaseName | None = None  # where statements that run once are tried; None: in this one

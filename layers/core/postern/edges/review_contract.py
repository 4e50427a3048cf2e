"""The shapes of an approval: what an approver sees, and what an approver says."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Sha256Text = Annotated[str, Meta(min_length=64, max_length=64, pattern="^[0-9a-f]{64}$")]


class ApprovalBody(Struct, forbid_unknown_fields=True, frozen=True):
    """An approver's word. With `scope_digest` it is about exactly what was looked at."""

    decision: Literal["approve", "deny"]
    comment: Annotated[str, Meta(max_length=2000, pattern=r"\S", description="why; it is recorded")]
    scope_digest: Sha256Text | None = None


class ApprovalsAnswer(Struct, frozen=True):
    """How many approvals a task needs and has."""

    needed: int
    given: int


class RequesterBody(Struct, frozen=True):
    """Who asks, as the token said, and the person it acts for."""

    id: str
    issuer: str
    issuer_url: str
    subject: str
    on_behalf_of: str | None
    attributes: dict[str, str]


class ReviewColumn(Struct, frozen=True, rename={"class_name": "class"}):
    """A column that would be seen: `mask` with its parameters, null where it is seen raw; no `class` is open."""

    name: str
    class_name: str | None
    mask: dict[str, str | int] | None


class ReviewTable(Struct, frozen=True):
    """A table that would be reached. `estimated_rows` is the database's own estimate, null where it has none."""

    table: str
    actions: list[str]
    columns: list[ReviewColumn]
    row_filter: str | None
    row_filter_values: dict[str, str]
    triggers: list[str]
    cascades: list[str]
    estimated_rows: int | None


class WordBody(Struct, frozen=True):
    """What an approver said; `event_id` names its record."""

    approver: str
    at: str
    comment: str
    event_id: str


class ReviewBody(Struct, frozen=True):
    """What an approval binds, and what others said. `attention`: raw values, writes and statements, in words."""

    attention: list[str]
    requester: RequesterBody
    tables: list[ReviewTable]
    functions: list[str]
    lookup: list[str]
    statements: list[str]
    ttl_s: int
    wait_ends_at: str
    scope_digest: str
    given: list[WordBody]
    denied: WordBody | None
    approved_by_you: bool


APPROVAL = msgspec.json.Decoder(ApprovalBody)

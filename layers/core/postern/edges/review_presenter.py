"""A task as its approvers see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from postern.approvals import Approval, Review
from postern.edges import review_contract as shapes
from postern.policy.approvals import raw_classes
from postern.types import GrantedTable, Mask, Principal, Task


def review_body(review: Review, principal: Principal) -> shapes.ReviewBody:
    task, approvals = review.task, review.approvals
    return shapes.ReviewBody(
        attention=list(attention(task)),
        requester=_requester(task.principal),
        tables=[_table(table, review.estimates.get(table.qualified)) for table in task.grant.tables],
        functions=list(task.grant.functions),
        lookup=list(task.grant.lookups),
        statements=list(task.statements),
        ttl_s=task.ttl_s,
        wait_ends_at=_instant(task.expires_at_s),
        scope_digest=approvals.digest,
        given=[_word(one) for one in approvals.given],
        denied=None if approvals.denied is None else _word(approvals.denied),
        approved_by_you=any(one.approver == principal.id for one in approvals.given),
    )


def attention(task: Task) -> Iterable[str]:
    """What an approver should look at first, the gravest first."""
    if task.statements:
        yield f"runs {len(task.statements)} statements once, as the owner of the tables: no mask stands before them"
    for name in raw_classes(task.grant):
        yield f"shows raw values of {name}"
    for table in task.grant.tables:
        writes = [action.value for action in table.actions if action.writes]
        if writes:
            yield f"writes {table.qualified}: {', '.join(writes)}"
    for name in task.grant.lookups:
        yield f"compares given values with those of {name}"


def _requester(principal: Principal) -> shapes.RequesterBody:
    return shapes.RequesterBody(
        id=principal.id,
        issuer=principal.issuer,
        issuer_url=principal.issuer_url,
        subject=principal.subject,
        on_behalf_of=principal.on_behalf_of,
        attributes=dict(principal.attributes),
    )


def _table(table: GrantedTable, rows: int | None) -> shapes.ReviewTable:
    return shapes.ReviewTable(
        table=table.qualified,
        actions=[action.value for action in table.actions],
        columns=[shapes.ReviewColumn(one.name, one.class_name, _mask(one.mask)) for one in table.columns],
        row_filter=None if table.row_filter is None else table.row_filter.expression,
        row_filter_values={} if table.row_filter is None else dict(table.row_filter.parameters),
        triggers=list(table.triggers),
        cascades=list(table.cascades),
        estimated_rows=rows,
    )


def _mask(mask: Mask | None) -> dict[str, str | int] | None:
    """The mask's kind and those parameters that it has."""
    return None if mask is None else {name: value for name, value in asdict(mask).items() if value is not None}


def _word(one: Approval) -> shapes.WordBody:
    return shapes.WordBody(one.approver, _instant(one.at_s), one.comment, one.event_id)


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The full request as its approver must see it: everything that the approval binds, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator

from postern.edges.contract import TaskAnswer
from postern.edges.review_contract import RequesterBody, ReviewBody, ReviewColumn, ReviewTable, WordBody
from postern_cli.tasks.view import print_fields, print_quoted, print_statements


def print_review(task: TaskAnswer, review: ReviewBody) -> None:
    """What is asked, by whom, of what; and what others said of it."""
    for line in review.attention:
        print_fields([("attention", line)])
    print_fields(list(_request(task, review)))
    print_fields(list(_requester(review.requester)))
    for table in review.tables:
        print_fields(list(_table(table)))
    if task.statements:
        print_statements(task.statements)
    else:
        for number, sql in enumerate(review.statements, 1):
            print_fields([(f"statement {number}", "")])
            print_quoted(sql)
    print_fields([("digest", review.scope_digest)])
    for word in review.given:
        print_fields([("approved by", _word(word))])
    if review.denied is not None:
        print_fields([("denied by", _word(review.denied))])


def _request(task: TaskAnswer, review: ReviewBody) -> Iterator[tuple[str, str]]:
    yield "task", task.task_id
    yield "state", f"{task.state}; it waits until {review.wait_ends_at}"
    yield "database", task.database
    yield "purpose", task.purpose
    yield "ticket", task.ticket or "-"
    yield "for", f"{review.ttl_s:,} s from its activation on"
    if task.approvals is not None:
        yield "approvals", f"{task.approvals.given} of {task.approvals.needed}"
    budgets = task.budgets
    yield (
        "budgets",
        f"{budgets.statements:,} statements, {budgets.rows:,} rows, {budgets.bytes:,} bytes, "
        f"{budgets.affected:,} rows written, {budgets.values:,} sensitive values, {budgets.lookups:,} lookups",
    )
    if review.lookup:
        yield "lookup", ", ".join(review.lookup)
    if review.functions:
        yield "functions", ", ".join(review.functions)


def _requester(who: RequesterBody) -> Iterator[tuple[str, str]]:
    yield "asked by", who.id
    if who.on_behalf_of is not None:
        yield "on behalf of", who.on_behalf_of
    yield "issuer", who.issuer_url
    for name, value in sorted(who.attributes.items()):
        yield "  attribute", f"{name} = {value}"


def _table(table: ReviewTable) -> Iterator[tuple[str, str]]:
    rows = "unknown" if table.estimated_rows is None else f"about {table.estimated_rows:,}"
    yield "table", f"{table.table}: {', '.join(table.actions)}; {rows} rows"
    for column in table.columns:
        yield "  column", f"{column.name}: {_column(column)}"
    if table.row_filter is not None:
        yield "  rows where", table.row_filter
        for name, value in sorted(table.row_filter_values.items()):
            yield "", f"{name} = {value}"
    for trigger in table.triggers:
        yield "  trigger", trigger
    for cascade in table.cascades:
        yield "  cascade", cascade


def _column(column: ReviewColumn) -> str:
    if column.mask is None:
        return "open" if column.class_name is None else f"{column.class_name}, RAW"
    parameters = ", ".join(f"{name} {value}" for name, value in column.mask.items() if name != "kind")
    kind = str(column.mask.get("kind", "masked"))
    return f"{column.class_name or 'open'}, masked: {kind}{f' ({parameters})' if parameters else ''}"


def _word(word: WordBody) -> str:
    return f"{word.approver} at {word.at}: {word.comment}"

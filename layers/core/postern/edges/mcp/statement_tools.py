"""The tools that carry SQL: query, page by page where it reads, and transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.edges.mcp import paging, rows_text
from postern.edges.mcp.api import ApiAnswer
from postern.edges.mcp.arguments import QueryArguments, TransactionArguments
from postern.edges.mcp.expected import Queried, Transacted, expect
from postern.edges.mcp.jsonrpc import encode
from postern.edges.mcp.problems import problem_answer
from postern.edges.mcp.results import UNTRUSTED
from postern.edges.mcp.task_tools import Surroundings
from postern.edges.mcp.tool_answer import ToolAnswer
from postern.errors import BadRequest

_DONE = "Go on. Call end_task as soon as the work is done."
_NO_FURTHER = "No page goes further, since one answer cannot hold more. Page by a key: WHERE key > <last> ORDER BY key."


def query(asked: QueryArguments, here: Surroundings) -> ToolAnswer:
    digest = paging.digest([asked.task_id, asked.sql, asked.params])
    cursor = None if asked.cursor is msgspec.UNSET else paging.parse_cursor(asked.cursor, digest)
    if cursor is not None and asked.idempotency_key is not msgspec.UNSET:
        raise BadRequest("request.invalid", "idempotency_key: expected none beside cursor: only a read has pages")
    skipped = 0 if cursor is None else cursor.offset
    wanted = skipped + asked.max_rows
    if wanted > paging.MAX_ROWS:
        raise BadRequest(
            "request.invalid",
            f"max_rows: expected at most {paging.MAX_ROWS - skipped} behind this cursor, got {asked.max_rows}: page"
            " by a key in the statement itself",
        )
    body = encode({"sql": asked.sql, "params": asked.params, "max_rows": wanted})
    answer = here.api.call("POST", f"/v1/tasks/{asked.task_id}/query", body, idempotency_key=_key(asked))
    if answer.is_problem:
        return problem_answer(answer, asked.sql)
    expect(answer, Queried)
    return _page(answer, cursor, digest, here)


def _page(answer: ApiAnswer, cursor: paging.Cursor | None, digest: bytes, here: Surroundings) -> ToolAnswer:
    every, is_read = answer.body["rows"], _is_read(answer.body)
    # What wrote is told as it is, whatever cursor came with it: refusing its page would hide that it wrote.
    rows = paging.rows_after(cursor, every) if cursor is not None and is_read else every
    skipped = len(every) - len(rows)
    page = {**answer.body, "rows": rows, "row_count": answer.body["row_count"] - skipped}
    text, shown = rows_text.statement_text(page, here.draw, skipped=skipped)
    is_more = is_read and answer.body["truncated"]
    goes_on = is_more and rows and len(every) < paging.MAX_ROWS
    next_cursor = paging.cursor_after(every, digest) if goes_on else None
    next_step = _more(next_cursor) if next_cursor else _NO_FURTHER if is_more else _DONE
    told = {
        **page,
        "rows_are": UNTRUSTED,
        "page": {"skipped": skipped, "next_cursor": next_cursor},
        "next": next_step,
        "retry_after_s": None,
    }
    # The text may hold fewer rows than were delivered: it goes on where it ends.
    is_cut = is_read and 0 < shown < len(rows)
    told_in_text = _more(paging.cursor_after(every[: skipped + shown], digest)) if is_cut else next_step
    words = [text, rows_text.closing_text(answer.body), f"Next: {told_in_text}"]
    return ToolAnswer("\n".join(filter(None, words)), told)


def _more(cursor: str) -> str:
    return (
        f'For the rows after these: the same task_id, sql, params with cursor "{cursor}". It runs the statement again,'
        " which takes a statement and all rows up to there from the budgets; WHERE key > <last> takes only its own."
    )


def _is_read(answer: Mapping[str, Any]) -> bool:
    """What wrote, or stands on record as written, is not run a second time for a page."""
    return answer["affected"] is None and answer.get("settled") is None and not answer.get("replayed")


def transaction(asked: TransactionArguments, here: Surroundings) -> ToolAnswer:
    statements = [{"sql": one.sql, "params": one.params, "max_rows": one.max_rows} for one in asked.statements]
    path = f"/v1/tasks/{asked.task_id}/transaction"
    answer = here.api.call("POST", path, encode({"statements": statements}), idempotency_key=_key(asked))
    if answer.is_problem:
        return problem_answer(answer)
    expect(answer, Transacted)
    told = {**answer.body, "rows_are": UNTRUSTED, "next": _DONE, "retry_after_s": None}
    words = [rows_text.statements_text(answer.body["statements"], here.draw), rows_text.closing_text(answer.body)]
    return ToolAnswer("\n".join(words), told)


def _key(asked: QueryArguments | TransactionArguments) -> str | None:
    return None if asked.idempotency_key is msgspec.UNSET else asked.idempotency_key

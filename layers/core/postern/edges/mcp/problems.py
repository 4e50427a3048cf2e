"""A problem of the API, or an error of ours, as a tool's answer: what it means, what to do next and what not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.edges import http
from postern.edges.mcp.api import ApiAnswer
from postern.edges.mcp.caret import caret_line
from postern.edges.mcp.guidance import guidance
from postern.edges.mcp.printable import printable
from postern.edges.mcp.tool_answer import ToolAnswer
from postern.errors import CODES, PosternError

_MAX_DETAIL = 1_000
_MAX_REFUSALS = 50  # named in the text; all are in the structured content
_UNNAMED = "internal"


def problem_answer(answer: ApiAnswer, sql: str | None = None) -> ToolAnswer:
    """`sql` is the statement that a position is in."""
    body, code = answer.body, _text(answer.body, "code") or _UNNAMED
    detail = _text(body, "detail")
    advice = guidance(code, detail)
    wait_s = answer.retry_after_s if answer.retry_after_s is not None else advice.wait_s
    structured = {
        "type": _text(body, "type") or f"urn:postern:error:{code}",
        "title": _text(body, "title") or "Error",
        "status": answer.status,
        "code": code,
        "detail": detail,
        **{
            name: body[name]
            for name in ("command_id", "refusals", "sqlstate", "position", "request_id")
            if name in body
        },
        "means": CODES.get(code, "An error that this version does not know."),
        "next": advice.next,
        "do_not": advice.do_not,
        "retry_after_s": wait_s,
    }
    return ToolAnswer("\n".join(_lines(structured, sql)), structured, code)


def error_answer(error: PosternError) -> ToolAnswer:
    """An error raised here, as if the API had told it."""
    told = http.problem(error)
    wait = told["headers"].get("Retry-After")
    return problem_answer(
        ApiAnswer(told["statusCode"], msgspec.json.decode(told["body"]), None if wait is None else int(wait))
    )


def _lines(told: Mapping[str, Any], sql: str | None) -> list[str]:
    lines = [f"Not done: {told['code']}. {told['means']}", printable(told["detail"], at_most=_MAX_DETAIL)]
    lines += [
        f"- {printable(str(one.get('what')), at_most=200)}: {printable(str(one.get('code')), at_most=50)}:"
        f" {printable(str(one.get('reason')), at_most=300)}"
        for one in (told.get("refusals") or [])[:_MAX_REFUSALS]
    ]
    if "sqlstate" in told:
        lines.append(f"SQLSTATE {printable(str(told['sqlstate']), at_most=10)}")
    position = told.get("position")
    place = caret_line(sql, position) if sql is not None and isinstance(position, int) else None
    if place is not None:
        lines.append(f"At character {position}:\n{place}")
    lines += [f"Next: {told['next']}", f"{told['do_not']}"]
    if told["retry_after_s"] is not None:
        lines.append(f"Wait at least {told['retry_after_s']} s before you ask again.")
    if "command_id" in told:
        lines.append(f"On record as command {printable(str(told['command_id']), at_most=100)}.")
    return lines


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""

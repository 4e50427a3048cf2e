"""A statement as a Datastore Activity: its intent, joined with what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from postern_cli.evidence.held import Command, Held
from postern_cli.evidence.members import Members
from postern_cli.evidence.record_text import maybe_shown, shown
from postern_cli.ocsf.endings import FAILURE, Ending, ending_of
from postern_cli.ocsf.kinds import MAPPED
from postern_cli.ocsf.parts import INFORMATIONAL, LOW, actor, asked, endpoint, envelope, source, traced

Json = dict[str, Any]
ClassOf = Callable[[str, str], str | None]  # of a task's column
_WRITE = 5
_MAX_RELATIONS = 200  # of one statement that are named
_NO_TEXT = "[no text on record: the statement does not parse, and its mode keeps no literals]"
_RELATIONAL = 1
_TABLE, _DATABASE = 3, 1


def statement_event(command: Command, class_of: ClassOf) -> Json:
    """The event. Its activity is Write where the decision says that it writes, Query else, Unknown where refused."""
    first, ending = command.first, ending_of(command)
    members, target = first.members, first.members.inside("target")
    decision, outcome = members.inside("decision"), _members(command.outcome)
    activity_id, activity = _activity(command, ending)
    relations = [shown(one) for one in decision.texts("relations")[:_MAX_RELATIONS]]
    database, reason = maybe_shown(target.text("database")), maybe_shown(decision.text("reason"))
    error = None if outcome is None else maybe_shown(outcome.text("error"))
    code = maybe_shown(decision.text("code"))
    return {
        **envelope(command, ending, LOW if ending.status_id == FAILURE else INFORMATIONAL, activity_id, activity),
        "duration": None if outcome is None else outcome.number("duration_ms"),
        "status_code": code or error or shown(ending.result),
        "status_detail": reason or error,
        "message": f"{first.kind} on {database or 'a database'}: {shown(ending.result)}{f', {code}' if code else ''}",
        "actor": actor(first),
        "src_endpoint": source(first),
        "dst_endpoint": endpoint(target),
        "database": {
            "type_id": _RELATIONAL,
            "type": "Relational",
            "name": database or "unknown",
            "uid": maybe_shown(target.text("resource_id")),
        },
        "table": {"name": relations[0]} if len(relations) == 1 else None,
        "type_id": _TABLE if len(relations) == 1 else _DATABASE,
        "query_info": {"query_string": _text(members.inside("statement")), "uid": first.id},
        "unmapped": {
            **traced(command, ending),
            **asked(members.inside("task")),
            "code": code,
            "reason": reason,
            **_statement(members, relations),
            **_answer(command, outcome, class_of),
        },
    }


def _members(held: Held | None) -> Members | None:
    return None if held is None else held.members


def _activity(command: Command, ending: Ending) -> tuple[int, str]:
    mapped = MAPPED[command.first.type.value, command.first.kind]
    decision = command.first.members.inside("decision")
    activity_id = mapped.activity_id
    if mapped.activity_name is None and ending.result == "refused":
        activity_id = 0  # a refused statement's record does not say what it would have done
    elif mapped.activity_name is None and decision.flag("writes"):
        activity_id = _WRITE
    return activity_id, mapped.activity_name or mapped.event_class.activities[activity_id]


def _text(statement: Members) -> str:
    """What was asked. A text in a blob is read as far as an event shows it."""
    held = statement.value.get("text")
    if isinstance(held, dict) and held.keys() == {"blob", "sha256", "bytes"}:
        read = statement.blob(held["blob"], held["sha256"], held["bytes"])
        return shown(read) if isinstance(read, str) else shown(statement.text("text") or _NO_TEXT)
    text = statement.text("text")
    return _NO_TEXT if text is None else shown(text)


def _statement(members: Members, relations: list[str]) -> Json:
    statement, transaction = members.inside("statement"), members.inside("transaction")
    lookups = [shown(class_) for one in statement.objects("lookups") if (class_ := one.text("class")) is not None]
    return {
        "sequence": members.inside("task").number("sequence"),
        "relations": relations or None,
        "writes": members.inside("decision").flag("writes"),
        "mode": maybe_shown(statement.text("mode") or "full"),
        "statement_sha256": maybe_shown(statement.text("sha256")),
        "statement_hmac_sha256": maybe_shown(statement.text("hmac_sha256")),
        "fingerprint": maybe_shown(statement.text("fingerprint")),
        "parameters": statement.inside("parameters").number("count"),
        "lookups": lookups or None,
        "transaction": maybe_shown(transaction.text("id")),
        "transaction_index": transaction.number("index"),
        "transaction_count": transaction.number("count"),
    }


def _answer(command: Command, outcome: Members | None, class_of: ClassOf) -> Json:
    """Counts of the answer. No record holds anything of its rows."""
    if outcome is None:
        return {}
    task = command.first.members.inside("task").text("id")
    sqlstate = outcome.text("sqlstate")
    if sqlstate is None and command.settled is not None:
        sqlstate = command.settled.members.text("sqlstate")
    return {
        "rows": outcome.number("rows"),
        "affected": outcome.number("affected"),
        "rows_written": outcome.inside("transaction").number("rows_written"),
        "bytes": outcome.number("bytes"),
        "truncated": outcome.flag("truncated"),
        "masked": [_masked(one, task, class_of) for one in outcome.objects("masked")] or None,
        "sensitive_values": outcome.number("sensitive_values"),
        "error": maybe_shown(outcome.text("error")),
        "sqlstate": maybe_shown(sqlstate),
    }


def _masked(one: Members, task: str | None, class_of: ClassOf) -> Json:
    column = one.text("column")
    class_ = None if task is None or column is None else class_of(task, column)
    return {
        "column": maybe_shown(column),
        "mask": maybe_shown(one.text("mask")),
        "class": maybe_shown(class_),
        "count": one.number("count"),
    }

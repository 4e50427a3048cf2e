"""What happened in a task, a scene a command: what is shown, without how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern_cli.evidence.held import Command
from postern_cli.evidence.members import Members
from postern_cli.evidence.record_text import one_line, shown
from postern_cli.evidence.words import counted
from postern_cli.ocsf.endings import FAILURE, SUCCESS, ending_of

Tone = Literal["good", "bad", "plain"]
_STATEMENTS: Final = frozenset({"statement", "run_once", "dry_run"})
_LEFT = ("sessions", "schemas", "roles", "keys")
_STEPS = ("nologin_ms", "terminated_ms", "dropped_ms", "verified_ms")
_NAMED = 50  # tables, columns or masks of a scene that are told one by one


@dataclass(frozen=True, slots=True)
class Scene:
    """One command. All text in it can be shown on a terminal."""

    command: Command
    title: str
    verdict: str
    tone: Tone
    facts: tuple[tuple[str, str], ...] = ()
    sql: str | None = None

    @property
    def time_us(self) -> int:
        return self.command.first.time_us


def scene_of(command: Command) -> Scene:
    """The scene. A kind that is new to us is told by its name."""
    kind = command.first.kind
    if kind in _STATEMENTS:
        return _statement(command)
    return _KINDS.get(kind, _other)(command)


def json_of(scene: Scene) -> dict[str, object]:
    """The scene for a machine, with what leads back to its record."""
    first = scene.command.first
    return {
        "time": format_time(first.time_us),
        "kind": first.kind,
        "title": scene.title,
        "verdict": scene.verdict,
        "facts": dict(scene.facts),
        "sql": scene.sql,
        "log": first.log,
        "index": first.index,
        "key": first.key,
        "sha256": first.sha256,
    }


def _grant(command: Command) -> Scene:
    members = command.first.members
    task, decision, budgets = members.inside("task"), members.inside("decision"), members.inside("budgets")
    waits = decision.flag("needs_approval") is True
    expires_s = task.moment("expires_at_s")
    left = " ".join(
        f"{one_line(name)}={budgets.number(name):,}" for name in budgets.value if budgets.number(name) is not None
    )
    facts = [
        ("who", _who(members)),
        ("purpose", _maybe(task.text("purpose"))),
        ("ticket", _maybe(task.text("ticket"))),
        ("database", _maybe(members.text("database"))),
        ("scope", _scope(members)),
        ("budgets", left or None),
        # Until then it is approved and set up, or not at all: the task's own time begins when it stands.
        ("must stand by", None if expires_s is None else format_time(expires_s * 1_000_000)),
    ]
    needed = decision.number("approvals_needed")
    return Scene(
        command,
        "task opened",
        f"granted, waits for {needed or 'an'} approval{'s' if (needed or 1) > 1 else ''}" if waits else "granted",
        "good",
        _told(facts),
    )


def _approval(command: Command) -> Scene:
    members, decision = command.first.members, command.first.members.inside("decision")
    result = decision.text("result") or "unknown"
    words = {"approve": "approved", "deny": "denied", "refuse": "approval refused"}
    facts = [
        ("who", _who(members)),
        ("comment", _maybe(members.text("comment"))),
        ("code", _maybe(decision.text("code"))),
        ("policies", ", ".join(one_line(one) for one in decision.texts("policies")[:_NAMED]) or None),
    ]
    return Scene(
        command, "approval", words.get(result, one_line(result)), "good" if result == "approve" else "bad", _told(facts)
    )


def _world(command: Command) -> Scene:
    kind, ending = command.first.kind, ending_of(command)
    target, approval = command.first.members.inside("target"), command.first.members.inside("approval")
    facts = [
        ("role", _maybe(target.text("role"))),
        ("by", _maybe(command.first.members.text("by"))),
        ("approved by", ", ".join(one_line(one) for one in approval.texts("given")[:_NAMED]) or None),
        ("proof", _proof(command) if kind == "teardown" else None),
    ]
    title = "access set up" if kind == "provision" else "access torn down"
    tone: Tone = "good" if ending.status_id == SUCCESS and not _left(command) else "bad"
    return Scene(command, title, one_line(ending.result), tone, _told(facts))


def _statement(command: Command) -> Scene:
    members, ending = command.first.members, ending_of(command)
    decision, statement = members.inside("decision"), members.inside("statement")
    sequence, transaction = members.inside("task").number("sequence"), members.inside("transaction")
    count = transaction.number("count")
    title = {"run_once": "approved statement", "dry_run": "trial"}.get(command.first.kind, "statement")
    facts = [
        ("command", one_line(command.first.id)),
        ("transaction", None if count is None else f"{(transaction.number('index') or 0) + 1} of {count}"),
        ("tables", ", ".join(one_line(one) for one in decision.texts("relations")[:_NAMED]) or None),
        ("reason", _reason(decision)),
        *([] if command.outcome is None else _answer(command.outcome.members)),
        ("settled", None if command.settled is None else _maybe(command.settled.members.text("status"))),
    ]
    tone: Tone = "good" if ending.status_id == SUCCESS else "bad" if ending.status_id == FAILURE else "plain"
    return Scene(
        command,
        title if sequence is None else f"{title} {sequence:,}",
        {"open": "open: whether it ran is not on record"}.get(ending.result, one_line(ending.result)),
        tone,
        _told(facts),
        _sql(statement),
    )


def _sql(statement: Members) -> str:
    text = statement.text("text")
    held = statement.value.get("text")
    if isinstance(held, dict) and held.keys() == {"blob", "sha256", "bytes"}:
        read = statement.blob(held["blob"], held["sha256"], held["bytes"])
        text = read if isinstance(read, str) else text
    return shown(text) if text is not None else "-- no text on record"


def _reason(decision: Members) -> str | None:
    code, reason = _maybe(decision.text("code")), _maybe(decision.text("reason"))
    return ": ".join(one for one in (code, reason) if one) or None


def _answer(outcome: Members) -> list[tuple[str, str | None]]:
    rows, affected, ms = outcome.number("rows"), outcome.number("affected"), outcome.number("duration_ms")
    masks = [
        f"{_maybe(one.text('column')) or 'a column'} {_maybe(one.text('mask')) or '?'} {one.number('count') or 0:,}×"
        for one in outcome.objects("masked")[:_NAMED]
    ]
    return [
        ("rows", None if rows is None else f"{rows:,}{', truncated' if outcome.flag('truncated') else ''}"),
        ("affected", None if affected is None else f"{affected:,}"),
        ("masked", ", ".join(masks) or None),
        ("error", _maybe(outcome.text("error"))),
        ("sqlstate", _maybe(outcome.text("sqlstate"))),
        ("took", None if ms is None else f"{ms:,} ms"),
    ]


def _withdrawal(command: Command) -> Scene:
    members = command.first.members
    revocation = members.inside("revocation")
    words = {"revocation": "access revoked", "hold": "database held", "release": "denial lifted"}
    facts = [("who", _who(members)), ("reason", _maybe(revocation.text("reason")))]
    return Scene(command, words[command.first.kind], "done", "plain", _told(facts))


def _other(command: Command) -> Scene:
    is_event = command.first.type is RecordType.EVENT
    verdict = "on record" if is_event else one_line(ending_of(command).result)
    return Scene(command, one_line(command.first.kind), verdict, "plain")


_KINDS: Final[Mapping[str, Callable[[Command], Scene]]] = {
    "grant": _grant,
    "approval": _approval,
    "provision": _world,
    "teardown": _world,
    "revocation": _withdrawal,
    "hold": _withdrawal,
    "release": _withdrawal,
}


def _maybe(text: str | None) -> str | None:
    return None if text is None else one_line(text)


def _told(facts: list[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in facts if value)


def _who(members: Members) -> str | None:
    principal = members.inside("principal")
    issuer, subject, person = (principal.text(name) for name in ("issuer", "subject", "on_behalf_of"))
    if issuer is None or subject is None:
        return "Postern"
    return one_line(f"{issuer}|{subject}") + (f" for {one_line(person)}" if person else "")


def _scope(members: Members) -> str | None:
    lines = []
    tables = members.objects("scope")
    for table in tables[:_NAMED]:
        columns = table.objects("columns")
        masked = [f"{_maybe(one.text('name'))} {one_line(mask)}" for one in columns if (mask := one.text("mask"))]
        told = f"{_maybe(table.text('table'))}: {', '.join(one_line(one) for one in table.texts('actions'))}"
        lines.append(
            f"{told}, {counted(len(columns), 'column')}"
            + (f" (masked: {', '.join(masked[:_NAMED])})" if masked else "")
        )
    more = [f"… and {len(tables) - _NAMED:,} more tables"] if len(tables) > _NAMED else []
    return "\n".join(lines + more) or None


def _left(command: Command) -> int:
    if command.outcome is None:
        return 0
    left = command.outcome.members.inside("left")
    return sum(left.number(name) or 0 for name in _LEFT)


def _proof(command: Command) -> str | None:
    """What the proving query found after the teardown, and how long each step took."""
    if command.outcome is None:
        return None
    outcome = command.outcome.members
    left, steps = outcome.inside("left"), outcome.inside("steps")
    counts = [f"{left.number(name)} {name}" for name in _LEFT if left.number(name) is not None]
    if not counts:
        return "none on record"
    took = [f"{name.removesuffix('_ms')} {steps.number(name)} ms" for name in _STEPS if steps.number(name) is not None]
    return f"left: {', '.join(counts)}" + (f"; {', '.join(took)}" if took else "")

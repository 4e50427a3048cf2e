"""The table of a run: for each fault what its caller was told, what is on record of it, and who settled it by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.machine import described
from bench.pages import publish, quoted

from tests.faults.checks import Wrong
from tests.faults.course import Run
from tests.faults.evidence import Command
from tests.faults.faults import BY_NAME, FAULTS, GROUPS, Fault
from tests.faults.ledger import Call, Ledger

PAGE, SCRIPT = "operate.md", "tests.faults"
_HEAD = "| fault | the caller sees | recorded | settled by |\n|---|---|---|---|"
_WORDS = {"write": "write", "keyed": "write with a key", "cut-write": "write", "cut-keyed": "write with a key"}


@dataclass(frozen=True, slots=True)
class Result:
    """What a course came to."""

    runs: Sequence[Run]
    ledger: Ledger
    commands: Mapping[str, Command]
    wrong: Sequence[Wrong]


def format_results(result: Result) -> str:
    """The table in Markdown."""
    return "\n".join([_HEAD, *(_row(run, result) for run in result.runs)])


def publish_results(results: Sequence[Result]) -> None:
    """Into docs/operate.md: the rows of what was run, beside those that stand there of what was not."""
    rows = {row.split(" | ")[0]: row for row in quoted(PAGE, SCRIPT).splitlines() if row.startswith("| ")}
    for result in results:
        for run in result.runs:
            if len(run.names) == 1:
                row = _row(run, result)
                rows[row.split(" | ")[0]] = row
    told = described("PostgreSQL 18", "moto")
    ordered = [rows[_name(fault)] for fault in FAULTS if _name(fault) in rows]
    publish(PAGE, SCRIPT, "\n".join([told, "", _HEAD, *ordered]))


def _name(fault: Fault) -> str:
    """A row's first cell, as far as its end."""
    return f"| {GROUPS[fault.group]}: {fault.what}"


def _row(run: Run, result: Result) -> str:
    named = " and ".join(_name(BY_NAME[name]).removeprefix("| ") for name in run.names)
    if run.note:
        return f"| {named} | not made: {run.note} | | |"
    commands = [command for call in run.calls for command in _of(call, result)]
    return f"| {named} | {_seen(run.calls)} | {_recorded(commands)} | {_settled(commands)} |"


def _of(call: Call, result: Result) -> list[Command]:
    """The commands of a call: those with its mark in their text, every repetition's."""
    return [one for one in result.commands.values() if call.mark is not None and f"'{call.mark}'" in one.text]


def _seen(calls: Sequence[Call]) -> str:
    by_words: dict[str, list[str]] = {}
    for call in calls:
        after = f", `Retry-After: {call.retry_after}`" if call.retry_after else ""
        by_words.setdefault(call.told + after, []).append(_WORDS.get(call.kind, call.kind))
    if len(by_words) == 1:
        return next(iter(by_words))
    return "; ".join(f"{', '.join(kinds)}: {words}" for words, kinds in by_words.items())


def _recorded(commands: Sequence[Command]) -> str:
    if not commands:
        return "nothing"
    found = dict.fromkeys(_story(command) for command in sorted(commands, key=lambda one: one.id))
    return "; ".join(found)


def _story(command: Command) -> str:
    parts = ["intent"] if "intent" in command.records else []
    for type_ in ("outcome", "settled"):
        if type_ in command.records:
            parts.append(f"{type_} `{command.records[type_]['status']}`")
    return ", ".join(parts)


def _settled(commands: Sequence[Command]) -> str:
    reaped = [command for command in commands if command.closed_by_reaper]
    if not commands:
        return "nothing to settle"
    if not reaped:
        return "the call itself"
    longest = max(command.closed_after_s for command in reaped)
    what = ", ".join(sorted({f"`{command.status}`" for command in reaped}))
    return f"the reaper: {what} after {longest:.0f} s"

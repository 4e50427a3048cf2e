"""How revocations are shown to a person, or as they came to a machine. What others wrote moves no cursor."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import msgspec

from postern.edges.revocation_contract import ReleaseAnswer, RevocationAnswer, RevocationsAnswer
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable


def lifting_path(id_: str) -> str:
    """Where a denial of this id is lifted, whatever stands in it."""
    return f"/v1/revocations/{quote(id_, safe='')}"


def show_revocation(answer: dict[str, Any], *, as_json: bool) -> None:
    _check(answer, RevocationAnswer)
    if as_json:
        print(json.dumps(answer))
        return
    print(f"{_said(answer['kind'])} {_said(answer['name'])}: {_said(answer['id'])}{_until(answer)}")
    _table(
        f"{len(answer['tasks'])} tasks; sessions ended, and ms until no login, no session, all dropped, proved",
        ["task", "state", "ended", "closed", "quiet", "dropped", "proved"],
        [_ended(one) for one in answer["tasks"]],
    )
    if answer["remaining"]:
        waits = [[_said(one["task_id"]), _said(one["code"])] for one in answer["remaining"]]
        _table(f"{len(waits)} tasks wait for their teardown", ["task", "stopped by"], waits)
    if not answer["tasks"] and not answer["remaining"]:
        print("no live task was about it: check the name")
    if not answer["recorded"]:
        print("not on record yet: it is written as soon as the bucket answers")
    if not answer["whole"]:
        print("not every live task was found, for time or the state table: the reaper finds the others")


def show_standing(answer: dict[str, Any], *, as_json: bool) -> None:
    _check(answer, RevocationsAnswer)
    if as_json:
        print(json.dumps(answer))
        return
    rows = [
        [_said(one[name] or "") for name in ("id", "kind", "name", "by", "at", "expires_at", "reason")]
        for one in answer["revocations"]
    ]
    _table(f"{len(rows)} stand", ["id", "kind", "of", "by", "since", "until", "reason"], rows)


def standing_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The denials and holds of an answer."""
    _check(answer, RevocationsAnswer)
    standing: list[dict[str, Any]] = answer["revocations"]
    return standing


def show_release(answer: dict[str, Any], *, as_json: bool) -> None:
    _check(answer, ReleaseAnswer)
    if as_json:
        print(json.dumps(answer))
        return
    print(f"lifted: {_said(answer['kind'])} {_said(answer['name'])}")
    if answer["kind"] == "hold":
        print(f"{len(answer['rebuilt'])} tasks have a world again, {answer['waiting']} wait for theirs")


def _check(answer: object, shape: type) -> None:
    """Raises `Stop` for what is no answer of a gate."""
    try:
        msgspec.convert(answer, shape)
    except msgspec.ValidationError as error:
        raise Stop(Exit.UNKNOWN, f"--url: expected a gate's answer, got another: {error}") from error


def _ended(one: dict[str, Any]) -> list[str]:
    steps = one["steps"]
    if steps is None:
        return [_said(one["task_id"]), _said(one["state"]), *["on record"] * 5]
    times = [str(steps[name]) for name in ("nologin_ms", "terminated_ms", "dropped_ms", "verified_ms")]
    return [_said(one["task_id"]), _said(one["state"]), str(one["terminated"]), *times]


def _table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        # An id that is cut off is of no use, and one in pieces cannot be copied: it is the first column everywhere.
        table.add_column(column, overflow="fold", no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    if rows:
        Console().print(table)


def _until(answer: dict[str, Any]) -> str:
    return f", until {_said(answer['expires_at'])}" if answer["expires_at"] else ""


def _said(text: object) -> str:
    return printable(str(text))

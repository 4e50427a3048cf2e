"""How revocations are shown to a person, or as they came to a machine. What others wrote moves no cursor."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from postern.edges.revocation_contract import ReleaseAnswer, RevocationAnswer, RevocationsAnswer
from postern_cli.gate.shapes import convert_answer
from postern_cli.tables import print_table
from postern_cli.terminal import printable


def lifting_path(id_: str) -> str:
    """Where a denial of this id is lifted, whatever stands in it."""
    return f"/v1/revocations/{quote(id_, safe='')}"


def show_revocation(answer: dict[str, Any], *, as_json: bool) -> None:
    convert_answer(answer, RevocationAnswer)
    if as_json:
        print(json.dumps(answer))
        return
    print(f"{_said(answer['kind'])} {_said(answer['name'])}: {_said(answer['id'])}{_until(answer)}")
    print_table(
        f"{_tasks(answer['tasks'])}; sessions ended, and ms until no login, no session, all dropped, proved",
        ["task", "state", "ended", "closed", "quiet", "dropped", "proved"],
        [_ended(one) for one in answer["tasks"]],
    )
    if answer["remaining"]:
        waits = [[_said(one["task_id"]), _said(one["code"])] for one in answer["remaining"]]
        print_table(f"{_tasks(waits)} to be torn down", ["task", "stopped by"], waits)
    if not answer["tasks"] and not answer["remaining"]:
        print("no live task was about it: check the name")
    if not answer["recorded"]:
        print("not on record yet: it is written as soon as the bucket answers")
    if not answer["whole"]:
        print("not every live task was found, for time or the state table: the reaper finds the others")


def show_standing(answer: dict[str, Any], *, as_json: bool) -> None:
    convert_answer(answer, RevocationsAnswer)
    if as_json:
        print(json.dumps(answer))
        return
    rows = [
        [_said(one[name] or "") for name in ("id", "kind", "name", "by", "at", "expires_at", "reason")]
        for one in answer["revocations"]
    ]
    print_table(f"{len(rows)} stand", ["id", "kind", "of", "by", "since", "until", "reason"], rows)


def standing_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The denials and holds of an answer."""
    convert_answer(answer, RevocationsAnswer)
    standing: list[dict[str, Any]] = answer["revocations"]
    return standing


def show_release(answer: dict[str, Any], *, as_json: bool) -> None:
    convert_answer(answer, ReleaseAnswer)
    if as_json:
        print(json.dumps(answer))
        return
    print(f"lifted: {_said(answer['kind'])} {_said(answer['name'])}")
    if answer["kind"] == "hold":
        print(f"{len(answer['rebuilt'])} tasks have a world again, {answer['waiting']} wait for theirs")


def _ended(one: dict[str, Any]) -> list[str]:
    steps = one["steps"]
    if steps is None:
        return [_said(one["task_id"]), _said(one["state"]), *["on record"] * 5]
    times = [str(steps[name]) for name in ("nologin_ms", "terminated_ms", "dropped_ms", "verified_ms")]
    return [_said(one["task_id"]), _said(one["state"]), str(one["terminated"]), *times]


def _tasks(listed: list[Any]) -> str:
    return f"{len(listed)} task{'' if len(listed) == 1 else 's'}"


def _until(answer: dict[str, Any]) -> str:
    return f", until {_said(answer['expires_at'])}" if answer["expires_at"] else ""


def _said(text: object) -> str:
    return printable(str(text))

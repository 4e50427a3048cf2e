"""An approver's word: the full request is shown first, and the word is about exactly that."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.awaiting import task_path
from postern_cli.tasks.review_view import print_review
from postern_cli.tasks.shapes import parse_task
from postern_cli.waiting import waiting


@dataclass(frozen=True, slots=True)
class Word:
    """What the approver says. `digest` is of a request that was looked at earlier; `quiet` shows nothing."""

    decision: Literal["approve", "deny"]
    comment: str | None
    is_sure: bool
    digest: str | None
    quiet: bool


def decide(client: ApiClient, task_id: str, word: Word) -> object:
    """The gate's answer to the word. Raises `Stop` where it is not given, or refused."""
    can_ask = sys.stdin.isatty() and not word.quiet
    if not word.is_sure and not can_ask:
        raise Stop(
            Exit.USAGE, f"{word.decision}: expected a terminal to ask on, got none; look at the task, then use --yes"
        )
    if not word.comment and not can_ask:
        raise Stop(Exit.USAGE, "--comment: expected why, got nothing; it is recorded")
    task = parse_task(client.call("GET", task_path(task_id)).body)
    if task.review is None:
        raise Stop(
            Exit.REFUSED,
            f"task {task_id}: it is yours, or was opened on your behalf: another person must decide (four eyes)",
        )
    digest = task.review.scope_digest
    if word.digest is not None and word.digest != digest:
        raise Stop(
            Exit.REFUSED, f"task {task_id}: it is not what you looked at; `postern task show` shows what it is now"
        )
    if not word.quiet:
        print_review(task, task.review)
    comment = word.comment or typer.prompt("comment")
    if not word.is_sure and not typer.confirm(f"{word.decision} this?"):
        raise Stop(Exit.REFUSED, f"task {task_id}: nothing was said")
    body = {"decision": word.decision, "comment": comment, "scope_digest": digest}
    with waiting("sending it; the last approval builds the task's world"):
        return client.call("POST", f"{task_path(task_id)}/approval", body).body

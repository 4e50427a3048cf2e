"""`postern task`: what an agent, its person and its approvers do with tasks."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.settings.resolve import resolve
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.awaiting import task_path
from postern_cli.tasks.deciding import Word, decide
from postern_cli.tasks.live_view import print_live
from postern_cli.tasks.opening import await_active, request_task
from postern_cli.tasks.options import (
    ActionOption,
    CommentOption,
    DatabaseOption,
    DigestOption,
    LookupOption,
    PurposeOption,
    RequestOption,
    TableOption,
    TaskArgument,
    TicketOption,
    TtlOption,
    UnmaskOption,
    WaitOption,
    YesOption,
)
from postern_cli.tasks.requests import TaskOptions, read_request
from postern_cli.tasks.review_view import print_review
from postern_cli.tasks.shapes import parse_task, parse_tasks
from postern_cli.tasks.view import print_task, print_tasks
from postern_cli.terminal import printable

app = typer.Typer(no_args_is_help=True)


@app.command("open")
def open_(
    *,
    database: DatabaseOption = None,
    table: TableOption = None,
    action: ActionOption = None,
    purpose: PurposeOption = None,
    ticket: TicketOption = None,
    unmask: UnmaskOption = None,
    lookup: LookupOption = None,
    ttl: TtlOption = None,
    request: RequestOption = None,
    wait: WaitOption = False,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for a task: tables of one database, for a purpose, for a while. It is granted whole or refused whole.

    Exit code: 0 it is active, or waits for people (its state says which; with --wait: it is active); 1 refused, denied
    or not approved in time; 2 usage; 3 it cannot be told.
    """
    if request is None:
        options = TaskOptions(database, table, action, purpose, ticket, unmask, lookup, ttl)
        body = options.body(resolve(profile))
    elif any((database, table, action, purpose, ticket, unmask, lookup, ttl)):
        raise Stop(Exit.USAGE, "--request: expected it alone, got other options of the request beside it")
    else:
        body = read_request(request)
    client = ApiClient.of(url, token_file, profile)
    answer = request_task(client, body)
    _print(await_active(client, answer) if wait else answer, as_json=as_json)


@app.command("list")
def list_(
    *,
    pending: Annotated[bool, typer.Option("--pending", help="What waits, and you may approve.")] = False,
    live: Annotated[bool, typer.Option("--live", help="What runs where you may revoke or audit.")] = False,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your tasks, newest first; or what waits for you; or what runs.

    Exit code: 0 listed; 1 refused; 2 usage; 3 it cannot be told.
    """
    if pending and live:
        raise Stop(Exit.USAGE, "list: expected --pending or --live, got both")
    state = "?state=pending_approval" if pending else "?state=live" if live else ""
    answer = ApiClient.of(url, token_file, profile).call("GET", f"/v1/tasks{state}")
    if as_json:
        print(json.dumps(answer.body))
        return
    if live:
        print_live(answer.body)
    else:
        print_tasks(parse_tasks(answer.body), "tasks wait for you" if pending else "tasks of yours")


@app.command()
def show(
    task: TaskArgument,
    *,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a task: its state, what it may do, what is left of it; to an approver, the full request.

    Exit code: 0 shown; 1 it is not there, or not yours; 2 usage; 3 it cannot be told.
    """
    _print(ApiClient.of(url, token_file, profile).call("GET", task_path(task)).body, as_json=as_json)


@app.command()
def approve(
    task: TaskArgument,
    *,
    comment: CommentOption = None,
    yes: YesOption = False,
    scope_digest: DigestOption = None,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the full request, ask, and approve exactly what was shown.

    Exit code: 0 approved; 1 refused (your own task, or not yours to approve), changed meanwhile, or not confirmed;
    2 usage; 3 it cannot be told.
    """
    word = Word("approve", comment, is_sure=yes, digest=scope_digest, quiet=as_json)
    _said(decide(ApiClient.of(url, token_file, profile), task, word), as_json=as_json)


@app.command()
def deny(
    task: TaskArgument,
    *,
    comment: CommentOption = None,
    yes: YesOption = False,
    scope_digest: DigestOption = None,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the full request, ask, and deny it. One denial ends the task.

    Exit code: 0 denied; 1 refused, changed meanwhile, or not confirmed; 2 usage; 3 it cannot be told.
    """
    word = Word("deny", comment, is_sure=yes, digest=scope_digest, quiet=as_json)
    _said(decide(ApiClient.of(url, token_file, profile), task, word), as_json=as_json)


@app.command()
def end(
    task: TaskArgument,
    *,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a task of yours: its sessions are ended and its role and views dropped.

    Exit code: 0 it ends, or has ended; 1 it is not there, or not yours; 2 usage; 3 it cannot be told.
    """
    body = ApiClient.of(url, token_file, profile).call("DELETE", task_path(task)).body
    _said(body, as_json=as_json)


def _print(body: object, *, as_json: bool) -> None:
    task = parse_task(body)
    if as_json:
        print(json.dumps(body))
    elif task.review is not None:
        print_review(task, task.review)
    else:
        print_task(task)


def _said(body: object, *, as_json: bool) -> None:
    task = parse_task(body)
    count = "" if task.approvals is None else f", {task.approvals.given} of {task.approvals.needed} approvals"
    print(json.dumps(body) if as_json else printable(f"task {task.task_id}: {task.state}{count}"))

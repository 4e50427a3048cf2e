"""`postern query`: one statement, or a prompt for many."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.query.running import Asked, run_statement
from postern_cli.query.session import session_in
from postern_cli.query.statements import read_parameters, read_statement
from postern_cli.settings.resolve import resolve
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.options import (
    ActionOption,
    DatabaseOption,
    LookupOption,
    PurposeOption,
    TableOption,
    TicketOption,
    TtlOption,
    UnmaskOption,
    WaitOption,
)
from postern_cli.tasks.requests import TaskOptions

app = typer.Typer()


class Output(StrEnum):
    """How rows are printed; `settings.keys.OUTPUTS` names the same."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


SqlArgument = Annotated[
    str | None,
    typer.Argument(metavar="SQL", help="One statement; without it, what is piped in, or else a prompt."),
]
FileOption = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A file with the statement.")]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", metavar="TEXT", help="The value of $1, then $2, …; may be repeated.")
]
ParamsOption = Annotated[
    str | None, typer.Option("--params", metavar="FILE", help="A JSON array of values; - reads standard input.")
]
IdOption = Annotated[str | None, typer.Option("--task", metavar="TASK", help="A task of yours that is active.")]
OutputOption = Annotated[
    Output | None, typer.Option("--output", help="How rows are printed; POSTERN_OUTPUT or the profile's without it.")
]
EscapeOption = Annotated[
    bool, typer.Option("--escape-formulas", help="In CSV, put ' before texts that begin with = + - @ or a tab.")
]
RowsOption = Annotated[
    int | None, typer.Option("--max-rows", metavar="N", min=1, max=100_000, help="Rows at most; 10,000 without it.")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--idempotency-key", metavar="KEY", help="For a write: under the same key it happens once."),
]
HistoryOption = Annotated[bool, typer.Option("--no-history", help="At the prompt, keep nothing of what is typed.")]


@app.command()
def query(
    sql: SqlArgument = None,
    *,
    file: FileOption = None,
    param: ParamOption = None,
    params: ParamsOption = None,
    task: IdOption = None,
    database: DatabaseOption = None,
    table: TableOption = None,
    action: ActionOption = None,
    purpose: PurposeOption = None,
    ticket: TicketOption = None,
    unmask: UnmaskOption = None,
    lookup: LookupOption = None,
    ttl: TtlOption = None,
    wait: WaitOption = False,
    output: OutputOption = None,
    escape_formulas: EscapeOption = False,
    max_rows: RowsOption = None,
    key: KeyOption = None,
    no_history: HistoryOption = False,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a statement in a task (--task), or in one that is opened for it and ended after (--table, --purpose).

    Other users of this machine can see a command line: give what they must not read by --file, --params or a pipe. In
    CSV, NULL is an empty field and an empty text is ""; a spreadsheet takes some texts for formulas, and
    --escape-formulas changes them. What is truncated is said on standard error.

    Exit code: 0 it ran; 1 refused by policy, guard, budget or the database; 2 usage; 3 it cannot be told: look before
    you repeat a write.
    """
    settings = resolve(profile)
    how = "json" if as_json else str(output or settings.text("output"))
    asked = Asked(read_statement(sql, file), read_parameters(param or [], params), key, how, escape_formulas)
    if asked.sql is None and (how == "json" or not sys.stdout.isatty() or asked.params or key):
        raise Stop(Exit.USAGE, "query: expected a statement, got none; give it, or --file, or pipe it in")
    request = TaskOptions(database, table, action, purpose, ticket, unmask, lookup, ttl)
    if task is not None and any((table, action, purpose, ticket, unmask, lookup, ttl)):
        raise Stop(Exit.USAGE, "--task: expected it alone, got options of another task's request beside it")
    body = None if task is not None else request.body(settings)
    client = ApiClient.of(url, token_file, profile)
    with session_in(client, task, body, wait=wait, max_rows=max_rows) as session:
        if asked.sql is not None:
            run_statement(session, asked)
        else:
            from postern_cli.query.prompt import at_terminal

            at_terminal(session, how, keep_history=settings.is_on("history") and not no_history)

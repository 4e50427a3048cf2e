"""`postern smoke`: after a deploy, goes the way of an agent once, and proves that what it did is on record."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption
from postern_cli.operate.smoke_steps import Asked, Run, go_through
from postern_cli.stop import Stop
from postern_cli.terminal import printable
from postern_cli.waiting import waiting

app = typer.Typer()

ROLLBACK = "where the deploy is to blame, docs/deploys.md says how to go back"


@app.command()
def smoke(
    *,
    database: Annotated[str, typer.Option(help="A database of the catalog.")],
    table: Annotated[str, typer.Option(help="A table in it that your token may read.")],
    url: Annotated[
        str | None,
        typer.Option(
            "--url", "--api", metavar="URL", help="The gate's address; POSTERN_URL or the profile's without it."
        ),
    ] = None,
    sql: Annotated[str | None, typer.Option(help="What to run; counts the table's rows without it.")] = None,
    vkey: Annotated[str | None, typer.Option(help="The log's verifier key, as its operator told you.")] = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    wait_s: Annotated[int, typer.Option("--wait", min=1, max=3600, help="Seconds to wait for the proof.")] = 120,
    as_json: JsonOption = False,
) -> None:
    """Open a task, run one query, wait until its records are in the signed log, prove that, and end the task.

    Exit code: 0 all of it holds; 1 something was refused or does not hold; 2 usage; 3 it cannot be told.
    """
    client = ApiClient.of(url, token_file, profile)
    asked = Asked(database, table, sql or f"SELECT count(*) FROM {table}", vkey, wait_s)
    with waiting("opening a task, running a query, proving it"):
        run = go_through(client, asked)
    print(_json(run)) if as_json else _print(run)
    if run.failure is not None:
        raise Stop(run.failure.code, f"{run.failure.line}; {ROLLBACK}")


def _json(run: Run) -> str:
    steps = [
        {"step": step.name, "ok": step.ok, "seconds": round(step.took_s, 3), "told": step.told} for step in run.steps
    ]
    return json.dumps({"ok": run.failure is None, "key_from": run.key_from, "steps": steps}, indent=1)


def _print(run: Run) -> None:
    for step in run.steps:
        told = printable(" ".join(step.told.split()))
        print(f"{'ok    ' if step.ok else 'failed'}  {step.took_s:7.2f} s  {step.name:<8}  {told}")
    if run.key_from == "the gate" and run.failure is None:
        print(
            "\nThe key was taken from /v1/log. That proves that the gate agrees with itself, and no more: who changed\n"
            "it could have changed the key. Give the key that you keep elsewhere with --vkey."
        )

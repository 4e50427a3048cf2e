"""The options of a task's request and of a word about it: `task open` and `query` share them."""

from __future__ import annotations

from typing import Annotated

import typer

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", metavar="NAME", help="POSTERN_DATABASE or the profile's without it.")
]
TableOption = Annotated[
    list[str] | None,
    typer.Option("--table", metavar="TABLE[:ACTION,…]", help="A table, and what to do with it; may be repeated."),
]
ActionOption = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="ACTION", help="For tables that name none: select, insert, update, delete."),
]
PurposeOption = Annotated[str | None, typer.Option("--purpose", metavar="TEXT", help="What it is for. It is recorded.")]
TicketOption = Annotated[str | None, typer.Option("--ticket", metavar="TEXT", help="The ticket that asks for it.")]
UnmaskOption = Annotated[
    list[str] | None, typer.Option("--unmask", metavar="CLASS", help="A class to be seen raw; may be repeated.")
]
LookupOption = Annotated[
    list[str] | None,
    typer.Option("--lookup", metavar="CLASS", help="A class whose tokens a value is compared with; may be repeated."),
]
TtlOption = Annotated[
    str | None, typer.Option("--ttl", metavar="TIME", help="How long it lives: 90, 30m, 2h; 1h without it.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until people have decided. Ctrl-C leaves it waiting.")]
CommentOption = Annotated[
    str | None, typer.Option("--comment", metavar="TEXT", help="Why. It is recorded; asked for on a terminal.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DigestOption = Annotated[
    str | None,
    typer.Option(
        "--scope-digest", metavar="HEX", help="Only if the request still has this digest, as `task show` said."
    ),
]
RequestOption = Annotated[
    str | None,
    typer.Option(
        "--request", metavar="FILE", help="The whole body of POST /v1/tasks as JSON, instead; - reads standard input."
    ),
]

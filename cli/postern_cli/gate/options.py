"""The options that commands share, in the same words everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The gate's address; POSTERN_URL or the profile's without it."),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="A file with your token; POSTERN_TOKEN or your login without it."
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="A profile of the configuration; POSTERN_PROFILE without it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, and an error as JSON too.")]

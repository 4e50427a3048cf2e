"""`postern db`: SQL that prepares a database, and what in a database weakens the wall."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.world.doctor.findings import Severity
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

if TYPE_CHECKING:
    from postern.world.doctor.checks import Examination
    from postern.world.doctor.findings import Subject
    from postern_cli.catalog_file import CatalogFile

app = typer.Typer(no_args_is_help=True, help="Prepare a database, and look for what weakens the wall.")

DsnOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="postgresql://USER@HOST:PORT/DATABASE; the PG* variables fill in what it lacks."),
]
CatalogOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Catalog of the database.")]
PolicyOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Policy layer that holds the catalog.")]
DatabaseOption = Annotated[str | None, typer.Option(metavar="NAME", help="Which catalog, where DIR holds several.")]

_COLOURS = {Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "cyan", Severity.INFO: "dim"}


@app.command()
def bootstrap(
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    rds: Annotated[bool, typer.Option("--rds/--no-rds", help="Amazon RDS or Aurora has made the role rds_iam.")] = True,
    remove: Annotated[bool, typer.Option("--remove", help="Print the reverse instead.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Leave out what a task needs to write.")] = False,
    statement_log: Annotated[
        bool, typer.Option(help="Have tasks' statements in the server's log, for `postern audit reconcile`.")
    ] = True,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to FILE, not to standard output.")] = None,
) -> None:
    """Print the SQL that prepares a database, for review. Running it again changes nothing.

    Run it as a superuser, or the master user of RDS, connected to that database: psql -f FILE. With a catalog it
    holds the grants for the catalog's tables and functions.

    Exit code: 0 printed; 1 the catalog is wrong; 2 usage; 3 FILE cannot be written.
    """
    from postern.world.bootstrap import bootstrap_script, remove_script
    from postern_cli.catalog_file import read_catalog

    named = read_catalog(catalog, policy, database)
    if remove:
        script = remove_script(owner_role=_owner_role(named))
    else:
        script = bootstrap_script(
            _subject(named).tables,
            rds=rds,
            writes=not read_only,
            functions=_functions(named),
            statement_log=statement_log,
            owner_role=_owner_role(named),
        )
    if out is None:
        print(script, end="")
        return
    try:
        out.write_text(script, "utf-8")
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{out}: expected to write it, got {error.strerror}") from error


@app.command()
def doctor(
    dsn: DsnOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    fail_on: Annotated[Severity, typer.Option(help="The least severity that gives exit code 1.")] = Severity.LOW,
) -> None:
    """Tell what in a database weakens the wall, why, and the SQL that mends it. Changes nothing, reads no row.

    Exit code: 0 clean (information may be shown); 1 findings; 2 usage; 3 it cannot be told: unreachable, or the user
    may not see enough. Best run as a superuser, or the master user of RDS.
    """
    from postern.edges.operator_database import open_session
    from postern.world.doctor.checks import checks, examine
    from postern_cli.catalog_file import read_catalog
    from postern_cli.dsn import parse_address
    from postern_cli.progress import counting

    subject = _subject(read_catalog(catalog, policy, database))
    address = parse_address(dsn, os.environ)
    with open_session(address) as session, counting("checks", total=len(checks(subject))) as advance:
        examined = examine(session.rows, subject, advance=advance)
    _print_json(examined, fail_on) if as_json else _print_text(examined)
    bad = examined.at_least(fail_on)
    if bad:
        raise Stop(Exit.REFUSED, f"doctor: {_count(len(bad), 'finding')} of severity {fail_on} or worse")
    if examined.blind:
        names = ", ".join(one.check for one in examined.blind)
        raise Stop(Exit.UNKNOWN, f"doctor: cannot tell: {names} could not look; connect as a user with more rights")


def _subject(named: CatalogFile | None) -> Subject:
    from postern.world.doctor.findings import Subject

    if named is None:
        return Subject()
    catalog = named.catalog
    tables = {(name.schema, name.name): tuple(table.columns) for name, table in catalog.tables.items()}
    return Subject(tables, catalog.owner_role, catalog.schema_default)


def _functions(named: CatalogFile | None) -> list[tuple[str, str]]:
    from postern.world.functions import function_key

    if named is None:
        return []
    return [function_key(name, named.catalog.schema_default) for name in named.catalog.functions]


def _owner_role(named: CatalogFile | None) -> str | None:
    return None if named is None else named.catalog.owner_role


def _print_text(examined: Examination) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)  # SQL is copied: a line stays a line

    def line(*parts: tuple[str, str]) -> None:
        console.print(Text.assemble(*((printable(text), style) for text, style in parts)))

    for finding in examined.findings:
        line(
            (f"{finding.severity:<7}", _COLOURS[finding.severity]),
            (finding.what, "bold"),
            (f"  {finding.check}", "dim"),
        )
        line((f"       {finding.why}", ""))
        if finding.advice:
            line((f"       {finding.advice}", "italic"))
        for statement in finding.mend:
            line((f"           {statement};", "green"))
    for one in examined.blind:
        line((f"{'?':<7}", "bold magenta"), (f"{one.check} could not look", "bold"), (f": {one.reason}", ""))
    line((summary(examined), "bold"))


def summary(examined: Examination) -> str:
    """One line: how many findings of each severity, and how many checks could not look."""
    counts = [f"{sum(one.severity is severity for one in examined.findings)} {severity}" for severity in Severity]
    blind = f"; {_count(len(examined.blind), 'check')} could not look" if examined.blind else ""
    verdict = "clean" if not examined.at_least(Severity.LOW) and not examined.blind else "findings"
    return f"{verdict if not blind else 'incomplete'}: {', '.join(counts)}{blind}"


def _print_json(examined: Examination, fail_on: Severity) -> None:
    print(
        json.dumps(
            {
                "clean": not examined.at_least(fail_on) and not examined.blind,
                "counts": {
                    severity.value: sum(one.severity is severity for one in examined.findings) for severity in Severity
                },
                "findings": [asdict(finding) for finding in examined.findings],
                "blind": [asdict(one) for one in examined.blind],
            },
            indent=2,
        )
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

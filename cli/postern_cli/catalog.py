"""`postern catalog`: propose a catalog from a live database, and compare one with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.errors import StatementFailed
from postern_cli.db import CatalogOption, DatabaseOption, DsnOption, PolicyOption
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

if TYPE_CHECKING:
    from postern.catalog_scan.compare import Difference
    from postern.catalog_scan.samples import Evidence
    from postern.catalog_scan.tables import ColumnKey, ScannedTable
    from postern.edges.operator_database import ReadOnlySession
    from postern_cli.catalog_file import CatalogFile

app = typer.Typer(no_args_is_help=True, help="Propose a catalog, and compare one with a live database.")

_SAMPLE_TIMEOUT_MS = 3000  # of one table's sample; one that takes longer is left unsampled
_DATABASE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@app.command()
def scan(
    dsn: DsnOption = None,
    schema: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this schema; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to FILE, not to standard output.")] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The catalog's name of the database; FILE's or its own without it."),
    ] = None,
    sample: Annotated[int, typer.Option(min=0, max=10_000, help="Rows of each table to look at; 0 for none.")] = 200,
) -> None:
    """Propose a catalog from names, types and a sample of the values. Reads only, and never prints a value.

    Large tables are sampled by a few pages; views and foreign tables are not sampled. What it is unsure of is marked.

    Exit code: 0 written; 2 usage; 3 the database cannot be read.
    """
    from postern.catalog_scan.propose import propose
    from postern.catalog_scan.write import format_catalog
    from postern.edges.operator_database import open_session
    from postern.policy.catalog import parse_catalog
    from postern_cli.dsn import parse_address

    address = parse_address(dsn, os.environ)
    name = _database_name(database, out, address.dbname)
    with open_session(address) as session:
        tables = _read_tables(session, schema or [])
        evidence, notes = _sample(session, tables, sample)
    if not any(not column.type.is_foreign for table in tables for column in table.columns):
        raise Stop(Exit.UNKNOWN, "scan: expected tables with columns, found none; check the database and --schema")
    text = format_catalog(name, _default_schema(tables), tables, propose(tables, evidence), notes)
    parse_catalog(text.encode(), file=f"{name}.yaml")  # what does not load is no proposal
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{out}: expected to write it, got {error.strerror}") from error


@app.command()
def check(
    dsn: DsnOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Compare a catalog with the live database: what is gone, changed, new, or can no longer carry its mask.

    Exit code: 0 a world can be built as the catalog says (new tables and columns may be shown: agents do not see them);
    1 it cannot; 2 usage; 3 it cannot be told.
    """
    from postern.edges.operator_database import open_session
    from postern_cli.catalog_file import read_catalog
    from postern_cli.dsn import parse_address

    named = read_catalog(catalog, policy, database)
    if named is None:
        raise Stop(Exit.USAGE, "check: expected --catalog FILE or --policy DIR")
    with open_session(parse_address(dsn, os.environ)) as session:
        differences, blind = _compare(session, named)
    if as_json:
        print(json.dumps({"differences": [asdict(one) for one in differences], "blind": blind}, indent=2))
    else:
        _print_text(named.name, differences)
    broken = sum(one.change.breaks for one in differences)
    if broken:
        raise Stop(Exit.REFUSED, f"check: {broken} differences that a world cannot be built with; mend {named.name}")
    if blind:
        raise Stop(Exit.UNKNOWN, f"check: cannot tell: {'; '.join(map(printable, blind))}; connect as its owner")


def _compare(session: ReadOnlySession, named: CatalogFile) -> tuple[list[Difference], list[str]]:
    from postern.catalog_scan.compare import Change, Difference, compare, filter_questions

    tables = _read_tables(session, sorted({name.schema for name in named.catalog.tables}))
    differences = list(compare(named.catalog, named.text, tables))
    blind = []
    for question in filter_questions(named.catalog, named.text, tables):
        try:
            session.analyse(question.sql)
        except StatementFailed as error:
            if error.sqlstate == "42501":
                blind.append(f"{question.what}: no right to its schema")
            else:
                differences.insert(0, Difference(Change.UNFIT, question.what, error.detail, question.line))
    return differences, blind


def _read_tables(session: ReadOnlySession, schemas: Sequence[str]) -> list[ScannedTable]:
    from postern.catalog_scan.tables import columns_sql, parse_tables, relations_sql

    return parse_tables(session.rows(relations_sql(schemas)), session.rows(columns_sql(schemas)))


def _sample(
    session: ReadOnlySession, tables: Sequence[ScannedTable], rows: int
) -> tuple[dict[ColumnKey, Evidence], dict[tuple[str, str], str]]:
    """What the samples showed, and for which tables there is none and why."""
    from postern_cli.progress import counting

    evidence: dict[ColumnKey, Evidence] = {}
    notes: dict[tuple[str, str], str] = {}
    with counting("tables", total=len(tables)) as advance:
        for table in tables:
            found, note = _sample_table(session.rows, table, rows)
            evidence |= found
            if note is not None:
                notes[table.key] = note
            advance(1)
    return evidence, notes


def _sample_table(
    ask: Callable[..., list[list[str | None]]], table: ScannedTable, rows: int
) -> tuple[dict[ColumnKey, Evidence], str | None]:
    from postern.catalog_scan.samples import read_evidence, sample_sql, sampled_columns

    columns = sampled_columns(table)
    if rows == 0 or not columns:
        readable = "not sampled: no right to read it" if not table.is_readable else None
        return {}, readable
    try:
        sampled = ask(sample_sql(table, columns, rows), timeout_ms=_SAMPLE_TIMEOUT_MS)
    except StatementFailed as error:
        return {}, f"not sampled: SQLSTATE {error.sqlstate}"
    return {
        (table.schema, table.name, column.name): read_evidence([row[place] for row in sampled])
        for place, column in enumerate(columns)
    }, None


def _default_schema(tables: Sequence[ScannedTable]) -> str:
    schemas = [table.schema for table in tables]
    return "public" if "public" in schemas or not schemas else max(sorted(set(schemas)), key=schemas.count)


def _database_name(given: str | None, out: Path | None, dbname: str) -> str:
    name = given or (out.name.removesuffix(".yaml") if out is not None else dbname)
    if not _DATABASE_NAME.fullmatch(name):
        raise Stop(Exit.USAGE, "--database: expected 1 to 63 of a-z, 0-9, `_` and `-` as the catalog's name; give one")
    if out is not None and out.name != f"{name}.yaml":
        raise Stop(
            Exit.USAGE, f"--out: expected a file named {name}.yaml, as a catalog's file is named by its database"
        )
    return name


def _print_text(file: str, differences: Sequence[Difference]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for one in differences:
        place = f"{file}:{one.line}: " if one.line is not None else ""
        colour = "bold red" if one.change.breaks else "dim"
        console.print(
            Text.assemble((f"{one.change:<8}", colour), place, (printable(one.what), "bold"), f": {printable(one.why)}")
        )
    broken = sum(one.change.breaks for one in differences)
    print(f"{'agrees' if not broken else 'differs'}: {broken} broken, {len(differences) - broken} new")

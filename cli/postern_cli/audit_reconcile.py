"""`postern audit reconcile`: the database's own log against the records, statement by statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.errors import IntegrityError
from postern.reconcile.formats import Format
from postern_cli.audit import app
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

if TYPE_CHECKING:
    from postern.reconcile.findings import Report

_SHOWN = 20


@app.command()
def reconcile(
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    logs: Annotated[list[Path], typer.Option("--database-log", help="A file of the database's log; gzip is read too.")],
    log_format: Annotated[
        Format | None, typer.Option("--format", help="The log's form, where the file does not tell.")
    ] = None,
    prefixes: Annotated[
        list[str] | None, typer.Option("--log-line-prefix", help="The server's setting, for plain logs.")
    ] = None,
    databases: Annotated[
        list[str] | None, typer.Option("--database", help="Whose log it is, by the catalog's name; else all records'.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Compare from this time on (UTC); the log covers it.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Compare up to this time (UTC); the log covers it.")] = None,
    skew: Annotated[int, typer.Option(min=1, max=600, help="Seconds that the two sides' clocks may differ by.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Find statements of tasks' roles in the database's log without a record, and records without a statement.

    Run `postern audit verify` first: the records are taken as they are. Exit code: 0 they agree; 1 they do not, and
    each place is named; 2 usage; 3 it cannot be told.
    """
    from postern.reconcile.entries import UnreadableLog
    from postern.reconcile.formats import LogReader
    from postern.reconcile.merge import in_order
    from postern.reconcile.prefix import KNOWN, parse_prefix
    from postern.reconcile.reconciler import Reconciler, Window
    from postern_cli.log_files import LogFiles
    from postern_cli.record_folder import RecordFolder

    pulled = PulledFolder(folder)
    if not pulled.versions.is_file():
        raise Stop(
            Exit.UNKNOWN, f"{pulled.versions}: expected a finished pull, got no such file; run `postern audit pull`"
        )
    try:
        reader = LogReader([parse_prefix(text) for text in prefixes or KNOWN])
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"--log-line-prefix: {error.detail}") from error
    window = Window(_microseconds(since), _microseconds(until), skew * 1_000_000)
    try:
        reconciler = Reconciler(RecordFolder(pulled), window, frozenset(databases) if databases else None, _normalised)
        report = reconciler.run(in_order(LogFiles(logs, reader, log_format).files()))
    except UnreadableLog as error:
        raise Stop(Exit.UNKNOWN, error.detail) from error
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{error.filename or folder}: expected to read it, got {error.strerror}") from error
    report.untold.skipped = reader.skipped
    _print_json(report) if as_json else _print_text(report)
    _conclude(report)


def _conclude(report: Report) -> None:
    if not report.agrees:
        more = sum(report.found.values()) - 1
        raise Stop(Exit.REFUSED, f"they differ: {report.findings[0]}{f' (and {more} more)' if more else ''}")
    if report.counts.messages == 0:
        raise Stop(Exit.UNKNOWN, "expected a log with messages in it, got none")
    if report.counts.matched == 0:
        raise Stop(
            Exit.UNKNOWN, "expected a statement of a task in log and records, got none: nothing could be compared"
        )


def _print_text(report: Report) -> None:
    from postern.audit.times import format_time

    counts, untold = report.counts, report.untold
    if report.first_us is not None and report.last_us is not None:
        print(f"log          from {format_time(report.first_us)} to {format_time(report.last_us)}")
    print(f"messages     {counts.messages:>9,}   {counts.logins:,} logins of tasks' roles")
    print(f"statements   {counts.statements:>9,}   of tasks; {counts.own:,} of the broker's own")
    print(
        f"records      {counts.records:>9,}   {counts.matched:,} with their statement, {counts.commits:,} with COMMIT"
    )
    for number, words in (
        (untold.later, "statements are newer than the newest record: pull again to tell"),
        (untold.earlier, "statements are older than the oldest record: pull the log before this one too"),
        (untold.edge, "records are too near to the log's first or last line to tell: add the log before or after"),
        (untold.uncertain, "COMMITs whose end the log does not show: the server stopped, or the record does not know"),
        (untold.skipped, "lines of the log are no message's"),
        (untold.unreadable, "objects stand where a record does, and are none that can be read"),
        (counts.uncompared, "records show no text to compare: they were matched by command, time and number"),
    ):
        if number:
            print(f"not told     {number:>9,}   {words}")
    _print_some("unreadable", report.unreadable, untold.unreadable)
    if counts.logins == 0:
        print("not told                 logins: set log_connections to on to have them in the log")
    _print_some("differs", report.findings, sum(report.found.values()))
    for database, number in report.unmatched.items():
        if database not in report.matched:
            which = f"none of {number:,} statements on {printable(database)} is in this log"
            print(f"hint: {which}: is it that database's? (--database)")
    if report.agrees and counts.matched:
        print("agree")


def _print_some(what: str, kept: Sequence[object], number: int) -> None:
    for one in kept[:_SHOWN]:
        print(f"{what}: {printable(str(one))}")
    if number > _SHOWN:
        print(f"{what}: and {number - _SHOWN:,} more; --json shows up to {len(kept):,} of them")


def _print_json(report: Report) -> None:
    from postern.audit.times import format_time

    def time(time_us: int | None) -> str | None:
        return None if time_us is None else format_time(time_us)

    print(
        json.dumps(
            {
                "agree": report.agrees and report.counts.matched > 0,
                "log": {"first": time(report.first_us), "last": time(report.last_us)},
                "counts": asdict(report.counts),
                "not_told": asdict(report.untold),
                "unreadable": report.unreadable,
                "found": {kind.value: number for kind, number in sorted(report.found.items())},
                "findings": [
                    {"kind": finding.kind.value, "where": finding.where, "what": finding.what}
                    for finding in report.findings
                ],
            },
            indent=2,
        )
    )


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1_000_000)


def _normalised(text: str) -> str | None:
    from postern.statement_text.normalise import normalise

    normalised = normalise(text)
    return None if normalised is None else normalised.text

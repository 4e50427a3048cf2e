"""`postern audit export`: a pulled log as events that a SIEM or a data lake takes."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from postern_cli.audit import app
from postern_cli.evidence.words import counted
from postern_cli.gate.options import JsonOption
from postern_cli.out_folder import make_empty
from postern_cli.stop import Exit, Stop
from postern_cli.vkeys import read_vkey

if TYPE_CHECKING:
    from postern_cli.ocsf.export import Done, Order, Sink

_EARLIEST, _LATEST = "0001-01-02", "9999-12-30"


@app.command()
def export(
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    vkey: Annotated[list[str], typer.Option(help="The log's public key, given to you by hand; once for each key.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made, or there and empty.")],
    ocsf: Annotated[
        bool, typer.Option("--ocsf", help="As OCSF 1.3.0, the one schema that there is. Required.")
    ] = False,
    format_: Annotated[
        Literal["jsonl", "parquet"], typer.Option("--format", help="JSON lines, a file a day, or partitioned Parquet.")
    ] = "jsonl",
    begin: Annotated[
        str | None, typer.Option("--from", help="First day or moment of the period, UTC: 2026-01-01.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The day or moment after the period's last.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Of the Parquet partitions: the region that the deployment runs in.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Of the Parquet partitions: the deployment's account, or `external`.")
    ] = None,
    log: Annotated[str | None, typer.Option(help="Only this log of the copy, for instance a past epoch.")] = None,
    scratch: Annotated[Path | None, typer.Option(help="Where to keep what does not fit in memory.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a pulled log as events of the Open Cybersecurity Schema Framework: who did what, and how it ended.

    Entries are checked against the signed root before anything is written; `postern audit verify` checks the rest.
    The same log, arguments and versions give the same bytes.

    Exit code: 0 written; 1 the copy is not what was signed; 2 usage; 3 something could not be read or written.
    """
    from postern_cli.ocsf.export import export as write_events
    from postern_cli.ocsf.manifest import write_manifest

    if not ocsf:
        raise Stop(Exit.USAGE, "export: expected --ocsf, which says in what schema; there is no other yet")
    order = _order(folder, vkey, begin, end, log, by_class=format_ == "parquet")
    sink = _sink(format_, out, region, account)
    make_empty(out)
    try:
        with tempfile.TemporaryDirectory(prefix="postern-export-", dir=scratch) as place:
            done = write_events(order, sink, Path(place) / "commands.sqlite")
        summary = _summary(order, done, sink)
        write_manifest(out, summary, sink.files)
    except sqlite3.Error as error:
        kept = scratch or tempfile.gettempdir()
        raise Stop(Exit.UNKNOWN, f"{kept}: expected to keep commands there, got {error}") from error
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{error.filename or out}: expected to use it, got {error.strerror}") from error
    if as_json:
        print(json.dumps({**summary, "out": str(out)}, indent=2))
    else:
        _tell(summary, out)


def _order(
    folder: Path, vkey: list[str], begin: str | None, end: str | None, log: str | None, *, by_class: bool
) -> Order:
    from postern_cli.evidence.entries import logs_of
    from postern_cli.evidence.period import parse_period
    from postern_cli.ocsf.export import Order
    from postern_cli.pulled import PulledFolder

    keys = [read_vkey(text) for text in vkey]
    period = None if begin is None and end is None else parse_period(begin or _EARLIEST, end or _LATEST)
    if log is not None and log not in logs_of(keys):
        raise Stop(
            Exit.USAGE, f"--log: expected a log that a --vkey is of ({', '.join(logs_of(keys))}), got {log[:60]!r}"
        )
    if not (folder / "versions.jsonl").is_file():
        raise Stop(Exit.UNKNOWN, f"{folder}: expected a finished pull with versions.jsonl; run `postern audit pull`")
    return Order(PulledFolder(folder), keys, period, log, by_class)


def _sink(format_: str, out: Path, region: str | None, account: str | None) -> Sink:
    from postern_cli.ocsf.json_lines import JsonLines
    from postern_cli.ocsf.parquet import ACCOUNT, REGION, Parquet, require_pyarrow

    if format_ == "jsonl":
        if region is not None or account is not None:
            raise Stop(
                Exit.USAGE, "--region, --account: expected with --format parquet only; JSON lines have no partitions"
            )
        return JsonLines(out)
    if region is None or REGION.fullmatch(region) is None:
        raise Stop(
            Exit.USAGE, f"--region: expected a region as eu-central-1 for the partitions, got {region or 'none'}"
        )
    if account is None or ACCOUNT.fullmatch(account) is None:
        raise Stop(Exit.USAGE, f"--account: expected 12 digits, external or external_NAME, got {account or 'none'}")
    require_pyarrow()
    return Parquet(out, region, account)


def _summary(order: Order, done: Done, sink: Sink) -> dict[str, Any]:
    from postern_cli.ocsf.schema import CLASSES, VERSION

    known = {log.name for log in done.logs}
    return {
        "schema": f"OCSF {VERSION}",
        "period": None if order.period is None else {"from": order.period.begin, "to": order.period.end},
        "logs": [{"log": one.name, "size": one.head.size, "root": one.head.root.hex()} for one in done.logs],
        "not_exported": sorted(set(order.folder.names("log")) - known),
        "entries": done.entries,
        "events": {CLASSES[uid].name: done.events[uid] for uid in CLASSES},
        "odd": done.odd,
        "left_out": dict(sorted(done.left_out.items())),
        "files": len(sink.files),
    }


def _tell(summary: dict[str, Any], out: Path) -> None:
    from postern_cli.terminal import printable

    for name, events in summary["events"].items():
        print(f"{name:<20}{events:>12,} events")
    for reason, records in summary["left_out"].items():
        print(f"{'left out':<20}{records:>12,} {reason}")
    if summary["odd"]:
        print(f"{'odd':<20}{summary['odd']:>12,} events of records with members of another form, which were left")
    for name in summary["not_exported"]:
        print(f"{'not exported':<20}log {printable(name)}: no --vkey was given for it")
    print(f"wrote {counted(summary['files'], 'file')} to {out}")

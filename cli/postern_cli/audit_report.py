"""`postern audit report`: a pulled log's evidence pack of a period, for an auditor."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from postern.tlog.notes import VerifierKey
from postern_cli.audit import app
from postern_cli.out_folder import make_empty
from postern_cli.stop import Exit, Stop
from postern_cli.vkeys import read_vkey

if TYPE_CHECKING:
    from postern_cli.report.pack import Order, Pack
    from postern_cli.report.verdict import Verdict

_MAX_SEED = 200


@app.command()
def report(
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    vkey: Annotated[list[str], typer.Option(help="The log's public key, given to you by hand; once for each key.")],
    begin: Annotated[str, typer.Option("--from", help="First day or moment of the period, UTC: 2026-01-01.")],
    end: Annotated[str, typer.Option("--to", help="The day or moment after the period's last: 2026-04-01.")],
    out: Annotated[Path, typer.Option(help="Folder to write the pack to; made, or there and empty.")],
    seed: Annotated[
        str | None, typer.Option(help="What samples are drawn with; without it, it follows from the log.")
    ] = None,
    sample: Annotated[int, typer.Option(min=0, max=1000, help="Records drawn from each population.")] = 25,
    since: Annotated[
        list[Path] | None, typer.Option(help="File with a checkpoint that you kept: the log must continue it.")
    ] = None,
    log: Annotated[str | None, typer.Option(help="Only this log of the copy, for instance a past epoch.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Processes; as many as cores.")] = None,
    scratch: Annotated[Path | None, typer.Option(help="Where to keep what does not fit in memory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Verify a pulled log and write an evidence pack of a period: page, populations, samples, proofs, manifest.

    The same log and arguments give the same pack, byte for byte. A log that does not hold gets a pack too, which says
    so first. Exit code: 0 it holds; 1 it does not; 3 it cannot be told, or nothing could be read.
    """
    from postern_cli.audit_verify import Asked
    from postern_cli.evidence.period import parse_period
    from postern_cli.report.pack import Order

    keys = [read_vkey(text) for text in vkey]
    if seed is not None and not (0 < len(seed) <= _MAX_SEED and seed.isprintable()):
        raise Stop(Exit.USAGE, f"--seed: expected 1 to {_MAX_SEED} printable characters")
    verified = Asked(folder, tuple(map(str, keys)), tuple(since or ()), log=log, workers=workers, scratch=scratch)
    order = Order(verified, parse_period(begin, end), seed, sample)
    make_empty(out)
    try:
        verdict, pack = _make(order, keys, out)
    except sqlite3.Error as error:
        raise Stop(
            Exit.UNKNOWN, f"{scratch or tempfile.gettempdir()}: expected to keep rows there, got {error}"
        ) from error
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{error.filename or out}: expected to use it, got {error.strerror}") from error
    if as_json:
        print(json.dumps({**pack.summary, "manifest_sha256": pack.manifest_sha256, "out": str(out)}, indent=2))
    else:
        _tell(pack.summary, pack.manifest_sha256, out)
    if verdict.code is not Exit.DONE:
        raise Stop(verdict.code, f"{verdict.line} The pack says so: {out / 'report.html'}")


def _make(order: Order, keys: list[VerifierKey], out: Path) -> tuple[Verdict, Pack]:
    """Verifies, reads each entry once, and writes the pack."""
    from postern_cli.audit_verify import verify_folder
    from postern_cli.pulled import PulledFolder
    from postern_cli.report.intake import Intake
    from postern_cli.report.pack import write_pack
    from postern_cli.report.reading import read_logs
    from postern_cli.report.store import Store
    from postern_cli.report.verdict import Verdict

    asked = order.verified
    checked = verify_folder(asked)
    folder = PulledFolder(asked.folder)
    with tempfile.TemporaryDirectory(prefix="postern-report-", dir=asked.scratch) as scratch:
        store = Store(Path(scratch) / "rows.sqlite")
        try:
            intake = Intake(folder, store, order.period)
            logs, unread = read_logs(folder, keys, asked.log, intake)
            intake.finish()
            store.seal()
            verdict = Verdict(checked, logs, unread)
            return verdict, write_pack(store, intake, verdict, order, out)
        finally:
            store.close()


def _tell(summary: Mapping[str, object], manifest_sha256: str, out: Path) -> None:
    populations = cast("list[dict[str, object]]", summary["populations"])
    for one in populations:
        print(f"{one['name']:<20}{one['rows']:>10,} rows, {one['sampled']} sampled")
    print(f"manifest.sha256 has the SHA-256 {manifest_sha256}")
    print(f"wrote {out}; begin with {out / 'report.html'}")

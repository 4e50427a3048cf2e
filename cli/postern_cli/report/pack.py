"""The folder of a pack, written in an order that shows whether it is whole: `manifest.sha256` is last.

report.html         the page
verification.*      what the verifier said
populations/*.csv   the populations; samples/*.csv the rows that were drawn from each
records/*           each sampled or named record, byte for byte, and its proof
summary.json        figures and digests for machines
manifest.sha256     every other file, as `sha256sum -c` reads it
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from postern_cli.audit_verify import Asked
from postern_cli.evidence.period import Period
from postern_cli.report.csv_rows import CsvFile
from postern_cli.report.extracts import Extract, write_populations
from postern_cli.report.intake import Intake
from postern_cli.report.named_records import NamedRecord, Place, write_records
from postern_cli.report.page import Page, render
from postern_cli.report.pictures import pictures
from postern_cli.report.questions import answers
from postern_cli.report.sampling import seed_of
from postern_cli.report.store import Store
from postern_cli.report.tables import Answer, Picture, Table
from postern_cli.report.verdict import Verdict
from postern_cli.report.verification_file import steps_of, write_verification

MANIFEST = "manifest.sha256"
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What a pack was asked for."""

    verified: Asked
    period: Period
    seed: str | None  # None: the one that follows from the log
    sample_size: int


@dataclass(frozen=True, slots=True)
class Pack:
    """What was written: figures for machines, and the digest under which the whole can be named."""

    summary: Mapping[str, object]
    manifest_sha256: str


def write_pack(store: Store, intake: Intake, verdict: Verdict, order: Order, out: Path) -> Pack:
    """Writes a pack into an empty folder, from a sealed store. Raises `OSError` as the disk does."""
    seed = order.seed if order.seed is not None else seed_of(log.head for log in verdict.logs)
    extracts = write_populations(store, out, order.period, seed=seed, size=order.sample_size)
    told, drawn = answers(store, verdict), pictures(store, order.period, intake.last_time)
    on_page = list(_places(told, drawn))
    logs = {log.name: log for log in verdict.logs}
    records = write_records(logs, [*on_page, *_sampled(extracts)], out)
    _write_samples(extracts, records, out)
    write_verification(verdict, order.verified, out)
    page = _page(store, verdict, order, seed, extracts, told, drawn, records, on_page)
    (out / "report.html").write_bytes(render(page))
    summary = _summary(page)
    (out / "summary.json").write_bytes(json.dumps(summary, indent=2).encode() + b"\n")
    return Pack(summary, _write_manifest(out))


def _page(
    store: Store,
    verdict: Verdict,
    order: Order,
    seed: str,
    extracts: list[Extract],
    told: tuple[Answer, ...],
    drawn: tuple[Picture, ...],
    records: Mapping[Place, NamedRecord],
    on_page: Iterable[Place],
) -> Page:
    return Page(
        begin=order.period.begin,
        end=order.period.end,
        verdict=verdict,
        vkeys=order.verified.vkeys,
        steps=steps_of(verdict.report, order.verified),
        answers=told,
        pictures=drawn,
        extracts=extracts,
        placement=_placement(store),
        named=_named(records, on_page),
        records=records,
        seed=seed,
        seed_is_given=order.seed is not None,
        sample_size=order.sample_size,
        command=_command(order),
        is_empty=not store.number("SELECT sum(records) FROM tally WHERE place = 'within' AND type <> 'opaque'"),
    )


def _command(order: Order) -> str:
    """What makes the same pack again; files and folders by what they are, as they lie elsewhere with whoever does."""
    asked = order.verified
    options = [
        *(f"--vkey {key}" for key in asked.vkeys),
        f"--from {order.period.begin} --to {order.period.end} --sample {order.sample_size}",
        *("--since CHECKPOINT" for _ in asked.since),
        *([] if asked.log is None else [f"--log {asked.log}"]),
        *([] if order.seed is None else [f"--seed {shlex.quote(order.seed)}"]),
    ]
    return f"postern audit report --dir DIR {' '.join(options)} --out OUT"


def _placement(store: Store) -> Table:
    """Every entry of the log, in or outside of the period: so a reader can add up what the populations hold."""
    rows = store.all("""SELECT type, kind, sum(CASE place WHEN 'before' THEN records ELSE 0 END),
        sum(CASE place WHEN 'within' THEN records ELSE 0 END), sum(CASE place WHEN 'after' THEN records ELSE 0 END)
        FROM tally GROUP BY type, kind ORDER BY type, kind""")
    return Table(
        "All entries of the log, by their own time",
        ("type", "kind", "before", "in the period", "after"),
        tuple(rows),
        "An outcome belongs to its intent's period, whenever it came. Entries that are no records have no time.",
    )


def _named(records: Mapping[Place, NamedRecord], on_page: Iterable[Place]) -> Table:
    rows = [records[place] for place in sorted(set(on_page)) if place in records]
    return Table(
        "Key in the bucket, SHA-256 of the bytes, and the proof",
        ("record", "key", "SHA-256", "proof"),
        tuple((one.place, one.key, one.sha256, one.proof or f"none: {one.problem}") for one in rows),
    )


def _places(told: Iterable[Answer], drawn: Iterable[Picture]) -> Iterator[Place]:
    for answer in told:
        for table in answer.tables:
            yield from table.places
    for picture in drawn:
        yield from picture.table.places


def _sampled(extracts: Iterable[Extract]) -> Iterator[Place]:
    for extract in extracts:
        for one in extract.sample:
            yield from (Place(one.log, index) for index in (one.index, *one.also))


def _write_samples(extracts: Iterable[Extract], records: Mapping[Place, NamedRecord], out: Path) -> None:
    (out / "samples").mkdir()
    columns = ("place", "rank", "log", "index", "type", "key", "sha256", "record", "proof", "problem")
    for extract in extracts:
        with CsvFile(out / f"samples/{extract.population.name}.csv", columns) as written:
            for number, drawn in enumerate(extract.sample, 1):
                for index in (drawn.index, *drawn.also):
                    one = records[Place(drawn.log, index)]
                    told = (one.type, one.key, one.sha256, one.file, one.proof, one.problem)
                    written.add((number, drawn.rank, drawn.log, index, *told))


def _summary(page: Page) -> dict[str, object]:
    return {
        "holds": {0: True, 1: False}.get(page.verdict.code.value),
        "verdict": page.verdict.line,
        "from": page.begin,
        "to": page.end,
        "logs": [
            {"log": log.name, "origin": log.head.origin, "size": log.head.size, "root": log.head.root.hex()}
            for log in page.verdict.logs
        ],
        "seed": page.seed,
        "sample": page.sample_size,
        "populations": [
            {
                "name": one.population.name,
                "file": one.file,
                "records": one.population.words,
                "command": one.command,
                "rows": one.rows,
                "sampled": len(one.sample),
                "sha256": one.sha256,
            }
            for one in page.extracts
        ],
        "answers": [
            {"question": one.question, "figures": [{"what": fact.label, "is": fact.value} for fact in one.facts]}
            for one in page.answers
        ],
    }


def _write_manifest(out: Path) -> str:
    """Lines in the order of the paths' bytes; a pack's own names need no escaping."""
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    data = "".join(f"{_digest(out / name)}  {name}\n" for name in files).encode()
    (out / MANIFEST).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

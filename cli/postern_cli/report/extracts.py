"""Populations on their way into the pack: each row once, to its CSV file and to the lottery of the sample."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from postern_cli.evidence.period import Period
from postern_cli.report.csv_rows import CsvFile
from postern_cli.report.populations import POPULATIONS, Population
from postern_cli.report.sampling import Drawn, Sample
from postern_cli.report.store import Store

FOLDER = "populations"


@dataclass(frozen=True, slots=True)
class Extract:
    """A population as the pack has it."""

    population: Population
    file: str
    rows: int
    sha256: str
    command: str | None  # gives the ids of its records, one a line; None where it is derived
    sample: tuple[Drawn, ...]


def write_populations(store: Store, out: Path, period: Period, *, seed: str, size: int) -> list[Extract]:
    """Writes every population and draws its sample. Raises `OSError` as the disk does."""
    (out / FOLDER).mkdir()
    return [_write(store, out, one, period, Sample(seed, one.name, size)) for one in POPULATIONS]


def _write(store: Store, out: Path, population: Population, period: Period, sample: Sample) -> Extract:
    columns = store.names(population.sql)
    places = [columns.index(name) for name in ("log", "index", *population.also)]
    file = f"{FOLDER}/{population.name}.csv"
    with CsvFile(out / file, columns) as written:
        for row in store.rows(population.sql):
            written.add(row)
            log, index, *also = (row[place] for place in places)
            sample.offer(str(log), int(index or 0), [int(at) for at in also if at is not None])
    command = None if population.filter is None else command_of(population.filter, period)
    return Extract(population, file, written.rows, written.sha256, command, tuple(sample))


def command_of(filter_: str, period: Period) -> str:
    """A command that prints the ids of the records, from the folder that `postern audit pull` wrote, as DIR."""
    within = f'.time >= "{period.begin}" and .time < "{period.end}"'
    program = f'fromjson? | select(type == "object" and {within} and ({filter_})) | .id'
    return f"find DIR/objects/wal/v1 -name '1-*.json' -exec awk 1 {{}} + | jq -R -r {shlex.quote(program)}"

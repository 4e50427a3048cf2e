"""What `postern audit verify` does: reads what the auditor holds, verifies on all cores, says what was found."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

from postern.audit.findings import Bounds, Finding, Step
from postern.audit.times import format_time
from postern.audit.verify import Cosigned, Options, Report
from postern.audit.verify import verify as run_steps
from postern.audit.verify.spill import MemorySpill
from postern.errors import IntegrityError
from postern.tlog.notes import COSIGNATURE, ED25519, VerifierKey, parse_vkey
from postern_cli.processes import cores, processes
from postern_cli.progress import counting
from postern_cli.pulled import ByInventory, PulledFolder
from postern_cli.spilled import DiskSpill
from postern_cli.stop import Exit, Stop

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_MAX_NOTE_BYTES = 1_000_000
_STRETCH_BYTES = 1_500_000, 12_000_000  # of the listing, least and most: a task of a second, and of some seconds
_TASKS = 16  # a process, of a large listing: so that all have work until the end
_SPILL_BYTES = 48 * 1024 * 1024  # in memory, of all processes together; a process takes at most a tenth of it
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options, as they were given."""

    folder: Path
    vkeys: tuple[str, ...] = ()
    since: tuple[Path, ...] = ()
    cosigned: Path | None = None
    witnesses: tuple[str, ...] = ()
    log: str | None = None
    min_retention_days: int = 1
    max_open_s: int | None = None
    max_unsequenced_s: int = 86_400
    workers: int | None = None
    scratch: Path | None = None


def run(asked: Asked, *, as_json: bool) -> None:
    """Verifies and prints. Raises `Stop` unless everything that was asked holds."""
    report = verify_folder(asked)
    _print_json(report, asked) if as_json else _print_text(report, asked)
    if report.first is not None:
        more = f" (and {report.wrong - 1:,} more)" if report.wrong > 1 else ""
        step = f"step {report.first.step.value}, {report.first.step.name.lower()}"
        raise Stop(Exit.REFUSED, f"does not hold: {report.first}{more} ({step})")
    if report.counts.objects == 0:
        raise Stop(
            Exit.UNKNOWN, f"{asked.folder}: expected records, got none; was the right bucket pulled, and the right log?"
        )
    if report.untold:
        raise Stop(Exit.UNKNOWN, f"nothing is wrong in what was checked; it cannot be told: {'; '.join(report.untold)}")


def verify_folder(asked: Asked) -> Report:
    """The report on a pulled folder. Raises `Stop` where it cannot be read or what was given is no key or note."""
    pulled = PulledFolder(asked.folder)
    if not pulled.versions.is_file():
        raise Stop(
            Exit.UNKNOWN, f"{pulled.versions}: expected a finished pull, got no such file; run `postern audit pull`"
        )
    options = _options(asked)
    bounds = Bounds(
        min_retention_us=asked.min_retention_days * _DAY_US,
        max_open_us=None if asked.max_open_s is None else asked.max_open_s * _SECOND_US,
        max_unsequenced_us=asked.max_unsequenced_s * _SECOND_US,
    )
    now_us = pulled.copied_at_us() or time.time_ns() // 1000
    workers = asked.workers or cores()
    try:
        size = pulled.versions.stat().st_size
        least, most = _STRETCH_BYTES
        stretch = min(max(size // (workers * _TASKS), least), most)
        with (
            tempfile.TemporaryDirectory(prefix="postern-verify-", dir=asked.scratch) as scratch,
            counting("verifying, in parts") as advance,
            processes(1 if size < least else workers, advance) as at_once,
        ):
            return run_steps(
                pulled,
                bounds,
                now_us=now_us,
                options=options,
                spill=MemorySpill() if size < least else spill_of(Path(scratch), workers),
                run=at_once,
                stretches=size // stretch + 1,
            )
    except OSError as error:
        raise Stop(
            Exit.UNKNOWN, f"{error.filename or asked.folder}: expected to read it, got {error.strerror}"
        ) from error
    except BrokenProcessPool as error:
        raise Stop(Exit.UNKNOWN, "verify: expected its processes to live, got one that was ended") from error


def spill_of(folder: Path, workers: int) -> DiskSpill:
    """Rows on disk, for so many processes: each holds what is not written yet and, three times as large, a portion."""
    share = min(_SPILL_BYTES // workers, _SPILL_BYTES // 10)
    return DiskSpill(folder, held_bytes=share // 3, portion_bytes=share * 2 // 9)


def _options(asked: Asked) -> Options:
    if (asked.since or asked.cosigned) and not asked.vkeys:
        raise Stop(
            Exit.USAGE, "verify: expected --vkey with --since and --cosigned, to know whose checkpoints they are"
        )
    if (asked.cosigned is None) != (not asked.witnesses):
        raise Stop(Exit.USAGE, "verify: expected --cosigned and --witness together")
    witnesses = tuple(_key(text, COSIGNATURE, "--witness") for text in asked.witnesses)
    cosigned = (Cosigned(_note(asked.cosigned), witnesses),) if asked.cosigned is not None else ()
    vkeys = tuple(_key(text, ED25519, "--vkey") for text in asked.vkeys)
    return Options(vkeys, tuple(_note(path) for path in asked.since), cosigned, asked.log)


def _key(text: str, algorithm: int, option: str) -> VerifierKey:
    try:
        key = parse_vkey(text)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"{option}: {error.detail}") from error
    if key.algorithm != algorithm:
        raise Stop(Exit.USAGE, f"{option}: expected a key of algorithm {algorithm}, got {key.algorithm}")
    return key


def _note(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{path}: expected a checkpoint, got {error.strerror}") from error


def _print_text(report: Report, asked: Asked) -> None:
    for line in lines_of(report, asked):
        print(line)


def lines_of(report: Report, asked: Asked) -> Iterator[str]:
    """The report in words, line by line."""
    counts = report.counts
    notes = {
        "intents": f"{counts.refused} refused, {counts.open} open" if counts.intents else "",
        "chains": "one an execution environment" if counts.chains else "",
        "entries": f"{counts.sequenced} of objects, {counts.unsigned} under no checkpoint yet"
        if counts.entries
        else "",
        "stages": f"{counts.stages_left} overtaken" if counts.stages else "",
    }
    always = ("objects", "intents", "outcomes", "settlements", "events", "blobs", "chains")
    tree = ("entries", "bundles", "tiles", "checkpoints", "stages") if counts.entries or counts.checkpoints else ()
    for name in (*always, *tree):
        yield f"{name:<12}{getattr(counts, name):>9,}   {notes.get(name, '')}".rstrip()
    for log, size in report.heads:
        yield f"log {log}: {size:,} entries under its largest checkpoint"
    for one in report.open[:_SHOWN]:
        yield f"open: {one.key} waits for its {one.waits_for.value} since {format_time(one.since_us)}"
    yield from _more("open", counts.open)
    for key in report.opaque[:_SHOWN]:
        yield f"opaque: {key} is no record, and is in the log as the bytes it is"
    yield from _more("opaque", counts.opaque)
    for key in report.odd[:_SHOWN]:
        yield f"odd: {key} would begin or end a log, and stands where it does not"
    yield from _more("odd", counts.odd)
    for name, what in (
        ("unsequenced", "records are under no checkpoint yet"),
        ("quarantined", "objects are no entries, and the log says so"),
        ("reordered", "commands stand in the log in another order than they were written in"),
        ("others", "objects are of logs that were not asked for"),
    ):
        if getattr(counts, name):
            yield f"{name}: {getattr(counts, name):,} {what}"
    yield f"copied at {_copied_at(asked) or 'a time that it does not say, so ages are told from now'}"
    told = PulledFolder(asked.folder).by_inventory()
    if told is not None:
        yield f"locks: {told.locks:,} are as an S3 Inventory of {format_time(told.created_us)} said, not S3 itself"
        yield f"bytes: {told.derived:,} objects are the log's own, of the length and ETag that S3 states"
    yield from _step_lines(report, asked)
    for one_unchecked in report.unchecked:
        yield f"not checked: {one_unchecked}"
    for one_untold in report.untold:
        yield f"cannot be told: {one_untold}"
    if report.holds and counts.objects and not report.untold:
        yield "holds"


def _copied_at(asked: Asked) -> str | None:
    """As the copy says. Ages are told from then, so whoever hands a copy over can choose what is too old."""
    at_us = PulledFolder(asked.folder).copied_at_us()
    return None if at_us is None else format_time(at_us)


def _more(what: str, count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"{what}: and {count - _SHOWN:,} more"


def _step_lines(report: Report, asked: Asked) -> Iterator[str]:
    more = " or more" if report.wrong > len(report.findings) else ""
    for step, (wrong, said) in steps_of(report, asked).items():
        yield f"step {step.value:>2} {step.name.lower():<11} {f'{wrong}{more} wrong' if wrong else said}"


def steps_of(report: Report, asked: Asked) -> dict[Step, tuple[int, str]]:
    """Each step with what was found wrong at it, of the first hundred findings, and what is said where nothing was."""
    wrong = {step: sum(finding.step is step for finding in report.findings) for step in Step}
    unasked = set() if asked.cosigned else {Step.WITNESS} if asked.since else {Step.WITNESS, Step.KEPT}
    quiet = "-" if report.wrong else "ok"
    return {step: (wrong[step], "not asked" if step in unasked else quiet) for step in Step}


def _print_json(report: Report, asked: Asked) -> None:
    print(json.dumps(members_of(report, asked), indent=2))


def members_of(report: Report, asked: Asked) -> dict[str, object]:
    """The report for machines."""
    holds = report.holds and report.counts.objects > 0
    copied_at = _copied_at(asked)
    return {
        "holds": None if holds and report.untold else holds,
        "first": None if report.first is None else _finding_member(report.first),
        "wrong": report.wrong,
        "steps": [
            {"step": step.value, "name": step.name.lower(), "said": "wrong" if wrong else said}
            for step, (wrong, said) in steps_of(report, asked).items()
        ],
        "findings": [_finding_member(finding) for finding in report.findings],
        "counts": asdict(report.counts),
        "open": [
            {"key": one.key, "waits_for": one.waits_for.value, "since": format_time(one.since_us)}
            for one in report.open
        ],
        "opaque": list(report.opaque),
        "odd": list(report.odd),
        "logs": [{"log": log, "size": size} for log, size in report.heads],
        "untold": list(report.untold),
        "unchecked": list(report.unchecked),
        "copied_at": copied_at,
        "inventory": _inventory_member(PulledFolder(asked.folder).by_inventory()),
    }


def _inventory_member(told: ByInventory | None) -> dict[str, object] | None:
    if told is None:
        return None
    return {"created": format_time(told.created_us), "locks": told.locks, "derived": told.derived}


def _finding_member(finding: Finding) -> dict[str, object]:
    return {**asdict(finding), "step": finding.step.value, "step_name": finding.step.name.lower(), "text": str(finding)}

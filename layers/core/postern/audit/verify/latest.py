"""Step 11 for `checkpoint`: it is there, was never anything but a published checkpoint, and moved only forward."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from postern.audit.findings import Finding, Step
from postern.audit.keys import log_key
from postern.audit.verify import rows
from postern.audit.verify.log_objects import Sizes
from postern.audit.verify.run import Run
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.terms import Terms


@dataclass(slots=True)
class _Versions:
    """Versions of `checkpoint` that were published: log, place from the newest, size of the tree; and of no such."""

    known: list[tuple[int, int, int]] = field(default_factory=list)
    unknown: list[tuple[int, int, str]] = field(default_factory=list)


def check_latest(spill: Spill, terms: Terms, run: Run) -> Iterator[Finding]:
    """Each version is, byte for byte, one under `checkpoints/`, and none is of a smaller tree than an older one.

    Eight bytes a version are held: as many as there were batches.
    """
    sizes: dict[int, array[int]] = {}
    for versions in run(partial(_find_versions, spill), spill.parts(Kind.NOTE)):
        for log, number, digest in versions.unknown:
            expected, got = "the bytes of one under checkpoints/", f"others, {digest}"
            yield _finding(terms, log, number, expected, got)
        for log, number, size in versions.known:
            of_log = sizes.setdefault(log, array("q"))
            if number >= len(of_log):
                of_log.extend([-1] * (number + 1 - len(of_log)))
            of_log[number] = size
    for log, of_log in sorted(sizes.items()):
        newer = -1
        for number, size in enumerate(of_log):
            if -1 < newer < size:
                yield _finding(terms, log, number - 1, f"at least the {size} entries of the version before", f"{newer}")
                break
            newer = size if size >= 0 else newer


def _find_versions(spill: Spill, part: int) -> _Versions:
    published: dict[tuple[bytes, int], int] = {}
    versions: list[rows.Note] = []
    for note in rows.read(rows.Note, spill, part):
        if note.is_version:
            versions.append(note)
        else:
            published[note.sha256, note.log] = note.number
    found = _Versions()
    for note in versions:
        size = published.get((note.sha256, note.log))
        if size is None:
            found.unknown.append((note.log, note.number, note.sha256.hex()))
        else:
            found.known.append((note.log, note.number, size))
    return found


def _finding(terms: Terms, log: int, number: int, expected: str, got: str) -> Finding:
    where = log_key(terms.named(log).name, "checkpoint")
    return Finding(Step.CHECKPOINT, where, f"version {number}, from the newest", expected, got)


def missing_logs(terms: Terms, sizes: dict[str, Sizes]) -> Iterator[Finding]:
    """There is a checkpoint of each log that a key was given for, and a latest one of each that has any."""
    for key in terms.options.vkeys:
        name = key.name.rpartition("/")[2]
        if terms.is_asked(name) and not any(key in log.vkeys for log in terms.logs.values()):
            yield Finding(Step.CHECKPOINT, f"log/{name}/checkpoint", "checkpoint", f"one of {key.name}", "none")
    for log in terms.logs.values():
        of_log = sizes.get(log.name, Sizes())
        is_due = bool(log.vkeys) or of_log.signed >= 0
        if terms.is_asked(log.name) and is_due and not (of_log.has_latest and of_log.signed >= 0):
            where = log_key(log.name, "checkpoint")
            yield Finding(Step.CHECKPOINT, where, "checkpoint", f"one of {log.origin or log.name}", "none")

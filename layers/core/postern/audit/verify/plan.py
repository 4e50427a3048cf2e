"""The verifier: offline, from a pulled copy alone, trusting neither the broker nor its operators.

It goes on past what is wrong, so that the count is right, and keeps the order: what it names first is what comes first
in the passes below, and in them the first in key order. Each pass is cut into tasks that know nothing of each
other; `run` may give them to as many processes as there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from postern.audit.findings import Bounds, Finding, Step
from postern.audit.keys import log_key
from postern.audit.listing import VERSIONS_FILE, PulledLog
from postern.audit.verify import rows
from postern.audit.verify.anchors import check_anchors, file_anchors, find_anchors, unasked_anchors
from postern.audit.verify.bundles import check_bundles
from postern.audit.verify.chains import join_chains
from postern.audit.verify.epochs import KeyEvent, check_epochs, unchecked_logs
from postern.audit.verify.extents import check_extents, runs_of
from postern.audit.verify.found import Found
from postern.audit.verify.growth import Growth
from postern.audit.verify.heads import find_logs
from postern.audit.verify.joins import Joined, join_entries, join_ids
from postern.audit.verify.latest import check_latest, missing_logs
from postern.audit.verify.log_objects import Sizes
from postern.audit.verify.report import Report, report_of
from postern.audit.verify.run import Done, Run, Task
from postern.audit.verify.spill import Kind, MemorySpill, Spill
from postern.audit.verify.stretch import Stretched, check_stretch
from postern.audit.verify.terms import Log, Options, Terms


def verify(
    pulled: PulledLog,
    bounds: Bounds,
    *,
    now_us: int,
    options: Options | None = None,
    spill: Spill | None = None,
    run: Run | None = None,
    stretches: int = 1,
) -> Report:
    """The numbered steps of `findings.Step`, in five passes. `now_us` is when the copy was made: ages are told from it.

    `stretches`: how many tasks the listing is cut into. `spill` holds what ties distant objects together.
    """
    options, spill, run = options or Options(), spill or MemorySpill(), run or _here
    terms = Terms(bounds, now_us, find_logs(pulled, options), options)
    asked = [log for log in terms.logs.values() if terms.is_asked(log.name)]
    found = Found()
    # 1 to 9 and 11: the listing and each object by itself; the records of one folder together.
    sizes = _walk_listing(pulled, spill, terms, run, stretches, found)
    signed = {log.number: sizes[log.name].signed for log in asked if log.name in sizes}
    # 10: the chains, once all their records are known.
    key_events: list[KeyEvent] = []
    _join(run, partial(join_chains, pulled, spill, terms), spill.parts(Kind.CHAIN), found, key_events)
    # 11: there are checkpoints of what keys were given for, and `checkpoint` was never anything else than one of them.
    for finding in (*check_latest(spill, terms, run), *missing_logs(terms, sizes)):
        found.find(finding)
    # 12 to 15: the trees, from their entries; every root that anybody claims; what others kept.
    anchors = list(find_anchors(pulled, terms, found))
    file_anchors(spill, anchors)
    for log in asked:
        growth = _grow(pulled, spill, log, sizes.get(log.name, Sizes()), run, found)
        check_anchors(anchors, log, signed.get(log.number, -1), growth.roots, found)
    # 16 and 17: objects and entries, one to one, each in a place that fits its times; then by id.
    by_digest = spill.parts(Kind.WAL, Kind.ENTRY)
    _join(run, partial(join_entries, pulled, spill, terms, signed), by_digest, found, key_events)
    _join(run, partial(join_ids, spill, terms), spill.parts(Kind.PLACE, Kind.ASIDE), found, key_events)
    # 18: beginning and end of each log, and how they follow each other.
    for finding in check_epochs(pulled, terms, signed, key_events):
        found.find(finding)
    heads = tuple((log.name, signed[log.number]) for log in asked if signed.get(log.number, -1) >= 0)
    untold = (*_untold(asked, options), *unasked_anchors(terms))
    unchecked = tuple(unchecked_logs(pulled, terms))
    return report_of(found, logs=len(asked), untold=untold, unchecked=unchecked, heads=heads)


def _here(call: Callable[[Task], Done], tasks: Iterable[Task]) -> Iterator[Done]:
    return map(call, tasks)


def _walk_listing(
    pulled: PulledLog, spill: Spill, terms: Terms, run: Run, stretches: int, found: Found
) -> dict[str, Sizes]:
    sizes: dict[str, Sizes] = {}
    lines, last_key = 0, ""
    for done in run(partial(check_stretch, pulled, spill, terms), pulled.stretches(stretches)):
        for at, finding in enumerate(done.found.findings):
            done.found.findings[at] = _numbered(finding, lines)
        if done.first_key is not None and done.first_key < last_key:
            where = f"{VERSIONS_FILE}:{lines + 1}"
            found.find(Finding(Step.LISTING, where, "order", "keys in order", f"{done.first_key} after a later key"))
        found.add(done.found)
        lines, last_key = lines + done.lines, done.last_key or last_key
        _add_sizes(sizes, done)
    return sizes


def _numbered(finding: Finding, lines: int) -> Finding:
    """The finding with its line counted from the beginning of the listing, not of the stretch."""
    file, _, number = finding.where.rpartition(":")
    if finding.step is not Step.LISTING or file != VERSIONS_FILE or not lines:
        return finding
    return replace(finding, where=f"{file}:{int(number) + lines}")


def _add_sizes(sizes: dict[str, Sizes], done: Stretched) -> None:
    for log, size in done.sizes.items():
        sizes.setdefault(log, Sizes()).add(size)


def _join(
    run: Run, call: Callable[[int], Joined], parts: Sequence[int], found: Found, key_events: list[KeyEvent]
) -> None:
    joined = Found()
    for one in run(call, parts):
        joined.add(one.found)
        key_events += one.key_events
    # Files are filled by digests: only sorted does the first finding mean anything.
    joined.findings.sort(key=lambda finding: (finding.step, finding.where))
    found.add(joined)


def _grow(pulled: PulledLog, spill: Spill, log: Log, sizes: Sizes, run: Run, found: Found) -> Growth:
    """12, 13 and 15 of one log."""
    size = check_extents(pulled, log, sizes, found)
    growth = Growth(pulled, log, size, sizes.signed)
    for leaves in run(partial(check_bundles, pulled, spill), runs_of(spill, log, size, sizes.signed)):
        growth.take(leaves)
    growth.finish()
    found.add(growth.found)
    found.count["unsigned"] += max(0, size - max(0, sizes.signed))
    for part in spill.parts(Kind.CLAIM):
        if part >> 48 == log.number:
            _check_unreached(spill, part, log, size, found)
    return growth


def _check_unreached(spill: Spill, part: int, log: Log, size: int, found: Found) -> None:
    """13. No checkpoint speaks of more entries than there are."""
    for claim in rows.read(rows.Claim, spill, part):
        if claim.size > size and claim.by == rows.Claims.PUBLISHED:
            where = log_key(log.name, f"checkpoints/{claim.size}")
            found.find(Finding(Step.ROOT, where, "entries", f"{claim.size}", f"{size} that can be read"))


def _untold(asked: Sequence[Log], options: Options) -> Iterator[str]:
    if options.log is not None and not asked:
        yield f"{options.log}: nothing of it is in the copy"
    for log in asked:
        if not log.vkeys:
            yield f"order and completeness of {log.name}: no --vkey of it was given"

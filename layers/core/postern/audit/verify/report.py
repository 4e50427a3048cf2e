"""What a verification says in the end."""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.commands import Open
from postern.audit.findings import Finding
from postern.audit.records import RecordType
from postern.audit.verify.found import Found


@dataclass(frozen=True, slots=True)
class Counts:
    """What was looked at. `objects` counts keys; records are those that hold by themselves."""

    objects: int
    records: int
    intents: int
    outcomes: int
    settlements: int
    events: int
    refused: int
    open: int
    blobs: int
    chains: int
    logs: int = 0
    entries: int = 0  # of all logs
    sequenced: int = 0  # objects under wal/ whose bytes are an entry under a checkpoint
    unsequenced: int = 0  # objects under wal/ that no checkpoint covers yet
    quarantined: int = 0
    opaque: int = 0  # entries that are no records
    reordered: int = 0  # commands whose records stand in the log in another order than they were written in
    checkpoints: int = 0
    tiles: int = 0
    bundles: int = 0
    stages: int = 0
    stages_left: int = 0  # staged and overtaken, never committed
    unsigned: int = 0  # entries past the largest checkpoint
    others: int = 0  # objects of logs that were not asked for
    odd: int = 0  # entries that would begin or end a log, in places where they do not


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found. It holds where nothing is wrong; `first` is then None.

    `untold` names what could not be told with what was given; `unchecked` what of another log was taken as said.
    `heads` are the logs and their largest signed trees.
    """

    counts: Counts
    wrong: int
    findings: tuple[Finding, ...]  # the first hundred
    open: tuple[Open, ...]  # the first hundred
    opaque: tuple[str, ...] = ()  # keys, the first hundred
    untold: tuple[str, ...] = ()
    heads: tuple[tuple[str, int], ...] = ()  # log, size
    odd: tuple[str, ...] = ()  # keys, the first hundred
    unchecked: tuple[str, ...] = ()

    @property
    def first(self) -> Finding | None:
        return self.findings[0] if self.findings else None

    @property
    def holds(self) -> bool:
        return self.wrong == 0


def report_of(
    found: Found,
    *,
    logs: int,
    untold: tuple[str, ...],
    unchecked: tuple[str, ...],
    heads: tuple[tuple[str, int], ...],
) -> Report:
    count = found.count
    by_type = {type_: count[type_.value] for type_ in RecordType}
    counts = Counts(
        objects=count["objects"],
        records=sum(by_type.values()),
        intents=by_type[RecordType.INTENT],
        outcomes=by_type[RecordType.OUTCOME],
        settlements=by_type[RecordType.SETTLED],
        events=by_type[RecordType.EVENT],
        refused=count["refused"],
        open=count["open"],
        blobs=count["blobs"],
        chains=count["chains"],
        logs=logs,
        entries=count["entries"],
        sequenced=count["sequenced"],
        unsequenced=count["unsequenced"],
        quarantined=count["quarantined"],
        opaque=count["opaque"],
        reordered=count["reordered"],
        checkpoints=count["CHECKPOINT"],
        tiles=count["TILE"],
        bundles=count["BUNDLE"],
        stages=count["STAGE"],
        stages_left=count["stages_left"],
        unsigned=count["unsigned"],
        others=count["others"],
        odd=count["odd"],
    )
    return Report(
        counts,
        count["wrong"],
        tuple(found.findings),
        tuple(found.open),
        opaque=tuple(found.opaque),
        untold=untold,
        heads=heads,
        odd=tuple(found.odd),
        unchecked=unchecked,
    )

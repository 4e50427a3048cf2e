"""The verifier: offline, from a pulled copy alone, trusting neither the broker nor its operators.

It goes on past what is wrong, so that the count is right, and keeps the order: what it names first is the
first in key order, then in the order of the steps (`findings.Step`). Not checked, until the log of
checkpoints exists: the order of records, and that none is missing from the end of a chain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from postern.audit.chains import Chains
from postern.audit.commands import Open, check_command
from postern.audit.findings import Bounds, Finding, Step
from postern.audit.keys import blob_key
from postern.audit.listing import Listed, PulledLog, read_listing
from postern.audit.objects import Blob, Checked, check_object
from postern.audit.records import RecordType
from postern.audit.times import format_time

NOT_CHECKED = ("order", "completeness")
_KEPT = 100  # findings and open commands that a report names; all are counted


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


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found. It holds where nothing is wrong; `first` is then None."""

    counts: Counts
    wrong: int
    findings: tuple[Finding, ...]  # the first hundred
    open: tuple[Open, ...]  # the first hundred

    @property
    def first(self) -> Finding | None:
        return self.findings[0] if self.findings else None

    @property
    def holds(self) -> bool:
        return self.wrong == 0


def verify(pulled: PulledLog, bounds: Bounds, *, now_us: int) -> Report:
    """Every step over every object of the copy, in one pass; `now_us` is used for the age of open commands only."""
    tally = _Tally(bounds, now_us)
    command: list[Checked] = []
    for row in read_listing(pulled):
        # 1. The listing has its form and agrees with the files.
        if isinstance(row, Finding):
            tally.find(row)
            continue
        # 2 to 8. Each object by itself.
        tally.count["objects"] += 1
        checked = check_object(row, pulled, bounds)
        # 9. The records of one folder together, when the next folder begins.
        if command and _folder(command[0].key) != _folder(row.key):
            tally.close(command)
            command = []
        tally.take(row, checked)
        if isinstance(checked, Checked):
            command.append(checked)
    tally.close(command)
    # 10. The chains, once all their records are known.
    for finding in tally.chains.check(bounds):
        tally.find(finding)
    return tally.report()


@dataclass(slots=True)
class _Tally:
    """What a verification has seen so far."""

    bounds: Bounds
    now_us: int
    count: Counter[str] = field(default_factory=Counter)
    chains: Chains = field(default_factory=Chains)
    findings: list[Finding] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)  # SHA-256 by key, of those that no record has named yet
    damaged: str = ""  # the folder of the last object that does not hold by itself

    def find(self, finding: Finding) -> None:
        self.count["wrong"] += 1
        if len(self.findings) < _KEPT:
            self.findings.append(finding)

    def take(self, row: Listed, checked: Checked | Blob | Finding) -> None:
        if isinstance(checked, Finding):
            self.damaged = _folder(row.key)
            self.find(checked)
        elif isinstance(checked, Blob):
            self.count["blobs"] += 1
            self.blobs[checked.key] = checked.sha256
        else:
            self.check_blobs(checked)
            self.count[checked.record.type.value] += 1
            self.count["refused"] += checked.record.is_refused
            forked = self.chains.add(checked)
            if forked is not None:
                self.find(forked)

    def check_blobs(self, checked: Checked) -> None:
        """What a record names must be there: in key order all blobs come before all records."""
        record = checked.record
        for place, sha256 in record.blobs:
            key = blob_key(record.source.log, record.id, place)
            stored = self.blobs.pop(key, None)
            if stored != sha256:
                self.find(Finding(Step.COMMAND, checked.key, f"{key}", sha256, stored or "no such object"))

    def close(self, command: list[Checked]) -> None:
        # With one of its records damaged, what is said of the rest would only repeat that.
        if not command or _folder(command[0].key) == self.damaged:
            return
        result = check_command(command, self.bounds)
        if isinstance(result, Finding):
            self.find(result)
        elif result is not None:
            self._close_open(result)

    def _close_open(self, one: Open) -> None:
        self.count["open"] += 1
        if len(self.open) < _KEPT:
            self.open.append(one)
        limit_us = self.bounds.max_open_us
        if limit_us is not None and one.since_us < self.now_us - limit_us:
            got = f"none since {format_time(one.since_us)}"
            self.find(Finding(Step.COMMAND, one.key, f"{one.waits_for.value}", "one within the bound", got))

    def report(self) -> Report:
        by_type = {type_: self.count[type_.value] for type_ in RecordType}
        counts = Counts(
            objects=self.count["objects"],
            records=sum(by_type.values()),
            intents=by_type[RecordType.INTENT],
            outcomes=by_type[RecordType.OUTCOME],
            settlements=by_type[RecordType.SETTLED],
            events=by_type[RecordType.EVENT],
            refused=self.count["refused"],
            open=self.count["open"],
            blobs=self.count["blobs"],
            chains=len(self.chains),
        )
        return Report(counts, self.count["wrong"], tuple(self.findings), tuple(self.open))


def _folder(key: str) -> str:
    return key.rpartition("/")[0]

"""What one part of a verification has to say, small enough to be handed between processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from postern.audit.commands import Open
from postern.audit.findings import Finding

KEPT = 100  # of each sort that a report names; all are counted


@dataclass(slots=True)
class Found:
    """Findings and notes in order, the first hundred of each; `count` has all, those of findings as `wrong`."""

    findings: list[Finding] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)  # keys of objects that are no records
    odd: list[str] = field(default_factory=list)  # keys of events that would begin or end a log, and do not
    count: Counter[str] = field(default_factory=Counter)

    def find(self, finding: Finding | None) -> None:
        if finding is not None:
            self.count["wrong"] += 1
            if len(self.findings) < KEPT:
                self.findings.append(finding)

    def leave_open(self, one: Open) -> None:
        self.count["open"] += 1
        if len(self.open) < KEPT:
            self.open.append(one)

    def leave_opaque(self, key: str) -> None:
        self.count["opaque"] += 1
        if len(self.opaque) < KEPT:
            self.opaque.append(key)

    def leave_odd(self, key: str) -> None:
        self.count["odd"] += 1
        if len(self.odd) < KEPT:
            self.odd.append(key)

    def add(self, other: Found) -> None:
        """What the next part had to say, after what was said before it."""
        self.findings += other.findings[: KEPT - len(self.findings)]
        self.open += other.open[: KEPT - len(self.open)]
        self.opaque += other.opaque[: KEPT - len(self.opaque)]
        self.odd += other.odd[: KEPT - len(self.odd)]
        self.count.update(other.count)

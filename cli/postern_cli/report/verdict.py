"""What the verification of a pack's log came to, and the words for it: the first thing that a reader sees."""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.verify import Report
from postern_cli.evidence.entries import SignedLog
from postern_cli.stop import Exit


@dataclass(frozen=True, slots=True)
class Verdict:
    """`unread` says why entries of a log are missing from the figures, log by log."""

    report: Report
    logs: tuple[SignedLog, ...]
    unread: tuple[str, ...]

    @property
    def code(self) -> Exit:
        if not self.report.holds or self.unread:
            return Exit.REFUSED
        return Exit.UNKNOWN if self.report.untold or not self.report.counts.objects else Exit.DONE

    @property
    def line(self) -> str:
        """One sentence, the same on the page, in the summary and on the terminal."""
        if not self.report.holds:
            more = f" (and {self.report.wrong - 1:,} more)" if self.report.wrong > 1 else ""
            return f"The log does not verify: {self.report.first}{more}."
        if self.unread:
            return f"The log does not verify: {'; '.join(self.unread)}."
        if self.code is Exit.UNKNOWN:
            why = "; ".join(self.report.untold) or "the copy holds no records"
            return f"Whether the log holds cannot be told: {why}."
        return "The log verifies: every step below held, and the figures are of exactly the entries that were signed."

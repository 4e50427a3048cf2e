"""The logs of a copy on their way through the intake: every entry once, in order, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from postern.errors import IntegrityError
from postern.tlog.notes import VerifierKey
from postern_cli.evidence.entries import SignedLog, logs_of, open_log, read_with_progress
from postern_cli.evidence.words import shown
from postern_cli.pulled import PulledFolder
from postern_cli.report.intake import Intake


def read_logs(
    folder: PulledFolder, keys: Sequence[VerifierKey], only: str | None, intake: Intake
) -> tuple[tuple[SignedLog, ...], tuple[str, ...]]:
    """The logs that were opened, and why any entries are missing or not those that were signed."""
    logs: list[SignedLog] = []
    unread: list[str] = []
    for name in logs_of(keys):
        if only is not None and name != only:
            continue
        try:
            logs.append(open_log(folder, name, keys))
            for entry in read_with_progress(logs[-1]):
                intake.take(entry)
        except IntegrityError as error:
            unread.append(shown(error.detail, 300))
    return tuple(logs), tuple(unread)

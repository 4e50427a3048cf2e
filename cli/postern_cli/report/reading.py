"""The logs of a copy on their way through the intake: every entry once, in order, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from postern.errors import IntegrityError
from postern.tlog.notes import VerifierKey
from postern_cli.entries import SignedLog, logs_of, open_log, read_entries
from postern_cli.progress import counting
from postern_cli.pulled import PulledFolder
from postern_cli.report.intake import Intake
from postern_cli.report.words import shown

_STEP = 1000  # entries between two movements of the progress bar


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
            _read(logs[-1], intake)
        except IntegrityError as error:
            unread.append(shown(error.detail, 300))
    return tuple(logs), tuple(unread)


def _read(log: SignedLog, intake: Intake) -> None:
    with counting(f"reading {log.name}", total=log.head.size) as advance:
        for entry in read_entries(log):
            intake.take(entry)
            if entry.index % _STEP == _STEP - 1:
                advance(_STEP)

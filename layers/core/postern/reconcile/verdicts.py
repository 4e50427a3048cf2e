"""One record held against what the log has of its command."""

from __future__ import annotations

from dataclasses import dataclass

from postern.reconcile.findings import Kind, Report
from postern.reconcile.recorded import COMMITTED, PENDING, Recorded, Unreadable
from postern.reconcile.sessions import Commit

_XID_BITS = 2**32 - 1  # the log has only the lower half of a transaction id


@dataclass(slots=True)
class Seen:
    """What the log has of a command so far, and its record once that was read."""

    runs: int = 0  # of its statement
    failures: int = 0  # errors that name its statement: one that fails before it runs is in the log by these alone
    commit: Commit | None = None
    recorded: Recorded | Unreadable | None = None
    is_read: bool = False
    is_uncompared: bool = False


def judge_record(recorded: Recorded, seen: Seen, report: Report, *, is_covered: bool) -> None:
    """Puts into the report what the log, now read to its hour's end, says against the record.

    Without `is_covered` the log may lack something for no other reason than that it begins or ends there.
    """
    report.counts.records += 1
    if seen.runs or seen.failures:
        report.counts.matched += 1
        report.counts.uncompared += seen.is_uncompared
        report.matched[recorded.database] += 1
    elif recorded.must_have_run:
        if is_covered:
            report.unmatched[recorded.database] += 1
            report.find(
                Kind.MISSING, recorded.id, f"on record as {recorded.status}, and its statement is not in the log"
            )
        else:
            report.untold.edge += 1
        return
    _judge_commit(recorded, seen.commit, report, is_covered=is_covered)


def _judge_commit(recorded: Recorded, commit: Commit | None, report: Report, *, is_covered: bool) -> None:
    if commit is None or commit.is_failed:
        if recorded.settled == COMMITTED:
            if commit is not None or is_covered:
                said = "failed" if commit is not None else "none"
                report.find(
                    Kind.NO_COMMIT, recorded.id, f"on record as committed: expected a COMMIT in the log, got {said}"
                )
            else:
                report.untold.edge += 1
    elif recorded.settled == COMMITTED:
        if recorded.mark is not None and not _is_of(commit, recorded):
            report.find(
                Kind.TRANSACTION,
                recorded.id,
                f"{commit.where}: expected COMMIT of the session and transaction on record, got another's",
            )
        else:
            report.counts.commits += 1
    elif recorded.settled is None and recorded.status in (None, PENDING):
        return  # open: whoever settles it will ask the database
    elif recorded.settled == "unknown" or commit.is_cut:
        report.untold.uncertain += 1
    else:
        on_record = recorded.settled or recorded.status
        report.find(Kind.COMMITTED, recorded.id, f"{commit.where}: committed in the log, and on record as {on_record}")


def _is_of(commit: Commit, recorded: Recorded) -> bool:
    if recorded.mark is None or commit.pid != recorded.mark.pid:
        return False
    return not commit.xid or commit.xid == recorded.mark.xid & _XID_BITS

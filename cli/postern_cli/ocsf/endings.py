"""How a command ended: from the words of its outcome and settlement to OCSF's status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from postern_cli.evidence.held import Command
from postern_cli.evidence.record_text import shown
from postern_cli.ocsf.schema import STATUSES

SUCCESS, FAILURE, UNKNOWN, OTHER = 1, 2, 0, 99
# What an outcome or settlement says (docs/log-format.md), and two words for what none says.
_STATUS_IDS: Final[Mapping[str, int]] = {
    "ok": SUCCESS,
    "committed": SUCCESS,
    "refused": FAILURE,
    "failed": FAILURE,
    "too_large": FAILURE,
    "over_budget": FAILURE,
    "lost": FAILURE,
    "stopped": FAILURE,
    "not_run": FAILURE,
    "rolled_back": FAILURE,
    "open": UNKNOWN,  # an intent without an outcome: whether it ran is not on record
    "pending": UNKNOWN,  # an outcome without a settlement: whether it was committed is not on record
    "unknown": UNKNOWN,
    "abandoned": UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """The command's last word, and OCSF's status of it. A word that is new to us is Other, with the word."""

    result: str
    status_id: int
    status: str


def ending_of(command: Command) -> Ending:
    """Of an intent: refused, open, or what its outcome, or the settlement after that, says."""
    if command.first.members.inside("decision").text("result") == "refuse":
        return named("refused")
    last = command.settled or command.outcome
    return named("open" if last is None else last.members.text("status") or "unknown")


def named(result: str) -> Ending:
    """The ending with this word."""
    status_id = _STATUS_IDS.get(result, OTHER)
    return Ending(result, status_id, shown(result) if status_id == OTHER else STATUSES[status_id])

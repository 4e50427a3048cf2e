"""Every metric that the functions send: its name, its unit, what it answers. Dashboard and alarms name these.

Each is counted by `deployment` and `service`, so that two deployments in an account do not answer for each other.
Answers also by `code`, of which there are as many as docs/errors.md lists; no dimension holds what a caller sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Postern"
ANSWERS = "Answers"
FAULTS = "Faults"
COLD_STARTS = "ColdStarts"
REQUEST_TIME = "RequestTime"
ANNOUNCEMENTS_LOST = "AnnouncementsLost"
INTEGRITY_FAULTS = "IntegrityFaults"
UPSTREAM_FAULTS = "UpstreamFaults"
EVERY_FUNCTION = "every function"


@dataclass(frozen=True, slots=True)
class Metric:
    """Who sends it, in which unit, and what it tells."""

    service: str
    unit: MetricUnit
    tells: str


def _count(service: str, tells: str) -> Metric:
    return Metric(service, MetricUnit.Count, tells)


def _time(service: str, tells: str) -> Metric:
    return Metric(service, MetricUnit.Milliseconds, tells)


def _age(tells: str) -> Metric:
    return Metric("reap", MetricUnit.Seconds, tells)


# The steps of a request, by the names that `Server-Timing` gives them.
STEPS: Mapping[str, str] = {
    "task": "TaskTime",
    "guard": "GuardTime",
    "lookup": "LookupTime",
    "intent": "IntentTime",
    "connect": "ConnectTime",
    "execute": "ExecuteTime",
    "detect": "DetectTime",
    "outcome": "OutcomeTime",
    "commit": "CommitTime",
    "settle": "SettleTime",
}

METRICS: Mapping[str, Metric] = {
    ANSWERS: _count(EVERY_FUNCTION, "what invocations came to: `ok` or a code of docs/errors.md"),
    FAULTS: _count(EVERY_FUNCTION, "answers that are a fault of ours: `internal`, or evidence that contradicts itself"),
    COLD_STARTS: _count(EVERY_FUNCTION, "invocations that began in a new environment"),
    REQUEST_TIME: _time(EVERY_FUNCTION, "an invocation, without the start of its environment"),
    ANNOUNCEMENTS_LOST: _count(EVERY_FUNCTION, "changes of a task's state that the event bus did not take"),
    INTEGRITY_FAULTS: _count("sequence, reap", "evidence that contradicts itself"),
    UPSTREAM_FAULTS: _count("sequence, reap", "a part was away, and the work comes again"),
    STEPS["task"]: _time("query", "the reservation: the task is active, and has something left"),
    STEPS["guard"]: _time("query", "the check of the statement"),
    STEPS["lookup"]: _time("query", "tokens of looked up values"),
    STEPS["intent"]: _time("query, run", "the record before the statement"),
    STEPS["connect"]: _time("query, run", "token and session, where none is kept"),
    STEPS["execute"]: _time("query, run", "the statement itself, and reading its rows"),
    STEPS["detect"]: _time("query", "the detectors' look at the rows"),
    STEPS["outcome"]: _time("query, run", "the record after the statement"),
    STEPS["commit"]: _time("query, run", "COMMIT"),
    STEPS["settle"]: _time("query, run", "the record that a write stands"),
    "EntriesSequenced": _count("sequence", "records that got their place; per invocation it is the batch"),
    "HeadSize": _count("sequence", "entries of the deployed log"),
    "OpaqueEntries": _count("sequence", "entries that are no record of their key"),
    "KnownKeys": _count("sequence", "messages about what has its place already"),
    "OversizedObjects": _count("sequence", "objects too large for an entry, left to the reaper"),
    "LateObjects": _count("sequence", "records of a log that has ended"),
    "AbsentObjects": _count("sequence", "messages about objects that never were"),
    "ForeignKeys": _count("sequence", "messages about logs that this deployment does not have"),
    "UnreadObjects": _count("sequence", "records that S3 would not give"),
    "OvertakenObjects": _count("sequence", "records left for later: another sequencer was quicker, again and again"),
    "WaitingObjects": _count("sequence", "records whose log has not begun, or whose end is not due"),
    "UnreadableMessages": _count("sequence", "messages that are none"),
    "WatermarkAge": _age("how far back the log is not proven whole"),
    "ListingAge": _age("a listing that takes more than a pass"),
    "SweepAge": _age("since the last daily listing that came to its end began"),
    "EpochDaysLeft": _count("reap", "whole days until no statement runs in this log"),
    "OpenCommands": _count("reap", "commands whose end is not on record yet: running, or their writer died"),
    "Listed": _count("reap", "objects that passes looked at"),
    "Uncovered": _count("reap", "records not under a published checkpoint yet"),
    "Overwritten": _count("reap", "keys with more than one version"),
    "Malformed": _count("reap", "commands whose bytes are no record"),
    "Abandoned": _count("reap", "intents closed because their writer died"),
    "Settled": _count("reap", "writes whose fate the reaper found out"),
    "GivenBack": _count("reap", "budgets given back for the dead"),
    "Requeued": _count("reap", "records sent to the sequencer again"),
    "Quarantined": _count("reap", "objects that are in no log, with an event that says so"),
    "Overtaken": _count("reap", "records that were stored before the watermark and were not covered"),
    "Expired": _count("reap", "tasks torn down after their deadline"),
    "TeardownsLeft": _count("reap", "ended tasks that still have a role"),
    "RevocationsLeft": _count("reap", "of them: revoked ones"),
    "StrayRoles": _count("reap", "roles of tasks that no live task owns, as a look found them"),
    "StrayRolesDropped": _count("reap", "of them: dropped"),
    "StrayRolesLeft": _count("reap", "of them: that could not be dropped"),
    "OverdueRoles": _count("reap", "roles past all that was consented to, whatever their task's state says"),
    "UnknownRoles": _count("reap", "roles of tasks without a mark, which nobody drops"),
    "RolesUnlooked": _count("reap", "roles that a look had no time for"),
    "DenialsStanding": _count("reap", "denials and holds in force"),
    "EventsOwed": _count("reap", "revocations not on record yet"),
    "Remarked": _count("reap", "tasks that a denial had missed at first"),
    "Rebuilt": _count("reap", "worlds built again after a hold"),
    "RebuildsLeft": _count("reap", "suspended tasks of a released database that wait for a world"),
}

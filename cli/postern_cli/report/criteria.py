"""SOC 2 criteria (AICPA trust services criteria of 2017) and what this log is evidence of, for each.

The words are ours and say no more than the log does. Whether a control is designed well and operated all along is for
the auditor to say: no text here says it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Criterion:
    """about tells the criterion in a few words; populations are names of files in the pack."""

    number: str
    about: str
    evidence: str
    populations: tuple[str, ...]
    not_shown: str


CRITERIA = (
    Criterion(
        "CC6.1",
        "Logical access to protected information is restricted.",
        "For each statement: the identity that its token said, the task with the tables and actions it was granted, "
        "and the database role that it ran under. For each refused one: the reason.",
        ("tasks", "statements", "refusals", "scope_use"),
        "Ways to the database around Postern, such as other roles. postern db doctor and postern audit reconcile "
        "look for them.",
    ),
    Criterion(
        "CC6.2",
        "Access is authorised before it is given, and taken away when it is no longer due.",
        "For each task: the policy, by its digest, that it was granted under; the approvals of people where policy "
        "asked for them; when its database role was made and dropped, and what a look for remains found.",
        ("tasks", "approvals", "provisions", "teardowns"),
        "How people and agents are registered with, and removed from, the identity provider.",
    ),
    Criterion(
        "CC6.3",
        "Access follows roles, least privilege and the separation of duties, and is changed or removed accordingly.",
        "What each task was granted, and which of it statements named. Who approved, who was refused to approve their "
        "own task, what was revoked and by whom.",
        ("tasks", "scope_use", "approvals", "refusals", "revocations"),
        "Whether a granted table was needed. Reviews of the policy itself: they are in its repository.",
    ),
    Criterion(
        "CC6.6",
        "Access from outside the system's boundaries is guarded against.",
        "Statements and requests from outside that were refused, by reason, and the issuers whose tokens were taken.",
        ("statements", "refusals"),
        "Requests without a valid token: they are refused before anything is recorded, and are in the gateway's logs. "
        "Network controls are in the templates, not in this log.",
    ),
    Criterion(
        "CC6.7",
        "The movement of information to users is restricted and protected.",
        "Rows and bytes that left in each answer, values that were masked, raw, or replaced by detectors, and answers "
        "that were cut or refused for their size.",
        ("statements", "erasures"),
        "Encryption on the way, which the templates configure. What a caller did with an answer.",
    ),
    Criterion(
        "CC6.8",
        "Unauthorised or malicious software is prevented, or found and acted upon.",
        "Which version of which function wrote each record, and what each recorded deploy brought: digests of code, "
        "templates and policy. Statements that were refused for their kind.",
        ("deploys", "statements", "refusals"),
        "What else runs in the account, and what is inside the versions: the bill of materials and scans say that.",
    ),
    Criterion(
        "CC7.1",
        "Changes of configuration that bring vulnerabilities in are noticed.",
        "Every digest of a policy that records of the period were decided under, with its first record, and the "
        "deploys that were recorded, so that a digest that no recorded deploy brought can be found.",
        ("deploys", "policies", "log_events"),
        "Scans for vulnerabilities, and changes of the database's own configuration.",
    ),
    Criterion(
        "CC7.2",
        "Components are watched for signs of malicious acts and errors.",
        "Refusals by reason and by identity, failed and abandoned statements, intents without an end, and entries that "
        "are odd.",
        ("refusals", "statements", "open_intents", "odd_records"),
        "That somebody looked at them: alarms and their handling are outside of the log.",
    ),
    Criterion(
        "CC7.3",
        "Events are evaluated as to whether objectives were missed.",
        "For an event under question: the statements before and after it in full order, under one identity, with what "
        "they returned by count, and a proof for each record.",
        ("statements", "tasks", "open_intents"),
        "The evaluation itself, and its result.",
    ),
    Criterion(
        "CC7.4",
        "Incidents are responded to.",
        "Revocations, holds and releases: who, of what, why and when, and the teardowns that followed, with what the "
        "proving query found.",
        ("revocations", "teardowns"),
        "The response beyond the gate: communication, recovery, lessons.",
    ),
    Criterion(
        "CC8.1",
        "Changes of data and infrastructure are authorised, tested and approved before they are made.",
        "Statements that run once (migrations): the trial, the approvals of people over exactly these statements, and "
        "what came of them. Deploys, with digests before and after.",
        ("statements", "approvals", "deploys"),
        "Review and tests of the change in its repository. A deploy that was made without a record is seen only by its "
        "versions and digests in later records.",
    ),
)

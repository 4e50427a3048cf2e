"""The populations of a pack: which records each is of, in words, as a command that anybody can run, and as rows.

A population of records has a `jq` filter: run over the objects of the copy it gives the same records, without Postern.
One that is derived from others says how. Rows come in the log's order; the first columns name the record.
"""

from __future__ import annotations

from dataclasses import dataclass

_RECORD = "{0}.log, {0}.at AS 'index', {0}.id, {0}.sha256, {0}.time"
_WHO = "{0}.principal, {0}.on_behalf_of"


@dataclass(frozen=True, slots=True)
class Population:
    """One file of the pack. `filter` is of jq and has no period in it; None where the rows are derived."""

    name: str
    title: str
    words: str
    filter: str | None
    sql: str
    also: tuple[str, ...] = ()  # columns that hold places of further records of the row


def _record(table: str) -> str:
    return _RECORD.format(table)


def _who(table: str) -> str:
    return _WHO.format(table)


POPULATIONS = (
    Population(
        "tasks",
        "Tasks granted",
        "events of kind grant",
        '.type == "event" and .kind == "grant"',
        f"""SELECT {_record("g")}, {_who("g")}, g.task, g.database_name AS 'database', g.purpose, g.ticket,
        (SELECT group_concat(one, ' ') FROM (SELECT DISTINCT tbl || ':' || action AS one FROM scope
         WHERE task = g.task ORDER BY 1)) AS access,
        g.lookup, g.needs_approval, g.needed AS approvals_needed,
        strftime('%Y-%m-%dT%H:%M:%SZ', g.expires_s, 'unixepoch') AS deadline,
        g.statements AS statement_budget, g.rows_budget, g.policy FROM granted g WHERE g.within ORDER BY g.log, g.at""",
    ),
    Population(
        "statements",
        "Statements",
        "intents of kind statement, run_once or dry_run, refused ones included; each with its outcome and settlement, "
        "whenever these were",
        '.type == "intent" and (.kind == "statement" or .kind == "run_once" or .kind == "dry_run")',
        f"""SELECT {_record("a")}, a.kind, {_who("a")}, a.token AS token_sha256, a.task, a.database_name AS 'database',
        a.role, a.sequence, a.result AS decision, a.code, a.reason, a.writes, a.relations, a.mode AS text_mode,
        a.text AS statement, a.text_digest, a.fingerprint, a.parameters, a.lookups, a.policy, a.version,
        a.outcome_at AS outcome_index, a.outcome_sha256, a.outcome_time, a.status, a.error, a.sqlstate,
        a.row_count AS 'rows', a.affected, a.bytes, a.truncated, a.masked AS masked_values,
        a.detected AS detected_values, a.unmasked AS unmasked_values, a.sensitive AS sensitive_values, a.duration_ms,
        a.settled_at AS settled_index, a.settlement FROM statement a ORDER BY a.log, a.at""",
        ("outcome_index", "settled_index"),
    ),
    Population(
        "refusals",
        "Refusals",
        "every record whose decision is refuse: statements, requests for tasks, approvals",
        '.decision.result? == "refuse"',
        f"""SELECT {_record("r")}, r.what, {_who("r")}, r.task, r.database_name AS 'database', r.codes AS code, r.reason
        FROM (
        SELECT log, at, id, sha256, time, kind AS what, principal, on_behalf_of, task, database_name, code AS codes,
        reason FROM act WHERE within AND result = 'refuse'
        UNION ALL SELECT f.log, f.at, f.id, f.sha256, f.time, 'task', f.principal, f.on_behalf_of, NULL,
        f.database_name, (SELECT group_concat(code, ' ') FROM (SELECT code FROM reason
        WHERE reason.log = f.log AND reason.at = f.at ORDER BY code)), NULL FROM refused f WHERE f.within
        UNION ALL SELECT log, at, id, sha256, time, 'approval', principal, on_behalf_of, task, database_name, code, NULL
        FROM approval WHERE within AND result = 'refuse') r ORDER BY r.log, r.at""",
    ),
    Population(
        "approvals",
        "Approvals",
        "events of kind approval: approved, denied and refused ones",
        '.type == "event" and .kind == "approval"',
        f"""SELECT {_record("p")}, p.result AS decision, p.code, p.principal AS approver, p.task, p.requester,
        p.database_name AS 'database', p.needed AS approvals_needed, p.comment, g.time AS granted_time, g.at AS
        grant_index, strftime('%s', p.time) - strftime('%s', g.time) AS lead_seconds, p.policy
        FROM approval p LEFT JOIN task g ON g.task = p.task AND g.log = p.log
        WHERE p.within ORDER BY p.log, p.at""",
        ("grant_index",),
    ),
    Population(
        "provisions",
        "Database roles made",
        "intents of kind provision",
        '.type == "intent" and .kind == "provision"',
        f"""SELECT {_record("a")}, {_who("a")}, a.task, a.database_name AS 'database', a.role, a.run_by AS 'by',
        a.needed AS approvals_needed, a.given AS approvals_given, a.policy,
        a.outcome_at AS outcome_index, a.outcome_sha256, a.outcome_time, a.status, a.error
        FROM run a WHERE a.kind = 'provision' ORDER BY a.log, a.at""",
        ("outcome_index",),
    ),
    Population(
        "teardowns",
        "Database roles dropped",
        "intents of kind teardown",
        '.type == "intent" and .kind == "teardown"',
        f"""SELECT {_record("a")}, {_who("a")}, a.task, a.database_name AS 'database', a.role, a.run_by AS 'by',
        a.outcome_at AS outcome_index, a.outcome_sha256, a.outcome_time, a.status, a.error,
        a.left_over AS left_behind FROM run a WHERE a.kind = 'teardown' ORDER BY a.log, a.at""",
        ("outcome_index",),
    ),
    Population(
        "revocations",
        "Revocations, holds and releases",
        "events of kind revocation, hold or release",
        '.type == "event" and (.kind == "revocation" or .kind == "hold" or .kind == "release")',
        f"""SELECT {_record("w")}, w.kind, {_who("w")}, w.by_whom AS 'by', w.revocation, w.of_kind, w.of_name, w.reason,
        w.happened, w.policy FROM withdrawal w WHERE w.within ORDER BY w.log, w.at""",
    ),
    Population(
        "deploys",
        "Deploys",
        "events of kind deploy",
        '.type == "event" and .kind == "deploy"',
        f"""SELECT {_record("d")}, d.before_version, d.before_policy, d.after_version, d.after_code, d.after_template,
        d.after_policy, d.deployment FROM deploy d WHERE d.within ORDER BY d.log, d.at""",
    ),
    Population(
        "erasures",
        "Erasures of sealed texts' keys",
        "events of kind erasure",
        '.type == "event" and .kind == "erasure"',
        f"""SELECT {_record("e")}, e.task, e.by_whom AS 'by', e.reason, e.keys
        FROM erasure e WHERE e.within ORDER BY e.log, e.at""",
    ),
    Population(
        "log_events",
        "Events of the log itself",
        "events of kind epoch_start, epoch_end, key or quarantine",
        '.type == "event" and (.kind == "epoch_start" or .kind == "epoch_end" or .kind == "key" '
        'or .kind == "quarantine")',
        f"""SELECT {_record("u")}, u.kind, u.about FROM upkeep u WHERE u.within ORDER BY u.log, u.at""",
    ),
    Population(
        "open_intents",
        "Open at the log's end",
        "allowed intents in the period that no outcome in the log names, and pending outcomes without a settlement; "
        "derived from statements, provisions and teardowns: rows with decision allow (of the latter two: all) and no "
        "outcome_index, or with status pending and no settled_index",
        None,
        f"""SELECT {_record("a")}, a.kind, {_who("a")}, a.task, a.database_name AS 'database', a.role,
        a.waits_for, a.outcome_at AS outcome_index FROM open_act a ORDER BY a.log, a.at""",
        ("outcome_index",),
    ),
    Population(
        "tasks_carried_over",
        "Tasks from before the period",
        "grants before the period of tasks that statements, provisions or teardowns in the period name; derived: task "
        "in those populations, grant before --from",
        None,
        f"""SELECT {_record("g")}, {_who("g")}, g.task, g.database_name AS 'database', g.purpose, g.ticket
        FROM granted g WHERE NOT g.within AND g.task IN (SELECT task FROM act WHERE within) ORDER BY g.log, g.at""",
    ),
    Population(
        "policies",
        "Policy digests",
        "each digest in the member policy of the records of tasks, statements, refusals, approvals, provisions, "
        "teardowns and revocations, with the first of these records; derived from them",
        None,
        """SELECT log, at AS 'index', id, sha256, time, policy, records FROM (
        SELECT *, count(*) OVER (PARTITION BY policy) AS records,
        row_number() OVER (PARTITION BY policy ORDER BY time, log, at) AS place FROM (
        SELECT log, at, id, sha256, time, policy FROM act WHERE within AND policy IS NOT NULL
        UNION ALL SELECT log, at, id, sha256, time, policy FROM granted WHERE within AND policy IS NOT NULL
        UNION ALL SELECT log, at, id, sha256, time, policy FROM refused WHERE within AND policy IS NOT NULL
        UNION ALL SELECT log, at, id, sha256, time, policy FROM approval WHERE within AND policy IS NOT NULL
        UNION ALL SELECT log, at, id, sha256, time, policy FROM withdrawal WHERE within AND policy IS NOT NULL))
        WHERE place = 1 ORDER BY time, log, at""",
    ),
    Population(
        "scope_use",
        "What was granted, and what statements named",
        "each table that a task in use in the period was granted, with how many statements of the task named it up to "
        "--to; derived from tasks, tasks_carried_over and statements; the record is the grant",
        None,
        f"""SELECT {_record("g")}, {_who("g")}, g.task, g.tbl AS 'table', g.actions, g.reading AS reading_statements,
        g.writing AS writing_statements FROM scope_use g ORDER BY g.log, g.at, g.tbl""",
    ),
    Population(
        "other_records",
        "Records of other kinds",
        "intents and events of kinds that this report does not know",
        None,
        f"""SELECT {_record("x")}, x.type, x.kind FROM other x WHERE x.within ORDER BY x.log, x.at""",
    ),
    Population(
        "odd_records",
        "Entries that are odd",
        "entries that are no records, records with members of another form than documented (these members are left "
        "out of the figures), and second endings of the same act",
        None,
        f"""SELECT {_record("q")}, q.what FROM odd q WHERE q.within ORDER BY q.log, q.at, q.what""",
    ),
)

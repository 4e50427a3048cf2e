"""The tables of a report's scratch database, and the views that populations and figures are queried from."""

from __future__ import annotations

from collections.abc import Mapping

# A record's place and envelope stand first in every table that holds records; `within`: its time is in the period.
_HEAD = ("log", "at", "id", "sha256", "time", "within", "kind", "function", "version", "policy")
_WHO = ("principal", "issuer", "issuer_url", "subject", "on_behalf_of", "token")
TABLES: Mapping[str, tuple[str, ...]] = {
    # Intents: acts on a database, and refused ones.
    "act": (*_HEAD, *_WHO, "result", "code", "reason", "run_by", "task", "sequence", "database_name", "role", "writes",
            "relations", "mode", "text", "text_digest", "fingerprint", "parameters", "needed", "given", "lookups"),
    # Outcomes and settlements, tied to what they name by its digest.
    "ending": (*_HEAD, "type", "names", "status", "error", "sqlstate", "row_count", "affected", "bytes", "truncated",
               "sensitive", "duration_ms", "rows_written", "masked", "unmasked", "detected", "left_over"),
    "granted": (*_HEAD, *_WHO, "task", "purpose", "ticket", "database_name", "needs_approval", "needed", "expires_s",
                "statements", "rows_budget", "tables", "lookup"),
    "approval": (*_HEAD, *_WHO, "task", "database_name", "result", "code", "comment", "needed", "requester"),
    "refused": (*_HEAD, *_WHO, "database_name", "purpose", "ticket"),
    "withdrawal": (*_HEAD, *_WHO, "by_whom", "revocation", "of_kind", "of_name", "reason", "happened"),
    "deploy": (*_HEAD, "before_version", "before_policy", "after_version", "after_code", "after_template",
               "after_policy", "deployment"),
    "erasure": (*_HEAD, "task", "by_whom", "reason", "keys"),
    "upkeep": (*_HEAD, "about"),  # events about the log itself
    "other": (*_HEAD, "type"),  # kinds that this report does not know
    # What is wrong with an entry's form: no record, or members of another form.
    "odd": ("log", "at", "id", "sha256", "time", "within", "what"),
    # Parts of records.
    "scope": ("task", "tbl", "action"),
    "scope_column": ("task", "tbl", "name", "class", "mask"),
    "reason": ("log", "at", "code"),
    "mask": ("outcome", "task", "name", "mask", "count"),
    "lookup": ("task", "class"),
    # Counts that are kept while entries are read.
    "tally": ("type", "kind", "place", "records"),
    "writer": ("function", "version", "records"),
}  # fmt: skip

# How often statements of a task named a table, in the period and before it.
USED = (
    "CREATE TABLE used (task, tbl, writes, within, statements, PRIMARY KEY (task, tbl, writes, within)) WITHOUT ROWID"
)

_REPEATED = "rowid NOT IN (SELECT min(rowid) FROM {0} GROUP BY {1})"
# Of two records that claim the same, the one that the log has first counts; both stay in the populations of records.
REPEATED = (
    "INSERT INTO odd SELECT log, at, id, sha256, time, within, "
    "'a second ' || type || ' of the same ' || CASE type WHEN 'outcome' THEN 'intent' ELSE 'outcome' END "
    f"FROM ending WHERE {_REPEATED.format('ending', 'names, type')}",
    f"DELETE FROM ending WHERE {_REPEATED.format('ending', 'names, type')}",
    "INSERT INTO odd SELECT log, at, id, sha256, time, within, 'a second grant of the same task' "
    f"FROM granted WHERE {_REPEATED.format('granted', 'task')}",
    "CREATE TABLE task AS SELECT * FROM granted WHERE rowid IN (SELECT min(rowid) FROM granted GROUP BY task)",
)
INDEXES = (
    "CREATE UNIQUE INDEX ending_of ON ending (names, type)",
    "CREATE INDEX ending_by_sha ON ending (sha256)",
    "CREATE INDEX act_by_sha ON act (sha256)",
    "CREATE INDEX act_by_task ON act (task)",
    "CREATE INDEX task_by_task ON task (task)",
    "CREATE INDEX scope_of ON scope (task, tbl)",
    "CREATE INDEX scope_column_of ON scope_column (task, name)",
)

_SENT = (
    "SELECT principal, on_behalf_of, issuer, issuer_url, token, time, log, at, '{0}' AS sort, {1} AS result FROM {0}"
)
VIEWS = (
    # An act of the period with what came of it, whenever that was.
    """CREATE VIEW run AS SELECT a.*, o.at AS outcome_at, o.sha256 AS outcome_sha256, o.time AS outcome_time, o.status,
    o.error, o.sqlstate, o.row_count, o.affected, o.bytes, o.truncated, o.sensitive, o.duration_ms, o.rows_written,
    o.masked, o.unmasked, o.detected, o.left_over, s.at AS settled_at, s.status AS settlement
    FROM act a LEFT JOIN ending o ON o.names = a.sha256 AND o.type = 'outcome'
    LEFT JOIN ending s ON s.names = o.sha256 AND s.type = 'settled' WHERE a.within""",
    "CREATE VIEW statement AS SELECT * FROM run WHERE kind IN ('statement', 'run_once', 'dry_run')",
    """CREATE VIEW open_act AS SELECT *, CASE WHEN outcome_at IS NULL THEN 'outcome' ELSE 'settlement' END AS waits_for
    FROM run WHERE result = 'allow' AND (outcome_at IS NULL OR (status = 'pending' AND settled_at IS NULL))""",
    # Everything in the period that somebody asked for.
    f"""CREATE VIEW sent AS
    {_SENT.format("act", "result")} WHERE within AND kind IN ('statement', 'run_once', 'dry_run')
    UNION ALL {_SENT.format("granted", "'allow'")} WHERE within
    UNION ALL {_SENT.format("refused", "'refuse'")} WHERE within
    UNION ALL {_SENT.format("approval", "result")} WHERE within
    UNION ALL {_SENT.format("withdrawal", "'allow'")} WHERE within AND principal IS NOT NULL""",
    # Each table of each task in use in the period, and the statements of the task that named it up to the period's end.
    """CREATE VIEW scope_use AS SELECT g.log, g.at, g.id, g.sha256, g.time, g.principal, g.on_behalf_of, g.purpose,
    g.task, c.tbl, c.actions, c.is_writable, coalesce(u.reading, 0) AS reading, coalesce(u.writing, 0) AS writing,
    coalesce(u.reading + u.writing, 0) > 0 AS is_used
    FROM task g JOIN (SELECT task, tbl, group_concat(action, ' ') AS actions, max(action <> 'select') AS is_writable
    FROM (SELECT DISTINCT task, tbl, action FROM scope ORDER BY task, tbl, action) GROUP BY task, tbl) c
    ON c.task = g.task
    LEFT JOIN (SELECT task, tbl, sum(CASE WHEN writes THEN 0 ELSE statements END) AS reading,
    sum(CASE WHEN writes THEN statements ELSE 0 END) AS writing FROM used GROUP BY task, tbl) u
    ON u.task = c.task AND u.tbl = c.tbl WHERE g.within OR g.task IN (SELECT task FROM act WHERE within)""",
    # Approvals that decided, and the seconds since the task's grant: none where the log has no such grant.
    """CREATE VIEW decision AS SELECT p.result, strftime('%s', p.time) - strftime('%s', t.time) AS lead_s
    FROM approval p LEFT JOIN task t ON t.task = p.task WHERE p.within AND p.result IN ('approve', 'deny')""",
    # Classified columns that a task of the period was granted without a mask.
    """CREATE VIEW raw_column AS SELECT g.log, g.at, g.time, g.task, c.tbl, c.name, c.class
    FROM scope_column c JOIN task g ON g.task = c.task WHERE g.within AND c.class IS NOT NULL AND c.mask IS NULL""",
    # What stands in the member `masked` of the period's statements.
    """CREATE VIEW masked AS SELECT m.task, m.name, m.mask, m.count FROM mask m
    JOIN ending o ON o.sha256 = m.outcome JOIN act a ON a.sha256 = o.names WHERE a.within""",
)

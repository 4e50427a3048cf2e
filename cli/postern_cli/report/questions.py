"""The four questions that an auditor asks of an agent, answered with figures and the records that they come from.

Each figure is one query, which gives a number, or two for `n of m`.
"""

from __future__ import annotations

from postern_cli.report.named_records import Place
from postern_cli.report.store import Store
from postern_cli.report.tables import Answer, Fact, Shown, Table
from postern_cli.report.verdict import Verdict

_LISTED = 15
_Figure = tuple[str, str, str]  # what it is, the query, the population that has its records

_IDENTITY: tuple[_Figure, ...] = (
    ("Identities that acted", "count(DISTINCT principal) FROM sent", ""),
    ("Issuers whose tokens they showed", "count(DISTINCT issuer_url) FROM sent", ""),
    (
        "Statements with an issuer, a subject and the digest of a verified token",
        "sum(principal IS NOT NULL AND token IS NOT NULL), count(*) FROM statement",
        "statements",
    ),
    ("Statements sent on behalf of a person", "count(on_behalf_of) FROM statement", "statements"),
    ("Different tokens seen", "count(DISTINCT token) FROM sent", ""),
)
_MINIMAL: tuple[_Figure, ...] = (
    ("Tasks granted", "count(*) FROM granted WHERE within", "tasks"),
    (
        "… for which policy asked for approvals of people",
        "count(*) FROM granted WHERE within AND needs_approval",
        "tasks",
    ),
    (
        "Granted tables (task by task) that a statement of the task named",
        "sum(is_used), count(*) FROM scope_use",
        "scope_use",
    ),
    (
        "… granted for writing, that a writing statement named",
        "sum(writing > 0), count(*) FROM scope_use WHERE is_writable",
        "scope_use",
    ),
    (
        "Tasks with a grant in the period and no allowed statement up to its end",
        "count(*) FROM granted WHERE within AND task NOT IN (SELECT task FROM used) AND task NOT IN "
        "(SELECT task FROM statement WHERE result = 'allow' AND task IS NOT NULL)",
        "tasks",
    ),
    (
        "Statements run, of the statements that these tasks' budgets allowed",
        "(SELECT count(*) FROM statement WHERE result = 'allow' AND kind = 'statement' AND task IN "
        "(SELECT task FROM granted WHERE within)), sum(statements) FROM granted WHERE within",
        "statements",
    ),
    (
        "Database roles dropped, with nothing left behind",
        "count(*) FROM run WHERE kind = 'teardown' AND status = 'ok' AND coalesce(left_over, 0) = 0",
        "teardowns",
    ),
    (
        "Teardowns that failed or left something behind",
        "count(*) FROM run WHERE kind = 'teardown' AND NOT (status = 'ok' AND coalesce(left_over, 0) = 0)",
        "teardowns",
    ),
    ("Revocations and holds", "count(*) FROM withdrawal WHERE within AND kind <> 'release'", "revocations"),
)
_RECORD: tuple[_Figure, ...] = (
    ("Intents of the period without an end on record", "count(*) FROM open_act", "open_intents"),
    ("Entries that are odd", "count(*) FROM odd WHERE within", "odd_records"),
)
_EXPOSED: tuple[_Figure, ...] = (
    ("Rows delivered", "sum(row_count) FROM run WHERE kind = 'statement'", "statements"),
    ("Values in them that the database had masked", "sum(masked) FROM statement", "statements"),
    (
        "Values of classified columns delivered raw, under a granted unmask",
        "sum(unmasked) FROM statement",
        "statements",
    ),
    ("Values that detectors replaced in text", "sum(detected) FROM statement", "statements"),
    (
        "Distinct sensitive values counted against budgets (tokens and raw values)",
        "sum(sensitive) FROM statement",
        "statements",
    ),
    ("Tasks that were granted a class raw", "count(DISTINCT task) FROM raw_column", "tasks"),
    (
        "Tasks that were granted lookups",
        "count(DISTINCT g.task) FROM lookup l JOIN task g ON g.task = l.task WHERE g.within",
        "tasks",
    ),
    (
        "Statements that looked a value up",
        "count(*) FROM statement WHERE result = 'allow' AND lookups > 0",
        "statements",
    ),
    (
        "Run-once statements, which ran as the owner past every mask and delivered no rows",
        "count(*) FROM run WHERE result = 'allow' AND kind = 'run_once'",
        "statements",
    ),
)


def answers(store: Store, verdict: Verdict) -> tuple[Answer, ...]:
    return (
        Answer(
            "identity",
            "Which identity ran this, and how was it authenticated?",
            _facts(store, _IDENTITY),
            (_principals(store), _issuers(store)),
            (
                "A record says what the token said. Who could get such a token is decided at the issuer, whose own log "
                "is not part of this pack.",
                "Tokens themselves are on record nowhere; their SHA-256 is.",
            ),
        ),
        Answer(
            "minimal",
            "Was its access the minimum it needed?",
            _facts(store, _MINIMAL),
            (_unused(store), _widest(store)),
            (
                "Which columns of a table a statement used, and which rows a row filter hid from it.",
                "Whether a table that was named was needed for the purpose: somebody who knows the work says that.",
            ),
        ),
        _record(store, verdict),
        Answer(
            "exposed",
            "Were sensitive values exposed?",
            _facts(store, _EXPOSED),
            (_raw_classes(store), _detected(store), _most_raw(store)),
            (
                "Whether a value that no class was given to was sensitive. The catalog says what is classified; its "
                "digest is in policies.csv.",
                "What was computed from masked values: an aggregate over masks is counted as no value.",
            ),
        ),
    )


def _facts(store: Store, figures: tuple[_Figure, ...]) -> tuple[Fact, ...]:
    return tuple(Fact(label, _told(store, sql), source) for label, sql, source in figures)


def _told(store: Store, sql: str) -> str:
    (numbers,) = store.all(f"SELECT {sql}")
    return " of ".join(f"{int(number or 0):,}" for number in numbers)


def _principals(store: Store) -> Table:
    rows = store.rows(f"""SELECT principal, count(DISTINCT on_behalf_of), sum(sort = 'granted'),
        sum(sort = 'act' AND result = 'allow'), sum(result = 'refuse'), sum(sort = 'approval'),
        min(time || ' ' || log || ' ' || at) FROM sent GROUP BY principal
        ORDER BY count(*) DESC, principal LIMIT {_LISTED}""")
    total = store.number("SELECT count(DISTINCT principal) FROM sent")
    return Table(
        "Identities",
        ("identity", "acts for persons", "tasks", "statements allowed", "refusals", "approvals", "first record"),
        tuple((*row[:6], _first(row[6])) for row in rows),
        f"The {_LISTED} with most records of {total:,}." if total > _LISTED else "",
    )


def _issuers(store: Store) -> Table:
    rows = store.all(f"""SELECT issuer, issuer_url, count(DISTINCT principal), count(DISTINCT token), count(*)
        FROM sent GROUP BY issuer, issuer_url ORDER BY count(*) DESC, issuer, issuer_url LIMIT {_LISTED}""")
    return Table("Issuers", ("name", "issuer", "identities", "tokens", "records"), tuple(rows))


def _unused(store: Store) -> Table:
    rows = store.all(f"""SELECT tbl, count(*), sum(is_used), sum(NOT is_used) FROM scope_use GROUP BY tbl
        ORDER BY sum(NOT is_used) DESC, tbl LIMIT {_LISTED}""")
    columns = ("table", "tasks granted", "tasks that named it", "tasks that never did")
    return Table("Granted and never used, by table", columns, tuple(rows), "All of it, task by task: scope_use.csv.")


def _widest(store: Store) -> Table:
    rows = store.rows(f"""SELECT log, at, principal, purpose, count(*), sum(is_used) FROM scope_use GROUP BY log, at
        HAVING count(*) > sum(is_used) ORDER BY sum(NOT is_used) DESC, log, at LIMIT {_LISTED}""")
    columns = ("grant", "identity", "purpose", "tables granted", "tables used")
    return Table("Tasks with most tables granted and never used", columns, tuple(_placed(row) for row in rows))


def _record(store: Store, verdict: Verdict) -> Answer:
    counts, logs = verdict.report.counts, verdict.logs
    heads = tuple((log.head.origin, log.head.size, log.head.root.hex(), *_begun(store, log.name)) for log in logs)
    writers = store.all(
        "SELECT function, version, records FROM writer ORDER BY records DESC, function, version LIMIT 30"
    )
    return Answer(
        "record",
        "Where is the command record, and could the actor have edited it?",
        (
            Fact("Entries under a signed checkpoint", f"{sum(log.head.size for log in logs):,}"),
            Fact("Objects in the copy that are such an entry, byte for byte", f"{counts.sequenced:,}"),
            Fact("Objects that no checkpoint covers yet", f"{counts.unsequenced:,}"),
            Fact("Findings of the verification", f"{verdict.report.wrong:,}", "verification.txt"),
            *_facts(store, _RECORD),
        ),
        (
            Table("Signed heads", ("log", "entries", "root, SHA-256", "objects locked until", "first record"), heads),
            Table(
                "Functions that added records in the period",
                ("function", "version", "records"),
                tuple(writers),
                "An agent is none of them: it sends statements, and these functions write what they did with them.",
            ),
        ),
        (
            "A statement that reached the database around Postern has no record here: postern audit reconcile compares "
            "the database's own log.",
            "Whoever owns the account and the signing key could have written another history before anybody kept a "
            "checkpoint. A checkpoint that an auditor keeps, a witness or a time stamp closes that.",
            "Locks and versions are the bucket's word as the copy's listing has it; pull the copy with your own "
            "credentials.",
        ),
    )


def _begun(store: Store, log: str) -> tuple[Shown, Shown]:
    """Until when the log's first record says that its objects are locked, and that record."""
    found = store.all("SELECT about FROM upkeep WHERE log = $log AND at = 0 AND kind = 'epoch_start'", {"log": log})
    return (str(found[0][0]).rpartition("locked until ")[2], Place(log, 0)) if found else ("not told", None)


def _raw_classes(store: Store) -> Table:
    rows = store.rows(f"""SELECT class, count(DISTINCT task), count(DISTINCT tbl || '.' || name),
        min(time || ' ' || log || ' ' || at) FROM raw_column GROUP BY class
        ORDER BY count(DISTINCT task) DESC, class LIMIT {_LISTED}""")
    columns = ("class", "tasks", "columns", "first grant")
    return Table("Classes granted raw", columns, tuple((*row[:3], _first(row[3])) for row in rows))


def _detected(store: Store) -> Table:
    rows = store.all("""SELECT substr(mask, 10), sum(count) FROM masked WHERE mask LIKE 'detected:%' GROUP BY mask
        ORDER BY sum(count) DESC, mask LIMIT 30""")
    return Table("Values that detectors replaced, by kind", ("detector", "values"), tuple(rows))


def _most_raw(store: Store) -> Table:
    rows = store.rows(f"""SELECT log, at, principal, text, unmasked, sensitive FROM statement WHERE unmasked > 0
        ORDER BY unmasked DESC, log, at LIMIT {_LISTED}""")
    columns = ("statement", "identity", "text", "raw values", "sensitive values")
    return Table("Statements that delivered most raw values", columns, tuple(_placed(row) for row in rows))


def _first(text: object) -> Place:
    _, log, at = str(text).rsplit(" ", 2)
    return Place(log, int(at))


def _placed(row: tuple[Shown, ...]) -> tuple[Shown, ...]:
    log, at, *rest = row
    return (Place(str(log), int(at)) if isinstance(at, int) else None, *rest)

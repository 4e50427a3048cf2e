"""The role that asks what became of transactions, and can do nothing else.

`pg_xact_status` is everybody's; that a transaction's backend still lives is seen by who may read all statistics. It
reads no table, owns nothing and is in no other group.
"""

from __future__ import annotations

from postern.world.names import REAP_ROLE, quote_literal
from postern.world.standing_role import make_standing_role

STATISTICS_ROLE = "pg_read_all_stats"
CONNECTION_LIMIT = 10  # reapers at once: one a minute, and each opens a session for a question

_SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "default_transaction_read_only": "on",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
    "idle_session_timeout": "60s",
}


def make_reap_role() -> tuple[str, ...]:
    """The role, made where it is missing and brought to its state where it stands; as whoever runs the bootstrap."""
    return (
        *make_standing_role(REAP_ROLE, connection_limit=CONNECTION_LIMIT, settings=_SETTINGS),
        f"""DO $postern$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO {REAP_ROLE}', current_database());
    -- Without it what is in progress, or was committed, is settled as unknown after an hour; `db doctor` says so.
    IF pg_has_role({quote_literal(STATISTICS_ROLE)}, 'MEMBER WITH ADMIN OPTION')
        OR (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        GRANT {STATISTICS_ROLE} TO {REAP_ROLE} WITH ADMIN FALSE, INHERIT TRUE, SET FALSE;
    ELSE
        RAISE NOTICE 'postern: {STATISTICS_ROLE} was not granted to {REAP_ROLE}: who runs this may not grant it';
    END IF;
END
$postern$""",
    )

"""The role that asks what became of transactions, and can do nothing else.

`pg_xact_status` is everybody's; that a transaction's backend still lives is seen by who may read all statistics. It
reads no table, owns nothing and is in no other group.
"""

from __future__ import annotations

from postern.world.names import IAM_ROLE, REAP_ROLE, quote_literal

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
        f"""DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {quote_literal(REAP_ROLE)}) THEN
        CREATE ROLE {REAP_ROLE};
    END IF;
END
$postern$""",
        f"ALTER ROLE {REAP_ROLE} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT {CONNECTION_LIMIT}"
        " PASSWORD NULL",
        *(f"ALTER ROLE {REAP_ROLE} SET {name} TO {_setting(value)}" for name, value in _SETTINGS.items()),
        f"GRANT {IAM_ROLE} TO {REAP_ROLE} WITH ADMIN FALSE, INHERIT FALSE, SET FALSE",
        f"""DO $postern$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO {REAP_ROLE}', current_database());
    -- Without it a transaction that is in progress is settled as unknown after an hour; `db doctor` says so.
    IF pg_has_role({quote_literal(STATISTICS_ROLE)}, 'MEMBER WITH ADMIN OPTION')
        OR (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        GRANT {STATISTICS_ROLE} TO {REAP_ROLE} WITH ADMIN FALSE, INHERIT TRUE, SET FALSE;
    ELSE
        RAISE NOTICE 'postern: {STATISTICS_ROLE} was not granted to {REAP_ROLE}: who runs this may not grant it';
    END IF;
END
$postern$""",
    )


def _setting(value: str) -> str:
    return value if "," in value else quote_literal(value)

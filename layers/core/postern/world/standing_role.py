"""A role of a function's own that stands as long as the database is prepared: it logs in with a token of IAM."""

from __future__ import annotations

from collections.abc import Mapping

from postern.world.names import IAM_ROLE, quote_literal


def make_standing_role(role: str, *, connection_limit: int, settings: Mapping[str, str]) -> tuple[str, ...]:
    """The role, made where it is missing and brought to its state where it stands; as whoever runs the bootstrap.

    It inherits nothing, may make nothing, and has no password. A setting's value with a comma in it is a list.
    """
    return (
        f"""DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {quote_literal(role)}) THEN
        CREATE ROLE {role};
    END IF;
END
$postern$""",
        f"ALTER ROLE {role} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT {connection_limit} PASSWORD NULL",
        *(f"ALTER ROLE {role} SET {name} TO {_setting(value)}" for name, value in settings.items()),
        f"GRANT {IAM_ROLE} TO {role} WITH ADMIN FALSE, INHERIT FALSE, SET FALSE",
    )


def _setting(value: str) -> str:
    return value if "," in value else quote_literal(value)

"""Tasks' statements in the database's own log, which `postern audit reconcile` holds the records against.

Each task's role has `log_statement` set to `all`, so that its statements are written with their texts, literals and
all; bound parameters are not, since `log_parameter_max_length` is 0 for it. A session cannot turn either off: both are
a superuser's settings, or whose to whom SET on them was granted.

`postern_provision` may set them only where bootstrap could grant that: as a superuser, or as a user who holds the right
with the option to pass it on. Elsewhere the service's own configuration sets `log_statement`, for all users.
"""

from __future__ import annotations

from postern.world.names import PROVISION_ROLE, quote_ident

PARAMETERS = ("log_statement", "log_parameter_max_length")

_MAY_PASS_ON = " AND ".join(f"has_parameter_privilege('{name}', 'SET WITH GRANT OPTION')" for name in PARAMETERS)
_MAY_SET = " AND ".join(f"has_parameter_privilege('{name}', 'SET')" for name in PARAMETERS)


def allow_statement_log() -> str:
    """Lets `postern_provision` have tasks' statements logged, where whoever runs this may pass that on."""
    return f"""DO $postern$
BEGIN
    IF {_MAY_PASS_ON} THEN
        -- The texts of tasks' statements, literals and all, then stand in the server's log; bound parameters do not.
        GRANT SET ON PARAMETER {", ".join(PARAMETERS)} TO {PROVISION_ROLE};
    ELSE
        RAISE NOTICE 'postern: tasks'' statements are not logged by role; `postern db doctor` says what else logs them';
    END IF;
END
$postern$"""


def forbid_statement_log() -> str:
    """Takes that back. Worlds that stand keep their settings."""
    return f"""DO $postern$
BEGIN
    IF {_MAY_PASS_ON} THEN
        REVOKE SET ON PARAMETER {", ".join(PARAMETERS)} FROM {PROVISION_ROLE};
    END IF;
END
$postern$"""


def log_statements_of(role: str) -> str:
    """Has a task's statements logged, as `postern_provision`; does nothing where it may not, or not all of it."""
    name = quote_ident(role)
    return (
        f"DO $postern$ BEGIN IF {_MAY_SET} THEN"
        f" ALTER ROLE {name} SET log_parameter_max_length TO 0; ALTER ROLE {name} SET log_statement TO 'all';"
        " END IF; END $postern$"
    )

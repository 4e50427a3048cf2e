"""How a value's token is asked for: apart from what makes the function, which statements need not load."""

from __future__ import annotations

from postern.world.names import POSTERN_SCHEMA

LOOKUP_ROLE = "postern_lookup"  # logs in by IAM token only
# $1 is the task's role, $2 `ViewColumn.token_of`, $3 the value. Errors: class 22 where the value is not of that kind
# (it is not quoted in the message), 42704 where no such task stands, 0A000 where no token stands for the kind.
LOOKUP_TOKEN_SQL = f"SELECT {POSTERN_SCHEMA}.lookup_token($1, $2, $3)"

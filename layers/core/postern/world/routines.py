"""A function of the database as it stands, and whether its names mean the same whoever calls it.

What a task sets off runs with the task's `search_path`, where `customers` is a masked view. A function that looks names
up when it runs would read masks and take them for values. It cannot where it is PostgreSQL's own, where it was parsed
when it was made (`BEGIN ATOMIC`, `RETURN`; what it calls is looked at as well), or where it sets a path of its own,
which what it calls inherits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Routine:
    """A function, named with its argument types as SQL can name it."""

    schema: str
    name: str
    signature: str
    is_compiled: bool  # in C: an extension's, or PostgreSQL's own
    is_parsed: bool  # its body holds no names any more
    search_path: str | None  # of its own, as `pg_proc` holds it
    is_definer: bool  # runs with its owner's rights
    is_open: bool  # PUBLIC may execute it

    @property
    def has_own_path(self) -> bool:
        """Whether it looks names up in a path that no caller changes. `"$user"` means the task's schema."""
        return self.search_path is not None and (self.is_definer or "$user" not in self.search_path)

    @property
    def is_name_safe(self) -> bool:
        return self.is_parsed or self.has_own_path or (self.is_compiled and self.schema == "pg_catalog")

    @property
    def mend(self) -> str:
        """The SQL that gives it a path of its own, for an operator to fit to the schemas that it uses."""
        return f"ALTER FUNCTION {self.signature} SET search_path = pg_catalog, <its schemas>, pg_temp"


# To be put into a query over `pg_proc p`: one JSON object that `parse_routine` reads.
ROUTINE_JSON = """jsonb_build_object(
    'schema', (SELECT nspname FROM pg_namespace WHERE oid = p.pronamespace),
    'name', p.proname,
    'signature', p.oid::regprocedure::text,
    'is_compiled', p.prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('internal', 'c')),
    'is_parsed', p.prosqlbody IS NOT NULL,
    'search_path', (SELECT substr(s, 13) FROM unnest(p.proconfig) AS s WHERE starts_with(s, 'search_path=')),
    'is_definer', p.prosecdef,
    'is_open', has_function_privilege('public', p.oid, 'EXECUTE'))"""


def parse_routine(facts: Mapping[str, object]) -> Routine:
    """What `ROUTINE_JSON` gave."""
    search_path = facts["search_path"]
    return Routine(
        schema=str(facts["schema"]),
        name=str(facts["name"]),
        signature=str(facts["signature"]),
        is_compiled=facts["is_compiled"] is True,
        is_parsed=facts["is_parsed"] is True,
        search_path=None if search_path is None else str(search_path),
        is_definer=facts["is_definer"] is True,
        is_open=facts["is_open"] is True,
    )

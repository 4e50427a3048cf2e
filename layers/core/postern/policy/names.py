"""Names that the policy layer may give to things of a database, and how Cedar calls them.

A dot separates schema and table, a slash database and class, so neither may be inside a part: two
different things can never get the same name, in Cedar or in a task's schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.yaml_lines import Node

# PostgreSQL cuts a longer identifier off silently (NAMEDATALEN - 1), which could make two names one.
MAX_IDENTIFIER_BYTES = 63

_DATABASE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CLASS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# A view may have columns of these names, and would then give away where rows lie and when they changed.
SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_RESERVED_SCHEMA = re.compile(r"pg_.*|information_schema|postern|task_[0-9a-f]{32}", re.DOTALL)

OPEN = "open"


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table by schema and name, exactly as the database spells them."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def parse_table_name(text: str, *, schema_default: str) -> TableName | None:
    """The table that `orders` or `public.orders` means; None where the text has more than one dot or an empty part."""
    parts = text.split(".")
    if len(parts) > 2 or not all(parts):
        return None
    return TableName(*parts) if len(parts) == 2 else TableName(schema_default, text)


def check_database_name(name: str, node: Node) -> str:
    """`name`, when it can name a database. Raises `PolicyFileError` at `node`."""
    if not _DATABASE.fullmatch(name):
        raise node.wrong(
            f"database name: expected 1 to 63 of a-z, 0-9, `_` and `-`, not `_` or `-` first, got {name!r}"
        )
    return name


def check_class_name(name: str, node: Node) -> str:
    """`name`, when it can name a class. Raises `PolicyFileError` at `node`."""
    if name == OPEN:
        raise node.wrong("class name: `open` is the word for a column without a class; choose another name")
    if not _CLASS.fullmatch(name):
        raise node.wrong(f"class name: expected 1 to 63 of A-Z, a-z, 0-9, `.`, `_` and `-`, got {name!r}")
    return name


def check_identifier(name: str, what: str, node: Node) -> str:
    """`name`, when PostgreSQL can hold it whole and nothing of ours gives it a second meaning."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise node.wrong(f"{what}: expected characters, got half of a surrogate pair") from error
    if not 1 <= size <= MAX_IDENTIFIER_BYTES:
        raise node.wrong(f"{what}: expected 1 to {MAX_IDENTIFIER_BYTES} bytes, got {size}")
    if "." in name:
        raise node.wrong(f"{what}: expected a name without a dot, got {name!r}")
    if _CONTROL.search(name):
        raise node.wrong(f"{what}: expected a name without control characters, got {name!r}")
    return name


def check_schema_name(name: str, node: Node) -> str:
    """`name`, when it is a schema that a catalog may speak of."""
    if _RESERVED_SCHEMA.fullmatch(name):
        raise node.wrong(f"schema: expected one of your own, got the reserved name {name!r}")
    return check_identifier(name, "schema", node)


def check_column_name(name: str, node: Node) -> str:
    """`name`, when it is a column that a catalog may open."""
    if name in SYSTEM_COLUMNS:
        raise node.wrong(f"column: expected a column of the table, got the system column {name!r}")
    return check_identifier(name, "column", node)

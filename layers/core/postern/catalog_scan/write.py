"""A proposed catalog as YAML: what loads, and comments for who reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from postern.catalog_scan.classes import CLASSES
from postern.catalog_scan.propose import Proposals
from postern.catalog_scan.tables import ScannedColumn, ScannedTable
from postern.masking.column_types import parse_column_type
from postern.policy.names import MAX_IDENTIFIER_BYTES, OPEN, SYSTEM_COLUMNS

# Plain to every reader of YAML. Words that one of them takes for something else are quoted.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029.]")

_HEAD = """\
# Proposed by `postern catalog scan` from names, types and a sample of the values. Read every line before it is
# used: a table or column that is here can be asked for, and one that is not does not exist for an agent.
# `unsure` marks what needs a person's eye.
"""


def format_catalog(
    database: str,
    schema_default: str,
    tables: Sequence[ScannedTable],
    proposals: Proposals,
    notes: dict[tuple[str, str], str],
) -> str:
    """The file `<database>.yaml`. `notes` are said of whole tables. No value of any column is in what goes in."""
    written = [table for table in tables if _columns(table, proposals)]
    used = {
        proposals[table.schema, table.name, name].class_name for table in written for name in _columns(table, proposals)
    }
    lines = [_HEAD.rstrip(), f"database: {_scalar(database)}", f"schema_default: {_scalar(schema_default)}"]
    classes = [name for name in CLASSES if name in used]
    if classes:
        lines += ["classes:", *(f"  {name}: {CLASSES[name].text}" for name in classes)]
    lines.append("tables:")
    for table in tables:
        lines += _table(table, proposals, notes.get(table.key))
    return "\n".join([*lines, "functions: []", ""])


def _table(table: ScannedTable, proposals: Proposals, note: str | None) -> Iterator[str]:
    if not _columns(table, proposals):
        yield f"  # {_comment(f'{table.schema}.{table.name}')}: left out: {_why_not(table)}"
        return
    yield f"  {_scalar(f'{table.schema}.{table.name}')}:{f'  # {note}' if note else ''}"
    yield "    columns:"
    for column in table.columns:
        yield f"      {_column(table, column, proposals)}"


def _column(table: ScannedTable, column: ScannedColumn, proposals: Proposals) -> str:
    if column.type.is_foreign:
        why = f"the operators of {_comment(column.type.name)} are not PostgreSQL's own"
        return f"# {_comment(column.name)}: left out: {why}"
    if not _is_nameable(column.name) or column.name in SYSTEM_COLUMNS:
        return f"# {_comment(column.name)}: left out: a catalog cannot name it"
    proposal = proposals[table.schema, table.name, column.name]
    class_name = proposal.class_name or OPEN
    # Only a type of PostgreSQL's own can be declared.
    is_declared = parse_column_type(column.type.name) is not None
    entry = f"{{class: {class_name}, type: {_scalar(column.type.name)}}}" if is_declared else class_name
    line = f"{_scalar(column.name)}: {entry}"
    return f"{line}  # unsure: {_comment(proposal.unsure)}" if proposal.unsure else line


def _columns(table: ScannedTable, proposals: Proposals) -> list[str]:
    """The columns that can be written."""
    if not (_is_nameable(table.schema) and _is_nameable(table.name)):
        return []
    return [
        column.name
        for column in table.columns
        if (table.schema, table.name, column.name) in proposals
        and _is_nameable(column.name)
        and column.name not in SYSTEM_COLUMNS
    ]


def _why_not(table: ScannedTable) -> str:
    if not (_is_nameable(table.schema) and _is_nameable(table.name)):
        return "a catalog cannot name it"
    return "no column of a supported type" if table.columns else "no columns"


def _is_nameable(name: str) -> bool:
    return not _UNNAMEABLE.search(name) and 0 < len(name.encode()) <= MAX_IDENTIFIER_BYTES


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # JSON's strings are YAML's too, with everything else than ASCII escaped.
    return json.dumps(text)


def _comment(text: str) -> str:
    """The text on one line of a comment, whatever characters a name holds."""
    return text if text.isprintable() else json.dumps(text)

"""Names and values as SQL text, and the names of what a task has in a database.

Everything that Postern writes into SQL passes through `quote_ident` or `quote_literal`; both give text
that is safe whatever the server's `standard_conforming_strings` says.
"""

from __future__ import annotations

import hashlib
import re

from postern.types import TaskId

OWNER_ROLE = "postern_owner"  # owns every task's schema and views; nobody logs in as it
PROVISION_ROLE = "postern_provision"  # builds and drops worlds; logs in by IAM token only
REAP_ROLE = "postern_reap"  # asks what became of transactions; logs in by IAM token only
IAM_ROLE = "rds_iam"  # what Amazon RDS calls the role whose members log in by IAM token
POSTERN_SCHEMA = "postern"

IDENTIFIER_BYTES = 63  # NAMEDATALEN - 1: PostgreSQL cuts longer names off without an error
_DIGEST_HEX = 10
_TASK_ID = re.compile(r"[0-9a-f]{32}")


def role_name(task_id: TaskId) -> str:
    """The role of a task: `task_<id>`, plain enough to need no quoting. Raises ValueError for anything but 32 hex."""
    if not _TASK_ID.fullmatch(task_id):
        raise ValueError(f"task id: expected 32 lower-case hex digits, got {len(task_id)} characters")
    return f"task_{task_id}"


def schema_name(task_id: TaskId) -> str:
    """The schema of a task, named like its role."""
    return role_name(task_id)


def view_name(schema: str, table: str, schema_default: str) -> str:
    """One identifier of at most 63 bytes that two different tables never share.

    A table of the default schema keeps its bare name, another is `<schema>.<table>`. Where that is too long,
    or where a dot inside a name would make it ambiguous, it is cut and ends in `~` and ten hex digits of a
    SHA-256 over both names.
    """
    name = table if schema == schema_default else f"{schema}.{table}"
    is_plain = "." not in table and (schema == schema_default or "." not in schema)
    if is_plain and len(name.encode()) <= IDENTIFIER_BYTES:
        return name
    digest = hashlib.sha256(f"{schema}\0{table}".encode()).hexdigest()[:_DIGEST_HEX]
    kept = name.encode()[: IDENTIFIER_BYTES - _DIGEST_HEX - 1].decode(errors="ignore")
    return f"{kept}~{digest}"


def quote_ident(name: str) -> str:
    """The name as a quoted identifier. Raises ValueError where PostgreSQL would refuse it or cut it short."""
    size = len(name.encode())  # a lone surrogate raises UnicodeEncodeError, a ValueError
    if not 0 < size <= IDENTIFIER_BYTES:
        raise ValueError(f"identifier: expected 1 to {IDENTIFIER_BYTES} bytes, got {size}")
    if "\0" in name:
        raise ValueError("identifier: expected no NUL character, got one")
    return '"' + name.replace('"', '""') + '"'


def quote_qualified(schema: str, name: str) -> str:
    """`"schema"."name"`."""
    return f"{quote_ident(schema)}.{quote_ident(name)}"


def quote_literal(value: str) -> str:
    """The value as a string constant of unknown type. Raises ValueError for a NUL, which no PostgreSQL text holds."""
    value.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    if "\0" in value:
        raise ValueError("literal: expected no NUL character, got one")
    quoted = "'" + value.replace("'", "''") + "'"
    if "\\" not in value:
        return quoted
    # A plain constant's backslash means one thing or another by a session setting; in E'' it is always an escape.
    # The space keeps the E from joining a word before it.
    return " E" + quoted.replace("\\", "\\\\")


def do_block(body: str) -> str:
    """A DO statement around PL/pgSQL text, whatever names the text holds."""
    tag = "$postern$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"DO {tag}\n{body}\n{tag}"

"""What the check says of run-once statements: all of them checked, or one refused with a reason to act on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checked:
    """One statement that may be put before its approvers. What runs is `sql`, byte for byte."""

    sql: str
    sha256: str  # of the UTF-8 bytes as they were sent: 64 hex digits
    fingerprint: str  # libpg_query's: 16 hex digits
    kind: str  # in SQL's words: "CREATE TABLE", "CREATE INDEX CONCURRENTLY"
    in_transaction: bool  # False where PostgreSQL refuses it inside a transaction block (SQLSTATE 25001)
    writes: bool  # rows or definitions; False for a SELECT without a WITH query that writes, SET, LOCK TABLE
    tables: tuple[str, ...]  # relations it names, as it names them, sorted; WITH queries left out
    effects: tuple[str, ...]  # sentences for the approver: what no rollback takes back, what reaches further


@dataclass(frozen=True, slots=True)
class Accepted:
    """Every statement may be put before its approvers; they run in this order."""

    statements: tuple[Checked, ...]
    digest: str  # what an approval binds, see `digest`: 64 hex digits

    @property
    def in_one_transaction(self) -> bool:
        """Whether all of them can run, and be tried, in one transaction."""
        return all(statement.in_transaction for statement in self.statements)


@dataclass(frozen=True, slots=True)
class Refused:
    """None of the statements may run. `reason` says what was expected, what was found, and what to do."""

    code: str  # one of errors.CODES, `guard.*` or `sql.syntax`
    reason: str
    index: int | None  # of the statement, from 0; None where the list itself is wrong
    position: int | None  # 1-based, in characters of that statement


Verdict = Accepted | Refused

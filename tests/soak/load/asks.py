"""The statements that agents send, and what each must come to: a table where they never vary, else functions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.soak.load.own_rows import ABSENT, OwnRows, Version, Watch

CONTACT = "a***@e***.com"  # agent-07.3@example.com, masked
Answer = Mapping[str, Any]


def nothing_wrong(_answer: Answer) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Change:
    """A row that a call writes: its version before, and after it took effect."""

    rows: OwnRows
    number: int
    before: Version
    after: Version


@dataclass(frozen=True, slots=True)
class Ask:
    """One call. `status` and `code` are what is right; `wrong` looks at an answer of 200."""

    kind: str
    statements: tuple[Mapping[str, Any], ...]
    status: int = 200
    code: str | None = None
    ran: bool = True  # its statements reach the database
    wrong: Callable[[Answer], Iterable[str]] = nothing_wrong
    changes: tuple[Change, ...] = ()
    key: str | None = None
    is_transaction: bool = False

    @property
    def path(self) -> str:
        return "transaction" if self.is_transaction else "query"

    @property
    def body(self) -> Mapping[str, Any]:
        return {"statements": list(self.statements)} if self.is_transaction else self.statements[0]

    def end_changes(self, status: int | None) -> None:
        """Tells the rows what became of them; None: nobody can say."""
        for one in self.changes:
            one.rows.end(one.number, one.after if status == 200 else one.before, is_sure=status is not None)


class Known(Protocol):
    """A read whose answer is known beforehand: see `shop_truth`."""

    @property
    def kind(self) -> str: ...
    @property
    def sql(self) -> str: ...
    @property
    def params(self) -> tuple[object, ...]: ...
    def wrong(self, answer: Answer) -> Iterable[str]: ...


REFUSED: tuple[Ask, ...] = (
    Ask("refused", ({"sql": "SELECT * FROM staff"},), 403, "guard.relation", ran=False),
    Ask("refused", ({"sql": "SELECT pg_sleep(1)"},), 403, "guard.function", ran=False),
    Ask("refused", ({"sql": "SELECT 1; SELECT 2"},), 403, "guard.statements", ran=False),
    Ask("refused", ({"sql": "DELETE FROM products"},), 403, "guard.action", ran=False),
    Ask("refused", ({"sql": "SELEC 1"},), 422, "sql.syntax", ran=False),
    Ask("fails", ({"sql": "SELECT 1 / (id - id) FROM products"},), 422, "sql.failed"),
    Ask("fails", ({"sql": "SELECT salary FROM products"},), 422, "sql.failed"),
    # Only the row filter stands in the way: the view's check option refuses a row of somebody else.
    Ask("fails", ({"sql": "INSERT INTO letters (owner, number) VALUES ('nobody', 1)"},), 422, "sql.failed"),
)


def known(read: Known) -> Ask:
    return Ask(read.kind, (_statement(read.sql, *read.params),), wrong=read.wrong)


def own_entries(agent: str, watch: Watch) -> Ask:
    def wrong(answer: Answer) -> Iterable[str]:
        yield from watch.wrong({number: version for number, version, _ in answer["rows"]})
        if [row[0] for row in answer["rows"]] != sorted(row[0] for row in answer["rows"]):
            yield f"{agent}: expected its rows in order, got another"
        if any(contact != CONTACT for _, _, contact in answer["rows"]):
            yield f"{agent}: expected {CONTACT} in each of its rows, got something else"

    sql = "SELECT number, version, contact FROM entries WHERE agent = $1 ORDER BY number"
    return Ask("own rows", (_statement(sql, agent),), wrong=wrong)


def own_letters(agent: str, watch: Watch) -> Ask:
    def wrong(answer: Answer) -> Iterable[str]:
        yield from watch.wrong({number: 0 for _, number in answer["rows"]})
        if any(owner != agent for owner, _ in answer["rows"]):
            yield f"{agent}: expected the row filter to leave its own letters, got somebody else's"

    return Ask("filtered", (_statement("SELECT owner, number FROM letters"),), wrong=wrong)


def insert_entry(agent: str, rows: OwnRows, key: str | None) -> Ask:
    number = rows.begin_insert()
    sql = "INSERT INTO entries (agent, number, version) VALUES ($1, $2, 0) RETURNING number, version, contact"
    wrong = _written([[number, 0, CONTACT]])
    return Ask(
        "write",
        (_statement(sql, agent, number),),
        wrong=wrong,
        changes=(Change(rows, number, ABSENT, 0),),
        key=key,
    )


def insert_letter(agent: str, rows: OwnRows, key: str | None) -> Ask:
    number = rows.begin_insert()
    sql = "INSERT INTO letters (owner, number) VALUES ($1, $2)"
    change = Change(rows, number, ABSENT, 0)
    return Ask("write", (_statement(sql, agent, number),), wrong=_written([]), changes=(change,), key=key)


def update_entry(agent: str, rows: OwnRows, draw: random.Random, key: str | None) -> Ask | None:
    """None where the agent has no row that is surely there."""
    row = rows.begin_change(draw)
    if row is None:
        return None
    number, version = row
    sql = "UPDATE entries SET version = version + 1 WHERE agent = $1 AND number = $2 RETURNING version"
    change = Change(rows, number, version, version + 1)
    wrong = _written([[version + 1]])
    return Ask("write", (_statement(sql, agent, number),), wrong=wrong, changes=(change,), key=key)


def delete_entry(agent: str, rows: OwnRows, draw: random.Random, key: str | None) -> Ask | None:
    row = rows.begin_change(draw, delete=True)
    if row is None:
        return None
    sql = "DELETE FROM entries WHERE agent = $1 AND number = $2"
    change = Change(rows, row[0], row[1], ABSENT)
    return Ask("write", (_statement(sql, agent, row[0]),), wrong=_written([]), changes=(change,), key=key)


def transaction(agent: str, rows: OwnRows, draw: random.Random, key: str | None) -> Ask | None:
    """A row more, a row changed, and both read back inside."""
    row = rows.begin_change(draw)
    if row is None:
        return None
    (number, version), new = row, rows.begin_insert()
    look = "SELECT number, version FROM entries WHERE agent = $1 AND number IN ($2, $3) ORDER BY number"
    shown = sorted([[number, version + 1], [new, 0]])

    def wrong(answer: Answer) -> Iterable[str]:
        inserted, updated, read = answer["statements"]
        if (inserted["affected"], updated["affected"]) != (1, 1) or not answer["settled"]:
            yield f"{agent}: expected a transaction that wrote two rows and is settled, got another"
        if not answer["replayed"] and read["rows"] != shown:
            yield f"{agent}: expected its transaction to see {shown}, got {read['rows']}"

    return Ask(
        "transaction",
        (
            _statement("INSERT INTO entries (agent, number, version) VALUES ($1, $2, 0)", agent, new),
            _statement("UPDATE entries SET version = version + 1 WHERE agent = $1 AND number = $2", agent, number),
            _statement(look, agent, number, new),
        ),
        wrong=wrong,
        changes=(Change(rows, number, version, version + 1), Change(rows, new, ABSENT, 0)),
        key=key,
        is_transaction=True,
    )


def undone_transaction(agent: str, rows: OwnRows, key: str | None) -> Ask:
    """A row that must not be there afterwards: the second statement fails."""
    number = rows.begin_insert()
    return Ask(
        "undone",
        (
            _statement("INSERT INTO entries (agent, number, version) VALUES ($1, $2, 0)", agent, number),
            {"sql": "SELECT 1 / (id - id) FROM products"},
        ),
        422,
        "sql.failed",
        changes=(Change(rows, number, ABSENT, 0),),
        key=key,
        is_transaction=True,
    )


def _statement(sql: str, *params: object) -> Mapping[str, Any]:
    return {"sql": sql, "params": list(params)} if params else {"sql": sql}


def _written(returned: list[list[object]]) -> Callable[[Answer], Iterable[str]]:
    def wrong(answer: Answer) -> Iterable[str]:
        if answer["affected"] != 1 or not answer["settled"]:
            yield f"expected one row, written and settled, got {answer['affected']}, {answer['settled']}"
        if not answer["replayed"] and answer["rows"] != returned:
            yield f"expected {returned} of a write, got {answer['rows']}"

    return wrong

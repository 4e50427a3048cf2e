"""What each layer stops alone, measured with the attacks on values and on the server, and the table that the docs hold.

    wall       the task's role over a plain connection, which may write and may send several statements: no guard
    guard      the guard before a role that may read and write everything, and finds the columns raw, in all rows
    session    that role in the broker's session: extended protocol, read only, bounded, errors sanitised; no guard
    detectors  what the session let through, after the detectors: no guard
    all        the product

`python -m tests.noninterference.layers` writes the table into docs/threat-model.md; `test_layers` holds it there.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pg8000.exceptions import DatabaseError, InterfaceError

from postern.errors import PosternError
from postern.guard.check import check
from postern.guard.verdict import Refused
from postern.ports import Limits
from postern.world.names import role_name
from postern_local import postgres as launcher
from postern_local.postgres import PostgresServer
from tests.noninterference.attack import AttackClass, Goal
from tests.noninterference.attacks_on_server import ON_SERVER
from tests.noninterference.attacks_on_values import ON_VALUES
from tests.noninterference.target import CATALOGUED, LATER, RAW, SCHEMA, grant_tables
from tests.support.pipeline import Pipeline, pipeline
from tests.support.servers import Database, fresh_database
from tests.support.world import PreparedDatabase, prepared

CLASSES = (*ON_VALUES, *ON_SERVER)
LAYERS = ("wall", "guard", "session", "detectors", "all")
DOC = Path(__file__).parents[2] / "docs" / "threat-model.md"
BEGIN, END = "<!-- layers: begin -->\n", "<!-- layers: end -->\n"
MAX_BYTES = 1_000_000
LIMITS = Limits(MAX_BYTES, MAX_BYTES, MAX_BYTES, statement_timeout_ms=5_000, lock_timeout_ms=500)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: rows as text, or the error's SQLSTATE and everything that it says."""

    text: str
    ran: bool
    sqlstate: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One statement against one layer."""

    title: str
    statement: str
    layer: str
    reply: Reply
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """The database, with a task of masked views and one of raw ones."""

    database: Database
    task: Pipeline
    raw: Pipeline


@contextmanager
def ground(server: PostgresServer) -> Iterator[Ground]:
    with fresh_database(server) as database, prepared(database, SCHEMA, CATALOGUED) as ready:
        database.run(LATER)
        with _world(ready, raw=False) as task, _world(ready, raw=True) as raw:
            yield Ground(database, task, raw)


@contextmanager
def _world(ready: PreparedDatabase, *, raw: bool) -> Iterator[Pipeline]:
    tables = grant_tables(raw=raw)
    task_id, views = ready.build(*tables)
    if raw:
        everything = "GRANT pg_read_all_data, pg_write_all_data TO {} WITH INHERIT TRUE"
        ready.database.run(everything.format(role_name(task_id)))
    with pipeline(ready, task_id, views, tables) as opened:
        yield replace(opened, limits=LIMITS)


def attempt_all(at: Ground) -> list[Attempt]:
    """Every statement against every layer."""
    return _attempts(at, _replies)


def attempt_product(at: Ground) -> list[Attempt]:
    """Every statement against all layers together."""
    return _attempts(at, lambda at, statement: {"all": _reply_of_all(at, statement)})


def _attempts(at: Ground, replies: Callable[[Ground, str], dict[str, Reply]]) -> list[Attempt]:
    return [
        Attempt(attacks.title, statement, layer, reply, _succeeds(attacks.goal, reply))
        for attacks in CLASSES
        for statement in attacks.statements
        for layer, reply in replies(at, statement).items()
    ]


def _reply_of_all(at: Ground, statement: str) -> Reply:
    verdict = check(statement.replace("{role}", at.task.role), at.task.scope)
    if isinstance(verdict, Refused):
        return Reply(verdict.reason, ran=False)
    return _through_session(at.task, verdict.sql)[1]


def _replies(at: Ground, statement: str) -> dict[str, Reply]:
    """A layer's reply to a statement; one that the guard refuses is the refusal, which names nothing but the reason."""
    for_task, for_raw = (statement.replace("{role}", opened.role) for opened in (at.task, at.raw))
    verdict = check(for_task, at.task.scope)
    refused = Reply(verdict.reason, ran=False) if isinstance(verdict, Refused) else None
    allowed = for_task if isinstance(verdict, Refused) else verdict.sql
    received, delivered = _through_session(at.raw, for_raw)
    return {
        "wall": _plain(at.database, at.task.role, for_task),
        "guard": refused or _plain(at.database, at.raw.role, allowed),
        "session": received,
        "detectors": delivered,
        "all": _reply_of_all(at, statement),
    }


def _plain(database: Database, role: str, statement: str) -> Reply:
    connection = database.connect(user=role)
    try:
        connection.run("SET default_transaction_read_only = off")
        rows = connection.execute_simple(statement).rows
        connection.execute_simple("ROLLBACK")
    except DatabaseError as error:
        fields = error.args[0]
        return Reply(str(fields), ran=False, sqlstate=fields.get("C"))
    except InterfaceError:
        return Reply("", ran=True)  # the driver was sent a copy, and has nowhere to put it
    else:
        return Reply(_cells(rows or []), ran=True)
    finally:
        connection.close()


def _through_session(opened: Pipeline, statement: str) -> tuple[Reply, Reply]:
    """What the session received, and what of it is delivered."""
    try:
        result, delivery = opened.run(statement)
    except PosternError as error:
        failed = Reply(error.detail, ran=False, sqlstate=getattr(error, "sqlstate", None))
        return failed, failed
    finally:
        opened.sessions.discard()  # what a session keeps, such as a lock, is not the next statement's
    rows = zip(*result.values, strict=True) if result.values else ()
    booleans = {"t": "True"}
    received = Reply(_cells([[booleans.get(cell or "", cell) for cell in row] for row in rows]), ran=True)
    delivered = delivery.rows_json.decode().replace("[true", "[ True ").replace(",true", ", True ")
    return received, Reply(delivered, ran=True)


def _cells(rows: list) -> str:
    return "\n".join(" ".join(str(cell) for cell in row) for row in rows)


def _succeeds(goal: Goal, reply: Reply) -> bool:
    match goal:
        case Goal.VALUE:
            return any(raw in spelled for raw in RAW for spelled in _spellings(reply.text)) or (
                reply.ran and "True" in reply.text.replace(",", " ").split()
            )
        case Goal.FAILURE:
            return reply.sqlstate == "22012"
        case Goal.EFFECT:
            return reply.ran
        case Goal.BULK:
            return len(reply.text) > MAX_BYTES


def _spellings(text: str) -> Iterator[str]:
    """The text as it stands, put together again, backwards, and out of hexadecimal digits."""
    joined = "".join(character for character in text if character not in " \"',[]")
    yield from (text, joined, text[::-1])
    digits = "".join(character for character in joined if character in "0123456789abcdef")
    yield bytes.fromhex(digits[: len(digits) // 2 * 2]).decode(errors="replace")


def table(attempts: list[Attempt]) -> str:
    """The table of the docs: how many statements of each class each layer stops alone."""
    lines = [f"| attack | statements | {' | '.join(LAYERS)} | shown by |", f"|---|{'--:|' * (len(LAYERS) + 1)}---|"]
    for attacks in CLASSES:
        stopped = [_stopped(attempts, layer, attacks) for layer in LAYERS]
        named = ", ".join(f"`{test}`" for test in attacks.also)
        lines.append(f"| {attacks.title} | {len(attacks.statements)} | {' | '.join(map(str, stopped))} | {named} |")
    sums = [str(_stopped(attempts, layer)) for layer in LAYERS]
    total = sum(len(attacks.statements) for attacks in CLASSES)
    lines.append(f"| **together** | **{total}** | {' | '.join(sums)} | `tests/noninterference/test_layers.py` |")
    return "\n".join(lines) + "\n"


def _stopped(attempts: list[Attempt], layer: str, attacks: AttackClass | None = None) -> int:
    return sum(
        not one.succeeded for one in attempts if one.layer == layer and (attacks is None or one.title == attacks.title)
    )


def documented() -> str:
    """The table as it stands in the docs."""
    return DOC.read_text().partition(BEGIN)[2].partition(END)[0]


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="postern-layers-") as folder,
        launcher.start(Path(folder) / "18", major=18) as server,
        ground(server) as at,
    ):
        measured = table(attempt_all(at))
    before, _, rest = DOC.read_text().partition(BEGIN)
    DOC.write_text(f"{before}{BEGIN}{measured}{END}{rest.partition(END)[2]}")
    print(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Statements that a real server ran and wrote into its log in every form, with the records that the broker would write.

The sessions are the broker's own; what stands around them here is only what puts their records in order.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from postern.audit import bodies
from postern.audit.canonical import canonical_bytes, parse_canonical
from postern.audit.ids import uuid7
from postern.audit.keys import record_key
from postern.audit.records import Record, RecordType
from postern.audit.statements import Asked, Closed
from postern.audit.times import format_time
from postern.edges.postgres.connect import open_connection
from postern.edges.postgres.sessions import KeptSession
from postern.edges.postgres.wire import AgentConnection
from postern.errors import StatementFailed
from postern.ports import Parameter, TransactionMark
from postern.reconcile.entries import Entry
from postern.reconcile.findings import Report
from postern.reconcile.formats import Format, LogReader, tell_format
from postern.reconcile.prefix import KNOWN, parse_prefix
from postern.reconcile.reconciler import Reconciler, Window
from postern.reconcile.recorded import Stored
from postern.types import Action, CommandId, DatabaseAddress, DatabaseName, Sha256Hex, Task, TaskId
from postern.world.names import role_name
from postern_local import postgres as launcher
from tests.support.audit import MemoryRecordStore, source
from tests.support.domain import a_task
from tests.support.servers import Database, fresh_database
from tests.support.session import LIMITS, open_socket
from tests.support.world import PreparedDatabase, granted, prepared

LOG = source().log
RDS_DEFAULT = "%t:%r:%u@%d:[%p]:"
SETTINGS = {
    "logging_collector": "on",
    "log_destination": "stderr,csvlog,jsonlog",
    "log_filename": "pg.log",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_line_prefix": RDS_DEFAULT,
}
SHOP = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE t (id integer PRIMARY KEY, note text, mood mood);
INSERT INTO t VALUES (1, 'a', 'sad'), (2, 'b', 'happy');
"""
TYPE_NAMES = (
    "SELECT o, pg_catalog.format_type(o, NULL), typdelim FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o"
    " LEFT JOIN pg_catalog.pg_type AS t ON t.oid = o"
)
NOBODY = f"task_{'0' * 32}"
STATEMENTS = {
    "read": "SELECT id, note FROM t WHERE id = $1",
    "enum": "SELECT mood FROM t",
    "own text": TYPE_NAMES,
    "unicode": "SELECT 'Zoë — ß' AS \"größe\"",
    "fake plain line": (f"SELECT 'x\n2026-11-23 04:00:00 UTC:[local]:{NOBODY}@d:[1]:LOG:  statement: SELECT 2'"),
    "fake csv line": (
        f'SELECT \'"\n2026-11-23 04:00:00.000 UTC,"{NOBODY}","d",1,"[local]",6b03c1d7.1,1,"",'
        '2026-11-23 04:00:00 UTC,,0,LOG,00000,"statement: SELECT 2",,,,,,,,,"x","client backend",,0\n"\' AS q'
    ),
    "fake json line": 'SELECT \'\\"}\n{"timestamp":"2026-11-23 04:00:00 UTC","message":"statement: SELECT 2"}\' AS q',
    "looks like a message": "SELECT 1 /* LOG:  statement: ROLLBACK\n\tSTATEMENT:  COMMIT\r\n */",
    "long": f"SELECT length('{'long ' * 4000}')",
}


@dataclass
class MemoryEvidence:
    """Implements `reconcile.recorded.Evidence` on a dictionary of objects."""

    objects: dict[str, bytes]

    def hours(self) -> list[str]:
        return sorted({"/".join(key.split("/")[4:6]) for key in self.objects if key.startswith("wal/")})

    def commands(self, hour: str) -> Iterable[CommandId]:
        for key in sorted(self.objects):
            if f"/{hour}/" in key and key.endswith("/1-intent.json"):
                yield CommandId(key.split("/")[6])

    def read(self, command_id: CommandId, type_: RecordType) -> Stored | None:
        key = record_key(LOG, type_, command_id)
        return Stored(key, self.objects[key]) if key in self.objects else None


@dataclass
class Recording:
    """What a server logged, by form, and what is on record; `ids` name the commands."""

    role: str
    logs: dict[str, bytes]
    objects: dict[str, bytes]
    ids: dict[str, CommandId]

    def copy(self) -> Recording:
        return replace(self, logs=dict(self.logs), objects=dict(self.objects))

    def change_record(self, name: str, type_: RecordType, change: Callable[[dict[str, object]], None]) -> None:
        key = record_key(LOG, type_, self.ids[name])
        members = parse_canonical(self.objects[key])
        change(members)
        self.objects[key] = canonical_bytes(members)

    def remove_record(self, name: str, *types: RecordType) -> None:
        for type_ in types:
            del self.objects[record_key(LOG, type_, self.ids[name])]

    def compare(self, form: str, **options: object) -> Report:
        """The report on one form of the log."""
        return compare(self.logs[form], self.objects, **options)

    def entries(self, form: str) -> list[Entry]:
        return list(read_log(self.logs[form]))


def read_log(data: bytes, format_: Format | None = None, prefixes: Iterable[str] = KNOWN) -> Iterator[Entry]:
    lines = iter(data.split(b"\n")[:-1])
    reader = LogReader([parse_prefix(prefix) for prefix in prefixes])
    return reader.read(format_ or tell_format(data[:4096]), data[:4096], lines, "log")


def compare(log: bytes | Iterable[Entry], objects: Mapping[str, bytes], **options: object) -> Report:
    entries = read_log(log) if isinstance(log, bytes) else log
    # The log's first and last seconds are compared too: it was begun before the first statement and ended after.
    options.setdefault("window", Window(since_us=0, until_us=2**60, skew_us=2_000_000))
    return Reconciler(MemoryEvidence(dict(objects)), **options).run(entries)  # type: ignore[arg-type]


def kinds(report: Report) -> dict[str, int]:
    return {kind.value: number for kind, number in report.found.items()}


def record(folder: Path, major: int) -> Recording:
    """Starts a server, runs the statements, and stops it."""
    with launcher.start(folder, major=major, settings=SETTINGS) as server, fresh_database(server) as database:
        with prepared(database, SHOP, [("public", "t")]) as ready:
            columns = dict.fromkeys(("id", "note", "mood"))
            task_id, _ = ready.build(granted("t", columns, actions=(Action.SELECT, Action.INSERT)))
            broker = Broker(ready, task_id)
            broker.run_all()
            role = role_name(task_id)
        stop_logging(database)
        logs = {form: (server.socket_dir / "data/log" / f"pg.{end}").read_bytes() for form, end in FORMS.items()}
    return Recording(role, logs, dict(broker.records.objects), broker.ids)


FORMS = {"csvlog": "csv", "jsonlog": "json", "stderr": "log"}


def stop_logging(database: Database) -> None:
    """Returns when the collector has written what the sessions said: it writes in the order in which it is told."""
    mark = f"the last line {os.urandom(8).hex()}"
    with closing(database.connect()) as connection:
        connection.run(f"DO $$ BEGIN RAISE LOG '{mark}'; END $$")
    folder = database.server.socket_dir / "data/log"
    for end in FORMS.values():
        wait_for(lambda end=end: mark.encode() in (folder / f"pg.{end}").read_bytes())  # type: ignore[misc]


def wait_for(is_done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not is_done():
        assert time.monotonic() < limit, "the server's log does not come to its end"
        time.sleep(0.005)


@dataclass
class Broker:
    """Runs statements as the broker does, and puts them on record."""

    ready: PreparedDatabase
    task_id: TaskId
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    ids: dict[str, CommandId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.task = replace(a_task(), id=self.task_id)
        self.sessions = KeptSession(self._connect)

    def _connect(self, _task: Task, _address: DatabaseAddress) -> AgentConnection:
        return open_connection(
            open_socket(self.ready.database),
            user=role_name(self.task_id),
            database=self.ready.database.name,
            application_name="postern",
        )

    def run_all(self) -> None:
        for name, sql in STATEMENTS.items():
            self.read(name, sql, {"read": ["1"], "own text": ["{23}"]}.get(name, []))
        self.read("mapped", "SELECT note FROM public.t", ran="SELECT note FROM t")
        self.read("fails when planned", "SELECT 1 / 0")
        self.read("fails when parsed", "SELECT nothing FROM t")
        self.read("fails when run", "SELECT 1 / (id - 1) FROM t")
        self.refuse("refused", "SELECT 3")
        self.write("write", "INSERT INTO t VALUES (3, 'c''s', 'sad')")
        self.write("transaction", "INSERT INTO t VALUES (4, 'd', NULL)", "SELECT count(*) FROM t")
        self.write("given up", "INSERT INTO t VALUES (5, 'e', NULL)", commit=False)
        self.write_fails("violates", "INSERT INTO t VALUES (1, 'again', NULL)")
        self.read("closed", "SELECT note FROM t WHERE note = 'Alice' AND \"id\" > 7", closed="normalized")
        self.sessions.discard()

    def read(
        self, name: str, sql: str, parameters: Iterable[str] = (), *, ran: str | None = None, closed: str | None = None
    ) -> None:
        command_id, intent = self._intend(name, sql, ran=ran, closed=closed)
        session = self.sessions.session(self.task, self.ready.address)
        try:
            session.run(ran or sql, [Parameter(text) for text in parameters], LIMITS, command_id=command_id)
        except StatementFailed as failed:
            self._outcome(command_id, intent, "failed", error=failed.code, sqlstate=failed.sqlstate)
        else:
            self._outcome(command_id, intent, "ok")

    def refuse(self, name: str, sql: str) -> None:
        self._intend(name, sql, decision="refuse")

    def write(self, name: str, *statements: str, commit: bool = True) -> None:
        """A transaction; its commands are `name`, `name 1` and so on."""
        names = [name if index == 0 else f"{name} {index}" for index in range(len(statements))]
        intents = [self._intend(one, sql) for one, sql in zip(names, statements, strict=True)]
        session = self.sessions.session(self.task, self.ready.address)
        transaction = session.begin(LIMITS, command_id=intents[0][0], read_only=False)
        for (command_id, _), sql in zip(intents, statements, strict=True):
            is_read = sql.startswith("SELECT")
            transaction.run(sql, [], LIMITS, read_only=is_read, command_id=command_id)
        mark = transaction.mark()
        outcomes = [self._outcome(command_id, intent, "pending", mark=mark) for command_id, intent in intents]
        transaction.commit() if commit else transaction.rollback()
        for (command_id, _), outcome in zip(intents, outcomes, strict=True):
            status = "committed" if commit else "rolled_back"
            record = bodies.statement_settled(command_id, now_us(), self.task_id, outcome, status=status, result={})
            self.records.put(record)

    def write_fails(self, name: str, sql: str) -> None:
        command_id, intent = self._intend(name, sql)
        session = self.sessions.session(self.task, self.ready.address)
        try:
            session.begin(LIMITS, command_id=command_id, read_only=False).run(sql, [], LIMITS, read_only=False)
        except StatementFailed as failed:
            self._outcome(command_id, intent, "failed", error=failed.code, sqlstate=failed.sqlstate)
        else:
            raise AssertionError(f"{name}: expected it to fail")

    def _intend(
        self, name: str, sql: str, *, ran: str | None = None, closed: str | None = None, decision: str = "allow"
    ) -> tuple[CommandId, Sha256Hex]:
        time_us = now_us()
        command_id = self.ids[name] = CommandId(uuid7(time_us, os.urandom(10)))
        asked = Asked(sql, ran or sql, None, [], b"k" * 32)
        if closed is not None:
            text = 'SELECT note FROM t WHERE note = $1 AND "id" > $2'
            asked = replace(asked, closed=Closed(closed, text, None, None, 64))
        record = bodies.statement_intent(
            command_id,
            time_us,
            self.task.principal,
            self.task,
            target=bodies.target_member(self.ready.address, role_name(self.task_id)),
            sequence=len(self.ids),
            asked=asked,
            decision={"result": decision},
            policy_digest=self.task.grant.policy_digest,
        )
        return command_id, self.records.put(record)

    def _outcome(
        self,
        command_id: CommandId,
        intent: Sha256Hex,
        status: str,
        *,
        mark: TransactionMark | None = None,
        **more: str | None,
    ) -> Sha256Hex:
        result: dict[str, object] = {**more}
        if mark is not None:
            result["transaction"] = {"xid": mark.xid, "backend_pid": mark.backend_pid}
        record: Record = bodies.statement_outcome(
            command_id, now_us(), self.task_id, intent, status=status, result=result
        )
        return self.records.put(record)


def now_us() -> int:
    return time.time_ns() // 1000


@dataclass
class Script:
    """A log and records that no server made, for what is not about a server: one session, one read after another."""

    role: str = f"task_{'1' * 32}"
    start_us: int = 1_795_406_400_000_000  # 2026-11-23 04:00:00 UTC
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    messages: list[tuple[int, str, str]] = field(default_factory=list)  # time, application name, message
    ids: list[CommandId] = field(default_factory=list)

    def read(self, sql: str, *, after_s: float, database: str = "shop", is_logged: bool = True) -> CommandId:
        """A command that is on record, and in the log unless told otherwise."""
        time_us = self.start_us + int(after_s * 1_000_000)
        command_id = CommandId(uuid7(time_us, len(self.ids).to_bytes(10, "big")))
        self.ids.append(command_id)
        self._put(command_id, time_us, sql, database)
        own = ("BEGIN READ ONLY", f"SET LOCAL application_name = '{command_id}'")
        self.messages += [(time_us, "postern", f"execute <unnamed>: {text}") for text in own]
        if is_logged:
            self.messages.append((time_us, command_id, f"execute <unnamed>: {sql}"))
        self.messages.append((time_us, command_id, "statement: ROLLBACK"))
        return command_id

    def say(self, message: str, *, after_s: float, application: str = "psql") -> None:
        self.messages.append((self.start_us + int(after_s * 1_000_000), application, message))

    def csvlog(self) -> bytes:
        lines = []
        for number, (time_us, name, message) in enumerate(self.messages, 1):
            stamp, quoted = stamp_of(time_us), message.replace('"', '""')
            lines.append(
                f'{stamp},"{self.role}","shop",77,"[local]",6b03c1d0.4d,{number},"",{stamp},6/2,0,LOG,00000,'
                f'"{quoted}",,,,,,,,,"{name}","client backend",,0\n'
            )
        return "".join(lines).encode()

    def stderr(self, prefix: str = "{stamp} [77] {role}@shop {name} ") -> bytes:
        lines = []
        for time_us, name, message in self.messages:
            head = prefix.format(stamp=stamp_of(time_us), role=self.role, name=name)
            lines.append(f"{head}LOG:  {message}".replace("\n", "\n\t") + "\n")
        return "".join(lines).encode()

    def _put(self, command_id: CommandId, time_us: int, sql: str, database: str) -> None:
        task = a_task()
        address = DatabaseAddress(DatabaseName(database), "localhost", 5432, "shop", "db", "eu-west-1", "none")
        intent = self.records.put(
            bodies.statement_intent(
                command_id,
                time_us,
                task.principal,
                task,
                target=bodies.target_member(address, self.role),
                sequence=len(self.ids),
                asked=Asked(sql, sql, None, [], b"k" * 32),
                decision={"result": "allow"},
                policy_digest=task.grant.policy_digest,
            )
        )
        outcome = bodies.statement_outcome(command_id, time_us, task.id, intent, status="ok", result={})
        self.records.put(outcome)

    def write_copy(self, folder: Path) -> None:
        """The records as `postern audit pull` leaves them."""
        for key, data in self.records.objects.items():
            file = folder / "objects" / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        (folder / "versions.jsonl").write_bytes(b"")


def stamp_of(time_us: int) -> str:
    return f"{format_time(time_us)[:-4].replace('T', ' ')} UTC"

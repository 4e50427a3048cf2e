"""Logs of real servers in each of their forms against the records, and against what somebody did to either side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from postern.audit.records import RecordType
from postern.reconcile.entries import Entry, UnreadableLog
from postern.reconcile.reconciler import Window
from postern.reconcile.statements import Protocol, parse_ran
from postern.statement_text.normalise import normalise
from tests.support.reconcile import LOG, STATEMENTS, Recording, compare, kinds, read_log

INTENT, OUTCOME, SETTLED = RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED
FORMS = ("csvlog", "jsonlog", "stderr")
THIEF = "6f000000.1"
UNKNOWN = "ffff"

Entries = list[Entry]


@pytest.mark.parametrize("form", FORMS)
def test_log_and_records_of_the_same_statements_agree(recording: Recording, form: str) -> None:
    report = recording.compare(form)
    assert report.findings == []
    assert (report.counts.records, report.counts.matched) == (len(recording.ids), len(recording.ids) - 1)
    assert (report.counts.commits, report.counts.logins) == (3, 1)


def test_all_forms_tell_the_same(recording: Recording) -> None:
    def told(form: str) -> list[tuple[object, ...]]:
        return [
            (one.pid, one.user, one.severity, parse_ran(one.message), one.statement)
            for one in recording.entries(form)
            if one.is_of_task
        ]

    assert told("csvlog") == told("jsonlog") == told("stderr")


def test_a_statements_own_lines_are_never_taken_for_the_logs(recording: Recording) -> None:
    for form in FORMS:
        texts = [parse_ran(one.message) for one in recording.entries(form) if one.is_of_task]
        ran = {one.text for one in texts if one is not None and one.protocol is Protocol.EXTENDED}
        assert set(STATEMENTS.values()) <= ran


def test_no_bound_parameter_reaches_the_log(recording: Recording) -> None:
    for data in recording.logs.values():
        assert b"arameters: $1" not in data


def test_texts_without_literals_are_compared_without_literals(recording: Recording) -> None:
    def normalised(text: str) -> str | None:
        found = normalise(text)
        return None if found is None else found.text

    report = recording.compare("csvlog", normalise=normalised)
    assert (report.findings, report.counts.uncompared) == ([], 0)

    def other(record: dict[str, object]) -> None:
        statement = record["statement"]
        assert isinstance(statement, dict)
        statement["text"] = "SELECT note FROM t WHERE note = $1"

    changed = recording.copy()
    changed.change_record("closed", INTENT, other)
    assert kinds(changed.compare("csvlog", normalise=normalised)) == {"statement.text": 1, "record.statement": 1}


def ran_as(recording: Recording, entries: Entries, name: str) -> int:
    """Where the log says that a command's statement ran."""
    [index] = [
        index
        for index, entry in enumerate(entries)
        if entry.application == recording.ids[name]
        and (ran := parse_ran(entry.message)) is not None
        and ran.protocol is Protocol.EXTENDED
        and not ran.text.startswith(("SET ", "SELECT coalesce(sum", "SELECT pg_catalog.pg_current", "SAVE", "RELEASE"))
    ]
    return index


def committed(recording: Recording, entries: Entries, name: str) -> int:
    [index] = [
        index
        for index, entry in enumerate(entries)
        if entry.application == recording.ids[name] and entry.message == "statement: COMMIT"
    ]
    return index


def take_out(entries: Entries, index: int) -> None:
    """Takes a line out and numbers the session's others anew, as somebody would who knows the log's form."""
    gone = entries.pop(index)
    assert gone.numbers is not None
    for at, entry in enumerate(entries):
        if entry.session == gone.session and entry.numbers is not None and entry.numbers > gone.numbers:
            entries[at] = replace(entry, numbers=(entry.numbers[0] - 1, entry.numbers[1] - 1))


def stolen(recording: Recording, entries: Entries, message: str, **changes: object) -> None:
    """Adds a line of a session that somebody opened with the task's token."""
    like = entries[ran_as(recording, entries, "read")]
    one = replace(like, session=THIEF, pid=1, message=message, numbers=None, application="psql")
    entries.append(replace(one, time_us=entries[-1].time_us, **changes))  # type: ignore[arg-type]


def set_in(recording: Recording, name: str, type_: RecordType, member: str, value: object) -> None:
    recording.change_record(name, type_, lambda record: record.update({member: value}))


def set_mark(recording: Recording, **members: object) -> None:
    def change(record: dict[str, object]) -> None:
        transaction = record["transaction"]
        assert isinstance(transaction, dict)
        transaction.update(members)

    recording.change_record("write", OUTCOME, change)


def set_role(recording: Recording) -> None:
    def change(record: dict[str, object]) -> None:
        target = record["target"]
        assert isinstance(target, dict)
        target["role"] = f"task_{'0' * 32}"

    recording.change_record("read", INTENT, change)


def set_text(recording: Recording) -> None:
    def change(record: dict[str, object]) -> None:
        statement = record["statement"]
        assert isinstance(statement, dict)
        statement["text"] = "SELECT 'what was not asked'"

    recording.change_record("read", INTENT, change)


def again(recording: Recording, entries: Entries, later_us: int) -> None:
    one = entries[ran_as(recording, entries, "read")]
    entries.append(replace(one, session=THIEF, numbers=None, time_us=max(entries[-1].time_us, one.time_us + later_us)))


def under_unknown_command(recording: Recording, entries: Entries, message: str, **changes: object) -> None:
    known = recording.ids["read"]
    stolen(recording, entries, message, application=known[:-4] + UNKNOWN, **changes)


def as_simple(recording: Recording, entries: Entries) -> None:
    at = ran_as(recording, entries, "read")
    entries[at] = replace(entries[at], message=entries[at].message.replace("execute <unnamed>", "statement"))


def as_named(recording: Recording, entries: Entries) -> None:
    at = ran_as(recording, entries, "read")
    entries[at] = replace(entries[at], message=entries[at].message.replace("<unnamed>", "s1"))


def commit_fails(recording: Recording, entries: Entries) -> None:
    at = committed(recording, entries, "write")
    error = replace(entries[at], severity="ERROR", message="disk full", statement="COMMIT", numbers=None)
    entries.insert(at + 1, error)


def commit_of_a_read(recording: Recording, entries: Entries) -> None:
    at = ran_as(recording, entries, "read")
    # Other processes of the server write lines between a session's.
    after = next(n for n, one in enumerate(entries) if n > at and one.session == entries[at].session)
    entries[after] = replace(entries[after], message="statement: COMMIT")


Change = Callable[[Recording, Entries], object]
TAMPERED: dict[str, tuple[Change, dict[str, int]]] = {
    "a statement taken out of the log": (
        lambda log, lines: lines.pop(ran_as(log, lines, "read")),
        {"record.statement": 1, "log.gap": 1},
    ),
    "a statement taken out and the rest numbered anew": (
        lambda log, lines: take_out(lines, ran_as(log, lines, "read")),
        {"record.statement": 1},
    ),
    "another text put into the log": (
        lambda log, lines: lines.__setitem__(
            at := ran_as(log, lines, "read"), replace(lines[at], message="execute <unnamed>: SELECT 1")
        ),
        {"statement.text": 1, "record.statement": 1},
    ),
    "a login by psql": (
        lambda log, lines: stolen(
            log, lines, f"connection authorized: user={log.role} database=d application_name=psql SSL enabled (x)"
        ),
        {"login": 1},
    ),
    "a login without a name": (
        lambda log, lines: stolen(log, lines, f"connection authorized: user={log.role} database=d"),
        {"login": 1},
    ),
    "a statement by psql": (lambda log, lines: stolen(log, lines, "statement: SELECT 1"), {"statement.unrecorded": 1}),
    "a statement under the broker's own name": (
        lambda log, lines: stolen(log, lines, "execute <unnamed>: SELECT 1", application="postern"),
        {"statement.unrecorded": 1},
    ),
    "a line that could be a client's words": (
        lambda log, lines: stolen(log, lines, "disconnection: LOG:  statement: SELECT 1", is_ambiguous=True),
        {"log.ambiguous": 1},
    ),
    "two statements in one message": (
        lambda log, lines: stolen(log, lines, "statement: ROLLBACK; SELECT 1", application="postern"),
        {"statement.unrecorded": 1},
    ),
    "a function called by the protocol": (
        lambda log, lines: stolen(log, lines, 'fastpath function call: "lo_open" (OID 952)'),
        {"statement.unrecorded": 1},
    ),
    "a statement under a command that is not on record": (
        lambda log, lines: under_unknown_command(log, lines, "execute <unnamed>: SELECT 1"),
        {"statement.unrecorded": 1},
    ),
    "a failing statement under a command that is not on record": (
        lambda log, lines: under_unknown_command(log, lines, "no", severity="ERROR", statement="SELECT 1 / 0"),
        {"statement.unrecorded": 1},
    ),
    "a statement run twice": (lambda log, lines: again(log, lines, 0), {"statement.twice": 1}),
    "a statement run again an hour later": (lambda log, lines: again(log, lines, 3_600_000_000), {"statement.time": 1}),
    "a recorded text by the simple protocol": (as_simple, {"statement.unrecorded": 1, "record.statement": 1}),
    "a recorded text as a named statement": (as_named, {"statement.unrecorded": 1, "record.statement": 1}),
    "a COMMIT taken out": (
        lambda log, lines: take_out(lines, committed(log, lines, "write")),
        {"record.commit": 1},
    ),
    "the COMMIT of two statements taken out": (
        lambda log, lines: take_out(lines, committed(log, lines, "transaction 1")),
        {"record.commit": 2},
    ),
    "a COMMIT that failed": (commit_fails, {"record.commit": 1}),
    "a COMMIT of a read": (commit_of_a_read, {"commit.record": 1}),
    "a record removed": (lambda log, _: log.remove_record("read", INTENT, OUTCOME), {"statement.unrecorded": 1}),
    "the record of a statement that failed removed": (
        lambda log, _: log.remove_record("fails when parsed", INTENT, OUTCOME),
        {"statement.unrecorded": 1},
    ),
    "a record's text changed": (
        lambda log, _: set_text(log),
        {"statement.text": 1, "record.statement": 1},
    ),
    "a record's role changed": (
        lambda log, _: set_role(log),
        {"statement.role": 1, "record.statement": 1},
    ),
    "a record changed to refused": (
        lambda log, _: set_in(log, "read", INTENT, "decision", {"result": "refuse"}),
        {"statement.refused": 1, "record.statement": 1},
    ),
    "an outcome changed to not run": (
        lambda log, _: set_in(log, "read", OUTCOME, "status", "not_run"),
        {"statement.refused": 1},
    ),
    "a rolled back write settled as committed": (
        lambda log, _: set_in(log, "given up", SETTLED, "status", "committed"),
        {"record.commit": 1},
    ),
    "a committed write settled as rolled back": (
        lambda log, _: set_in(log, "write", SETTLED, "status", "rolled_back"),
        {"commit.record": 1},
    ),
    "a committed write on record as failed": (
        lambda log, _: (set_in(log, "write", OUTCOME, "status", "failed"), log.remove_record("write", SETTLED)),
        {"commit.record": 1},
    ),
    "a committed write on record as abandoned": (
        lambda log, _: (set_in(log, "write", OUTCOME, "status", "abandoned"), log.remove_record("write", SETTLED)),
        {"commit.record": 1},
    ),
    "another session's process on record": (lambda log, _: set_mark(log, backend_pid=1), {"commit.transaction": 1}),
    "another transaction on record": (lambda log, _: set_mark(log, xid="4294967297"), {"commit.transaction": 1}),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_names_what_was_done_to_log_or_records(recording: Recording, name: str) -> None:
    change, expected = TAMPERED[name]
    copy, entries = recording.copy(), recording.entries("csvlog")
    change(copy, entries)
    assert kinds(compare(entries, copy.objects)) == expected


@pytest.mark.parametrize("form", FORMS)
def test_a_statement_cut_out_of_the_file_is_missed(recording: Recording, form: str) -> None:
    data = recording.logs[form]
    [line] = [line for line in data.split(b"\n") if STATEMENTS["read"].encode() in line]
    report = compare(data.replace(line + b"\n", b""), recording.objects)
    assert kinds(report)["record.statement"] == 1
    assert ("log.gap" in kinds(report)) == (form != "stderr"), "RDS's own prefix does not number the lines"
    assert recording.ids["read"] in {finding.where for finding in report.findings}


@pytest.mark.parametrize("form", FORMS)
def test_a_session_opened_with_a_stolen_token_is_named_with_its_place(recording: Recording, form: str) -> None:
    """The lines of a thief who even names the session as the broker does, in the middle of the real ones."""
    data = recording.logs[form]
    [line] = [line for line in data.split(b"\n") if STATEMENTS["read"].encode() in line]
    number = data[: data.index(line)].count(b"\n") + 1
    forged = line.replace(STATEMENTS["read"].encode(), b"SELECT secret FROM t")
    report = compare(data.replace(line, forged), recording.objects)
    assert kinds(report) == {"statement.text": 1, "record.statement": 1}
    assert report.findings[0].where == f"log:{number}"


@pytest.mark.parametrize("name", ["write", "given up", "read"])
def test_an_open_command_is_no_disagreement(recording: Recording, name: str) -> None:
    copy = recording.copy()
    copy.remove_record(name, *([SETTLED, OUTCOME] if name != "read" else [OUTCOME]))
    assert kinds(copy.compare("csvlog")) == {}


@pytest.mark.parametrize("status", ["lost", "abandoned", "not_run"])
def test_a_statement_that_may_not_have_reached_the_server_need_not_be_in_its_log(
    recording: Recording, status: str
) -> None:
    copy, entries = recording.copy(), recording.entries("csvlog")
    set_in(copy, "read", OUTCOME, "status", status)
    take_out(entries, ran_as(copy, entries, "read"))
    assert kinds(compare(entries, copy.objects)) == {}


def test_an_idle_session_that_the_server_ends_has_committed_all_the_same(recording: Recording) -> None:
    entries = recording.entries("csvlog")
    at = committed(recording, entries, "write")
    ended = replace(entries[at], severity="FATAL", message="terminating connection due to idle-session timeout")
    entries.insert(at + 1, replace(ended, numbers=None))
    assert kinds(compare(entries, recording.objects)) == {}


def test_a_process_id_that_is_given_again_begins_a_session_anew(recording: Recording) -> None:
    """Where a prefix has %p and %l, and no %c."""
    entries = [replace(one, started_s=None, session=f"/{one.pid}") for one in recording.entries("csvlog")]
    again = [replace(one, time_us=one.time_us + 1, user="") for one in entries if one.is_of_task]
    assert kinds(compare([*entries, *again], recording.objects)) == {}


def test_a_server_that_stops_while_it_commits_leaves_the_write_untold(recording: Recording) -> None:
    copy, entries = recording.copy(), recording.entries("csvlog")
    at = committed(copy, entries, "write")
    crash = replace(entries[at], session="0.1", user="", message="all server processes terminated; reinitializing")
    entries[at + 1 :] = [replace(crash, numbers=(1, 1), application="")]
    set_in(copy, "write", SETTLED, "status", "rolled_back")
    later = [name for name in copy.ids if copy.ids[name] > copy.ids["write"]]
    for name in later:
        copy.objects = {key: data for key, data in copy.objects.items() if copy.ids[name] not in key}
    report = compare(entries, copy.objects)
    assert (kinds(report), report.untold.uncertain) == ({}, 1)


def test_what_lies_beyond_either_sides_end_is_counted_and_no_disagreement(recording: Recording) -> None:
    window = Window(skew_us=1)
    entries = recording.entries("csvlog")
    first = ran_as(recording, entries, "enum")
    last = ran_as(recording, entries, "fails when run")
    report = compare(entries[first:last], recording.objects, window=window)
    assert kinds(report) == {}
    assert report.untold.edge >= 3, "what ran before the log's first line and after its last"
    copy = recording.copy()
    for name in ("closed", "violates"):
        copy.objects = {key: data for key, data in copy.objects.items() if copy.ids[name] not in key}
    report = compare(entries, copy.objects)
    assert (kinds(report), report.untold.later) == ({}, 3), "one of them is in the log with its error too"


def test_the_newest_record_is_found_behind_hours_without_acts(recording: Recording) -> None:
    """A fact alone in the last hour must not make every statement look newer than the records."""
    copy, entries = recording.copy(), recording.entries("csvlog")
    copy.objects[f"wal/v1/{LOG}/0/99991231/23/0199a0b0-c0d0-7000-8000-00000000000a/1-event.json"] = b"{}"
    copy.remove_record("read", INTENT, OUTCOME)
    assert kinds(compare(entries, copy.objects)) == {"statement.unrecorded": 1}


def test_only_what_lies_in_the_window_is_compared(recording: Recording) -> None:
    entries = recording.entries("csvlog")
    stolen(recording, entries, "statement: SELECT 1")
    at = entries[ran_as(recording, entries, "write")].time_us
    report = compare(entries, recording.objects, window=Window(until_us=at))
    assert kinds(report) == {}
    assert 0 < report.counts.records < len(recording.ids)
    assert kinds(compare(entries, recording.objects, window=Window(since_us=at, until_us=2**60))) == {
        "statement.unrecorded": 1
    }


def test_records_of_other_databases_are_left_out_when_the_logs_is_named(recording: Recording) -> None:
    assert recording.compare("csvlog", databases=frozenset({"other"})).counts.records == 0
    assert recording.compare("csvlog", databases=frozenset({"shop"})).counts.records == len(recording.ids)
    empty = compare([entry for entry in recording.entries("csvlog") if not entry.is_of_task], recording.objects)
    assert empty.unmatched["shop"] == empty.found.total() == len(recording.ids) - 1


def test_messages_with_a_duration_count_as_statements(recording: Recording) -> None:
    """Where `log_min_duration_statement` writes them instead of `log_statement`."""
    entries = [
        replace(one, message=f"duration: 0.123 ms  {one.message}") if parse_ran(one.message) else one
        for one in recording.entries("csvlog")
    ]
    report = compare(entries, recording.objects)
    assert (kinds(report), report.counts.matched) == ({}, len(recording.ids) - 1)


def test_reading_stops_where_a_sessions_lines_come_twice(recording: Recording) -> None:
    data = recording.logs["csvlog"]
    with pytest.raises(UnreadableLog, match="again"):
        compare(list(read_log(data)) + list(read_log(data)), recording.objects, window=Window(skew_us=1))

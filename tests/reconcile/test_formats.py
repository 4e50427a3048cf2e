"""The parsers of the database's log, on what a server writes and on what somebody may have made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from postern.errors import IntegrityError
from postern.reconcile.entries import Entry, UnreadableLog
from postern.reconcile.formats import Format, LogReader, tell_format
from postern.reconcile.prefix import KNOWN, parse_prefix
from postern.reconcile.stamps import parse_stamp
from postern.reconcile.statements import Own, OwnStatement, Protocol, Ran, parse_own, parse_ran
from tests.support.reconcile import RDS_DEFAULT, read_log

ROLE = f"task_{'0' * 32}"
COMMAND = "0199a0b0-c0d0-7000-8000-00000000000a"
LONG_PREFIX = "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:"


def plain(*messages: str, prefix: str = f"2026-11-23 04:00:00 UTC:10.0.0.5(4711):{ROLE}@shop:[77]:") -> bytes:
    return "".join(f"{prefix}{message}\n" for message in messages).encode()


def csv(message: str = "execute <unnamed>: SELECT 1", *, application: str = COMMAND) -> bytes:
    quoted, name = (one.replace('"', '""') for one in (message, application))
    return (
        f'2026-11-23 04:00:00.123 UTC,"{ROLE}","shop",77,"10.0.0.5:4711",6b03c1d7.4d,5,"SELECT",'
        f'2026-11-23 04:00:00 UTC,6/2,758,LOG,00000,"{quoted}",,,,,,,,,"{name}","client backend",,0\n'
    ).encode()


def one(data: bytes, **options: object) -> Entry:
    [entry] = read_log(data, **options)  # type: ignore[arg-type]
    return entry


def test_a_csvlog_record_tells_everything() -> None:
    entry = one(csv())
    assert entry == Entry(
        file="log",
        line=1,
        time_us=1_795_406_400_123_000,
        session="6b03c1d7.4d",
        pid=77,
        user=ROLE,
        severity="LOG",
        message="execute <unnamed>: SELECT 1",
        application=COMMAND,
        started_s=0x6B03C1D7,
        numbers=(5, 5),
        xid=758,
    )


@pytest.mark.parametrize(
    "text", ['a "quoted" name', "two\nlines", '"\n' + csv().decode(), "tab\tand\rreturn", '""', '","', "é € \udcff"]
)
def test_a_csvlog_message_holds_any_text_whole(text: str) -> None:
    data = csv().replace(b"SELECT 1", text.encode("utf-8", "surrogateescape").replace(b'"', b'""'))
    assert one(data, format_=Format.CSVLOG).message == f"execute <unnamed>: {text}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b",LOG,", b",LOG"),
        lambda data: data.replace(b'"shop"', b'sh"op"x'),
        lambda data: data.replace(b",77,", b",seven,"),
        lambda data: data.replace(b",5,", b",,"),
        lambda data: data.replace(b"6b03c1d7.4d", b"zz.4d"),
        lambda data: data.replace(b"04:00:00.123 UTC", b"04:00:00.123 CET"),
        lambda data: data.replace(b"04:00:00.123 UTC", b"25:00:00.123 UTC"),
        lambda data: b"garbage\n" + data,
        lambda data: data.replace(b",0\n", b',0"\n') + data,
    ],
)
def test_a_csvlog_that_is_not_as_a_server_writes_it_is_not_read_further(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UnreadableLog, match="log:1"):
        list(read_log(spoil(csv()), Format.CSVLOG))


def test_a_csvlog_that_is_still_being_written_ends_at_its_last_whole_record() -> None:
    data = csv() + csv("execute <unnamed>: SELECT '\n'")
    assert len(list(read_log(data[:-10] + b"\n", Format.CSVLOG))) == 1


def jsonlog(**members: object) -> bytes:
    row: dict[str, object] = {
        "timestamp": "2026-11-23 04:00:00.123 UTC",
        "user": ROLE,
        "pid": 77,
        "session_id": "6b03c1d7.4d",
        "line_num": 5,
        "txid": 758,
        "error_severity": "LOG",
        "message": "execute <unnamed>: SELECT 1",
        "application_name": COMMAND,
    }
    return json.dumps(row | members, separators=(",", ":")).encode() + b"\n"


def test_a_jsonlog_line_tells_the_same_as_a_csvlog_record() -> None:
    assert one(jsonlog()) == one(csv())


@pytest.mark.parametrize(
    "data",
    [
        jsonlog(pid="77"),
        jsonlog(line_num=None),
        jsonlog(txid=True),
        jsonlog(message=1),
        jsonlog(session_id=""),
        jsonlog(timestamp=None),
        jsonlog(timestamp="yesterday"),
        b"[]\n",
        b'{"timestamp":"\n',
        b"[" * 100_000 + b"\n",
    ],
    ids=lambda data: repr(data[:30]),
)
def test_a_jsonlog_line_that_no_server_writes_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableLog):
        list(read_log(data, Format.JSONLOG))


def test_a_plain_message_goes_on_over_lines_that_begin_with_a_tab() -> None:
    entry = one(plain("LOG:  execute <unnamed>: SELECT 'x\n\ty\n\t\tz'"))
    assert entry.message == "execute <unnamed>: SELECT 'x\ny\n\tz'"


def test_a_line_of_a_statement_that_looks_like_one_of_the_logs_stays_in_the_statement() -> None:
    fake = plain("LOG:  statement: SELECT 'fake'").decode().rstrip("\n")
    entries = list(read_log(plain(f"LOG:  execute <unnamed>: SELECT '\n\t{fake}\n\t'", "LOG:  statement: ROLLBACK")))
    assert [entry.message for entry in entries] == [f"execute <unnamed>: SELECT '\n{fake}\n'", "statement: ROLLBACK"]


def test_an_error_has_the_statement_that_follows_it() -> None:
    data = plain("ERROR:  no at character 8", "DETAIL:  d", "HINT:  h", "STATEMENT:  SELECT no\n\tFROM t")
    entry = one(data)
    assert (entry.severity, entry.message, entry.statement) == ("ERROR", "no at character 8", "SELECT no\nFROM t")


def test_a_statement_line_of_another_process_is_not_the_errors() -> None:
    other = plain("STATEMENT:  SELECT 2").replace(b"[77]", b"[78]")
    first, second = read_log(plain("ERROR:  no") + other)
    assert (first.statement, second.statement, second.pid) == (None, "SELECT 2", 78)


@pytest.mark.parametrize(
    ("prefix", "line"),
    [
        (RDS_DEFAULT, f"2026-11-23 04:00:00 UTC:2001:db8::1(4711):{ROLE}@shop:[77]:LOG:  x"),
        (RDS_DEFAULT, f"2026-11-23 04:00:00 UTC:[local]:{ROLE}@shop:[77]:LOG:  x"),
        ("%m [%p] %q%u@%d %a ", f"2026-11-23 04:00:00.000 UTC [77] {ROLE}@shop {COMMAND} LOG:  x"),
        ("%m [%p] %q%u@%d ", f"2026-11-23 04:00:00.000 UTC [77] {ROLE}@shop LOG:  x"),
        ("%n %c %p %u ", f"1795406400.000 6b03c1d7.4d 77 {ROLE} LOG:  x"),
        ("%t%% <%5p> %u %Z", f"2026-11-23 04:00:00 UTC% <   77> {ROLE} LOG:  x"),
        (
            LONG_PREFIX,
            f"2026-11-23 04:00:00.000 UTC:10.0.0.5(4711):{ROLE}@shop:[77]:5:00000:2026-11-23 04:00:00 UTC:6/2:758:"
            f"6b03c1d7.4d:{COMMAND}:LOG:  x",
        ),
    ],
)
def test_prefixes_are_read_as_the_server_writes_them(prefix: str, line: str) -> None:
    entry = one(f"{line}\n".encode(), format_=Format.STDERR, prefixes=[prefix])
    assert (entry.time_us, entry.pid, entry.user, entry.message) == (1_795_406_400_000_000, 77, ROLE, "x")
    if prefix in KNOWN:
        assert one(f"{line}\n".encode()) == entry, "it is told from the others"


def test_a_prefix_with_numbers_and_names_tells_them() -> None:
    line = (
        f"2026-11-23 04:00:00.000 UTC:[local]:{ROLE}@shop:[77]:{{}}:00000:2026-11-23 04:00:00 UTC:6/2:758:6b03c1d7.4d:"
        f"{COMMAND}:{{}}\n"
    )
    data = line.format(5, "ERROR:  x") + line.format(6, "STATEMENT:  y")
    entry = one(data.encode(), format_=Format.STDERR, prefixes=[LONG_PREFIX])
    assert (entry.application, entry.numbers, entry.xid, entry.session) == (COMMAND, (5, 6), 758, "6b03c1d7.4d")


def test_lines_about_no_session_do_not_settle_which_prefix_it_is() -> None:
    data = f"2026-11-23 04:00:00.000 UTC [1] LOG:  starting\n2026-11-23 04:00:00.000 UTC [77] {ROLE}@shop LOG:  x\n"
    assert [entry.user for entry in read_log(data.encode())] == ["", ROLE]


def test_a_statement_cannot_make_the_log_look_like_one_with_application_names() -> None:
    data = f"2026-11-23 04:00:00.000 UTC [77] {ROLE}@shop LOG:  statement: SELECT 'x LOG:  y'\n"
    entry = one(data.encode())
    assert (entry.message, entry.application) == ("statement: SELECT 'x LOG:  y'", None)


@pytest.mark.parametrize("prefix", ["", "%m [%p] ", "%m %u", "%p %u", "%m %m %p %u"])
def test_a_prefix_that_does_not_tell_whose_lines_they_are_is_refused(prefix: str) -> None:
    with pytest.raises(IntegrityError, match="log_line_prefix"):
        parse_prefix(prefix)


def test_a_line_that_names_a_task_and_fits_no_prefix_stops_the_reading() -> None:
    with pytest.raises(UnreadableLog, match="log:1"):
        list(read_log(f"[77] {ROLE} LOG:  x\n".encode(), Format.STDERR))


def test_lines_of_programs_that_the_server_runs_are_counted_and_left_out() -> None:
    entries = list(read_log(b"/bin/sh: not found\n\tof an earlier file\n" + plain("LOG:  x"), Format.STDERR))
    assert [entry.message for entry in entries] == ["x"]


@pytest.mark.parametrize(
    ("application", "message", "is_ambiguous"),
    [
        (COMMAND, "LOG:  statement: ROLLBACK", False),
        (COMMAND, "LOG:  execute <unnamed>: SELECT 'LOG:  x'", False),
        (COMMAND, "LOG:  disconnection: session time: 0:00:00.003", False),
        ("x LOG:  disconnection:", "LOG:  statement: SELECT secret", True),
        ("psql LOG:  statement: ROLLBACK", "LOG:  statement: SELECT secret", False),  # no such text is on record
        ("pgAdmin 4 - DB:shop", "LOG:  disconnection: x", True),
        (COMMAND, "ERROR:  invalid input: x LOG:  statement: y", True),
    ],
)
def test_an_application_name_that_may_be_the_servers_words_is_told(
    application: str, message: str, is_ambiguous: bool
) -> None:
    line = f"2026-11-23 04:00:00.000 UTC [77] {ROLE}@shop {application} {message}\n"
    entry = one(line.encode(), format_=Format.STDERR, prefixes=["%m [%p] %q%u@%d %a "])
    assert entry.is_ambiguous is is_ambiguous
    if "secret" in message and not is_ambiguous:
        ran = parse_ran(entry.message)
        assert ran is not None
        assert parse_own(ran) is None


def test_a_line_that_fits_nowhere_is_given_up_soon() -> None:
    line = f"2026-11-23 04:00:00.000 UTC [77] {'a@' * 20_000} {'b ' * 20_000}\n"
    assert list(read_log(line.encode() * 20, Format.STDERR)) == []


def events(*messages: str, stream: str = "shop-1.0") -> list[dict[str, object]]:
    return [
        {"logStreamName": stream, "timestamp": 1_795_406_400_000, "message": message, "eventId": str(index)}
        for index, message in enumerate(messages)
    ]


FIRST = plain("LOG:  execute <unnamed>: SELECT 'a").decode().rstrip("\n")
SECOND = plain("LOG:  statement: ROLLBACK").decode().rstrip("\n")
CLOUDWATCH = {
    "answer": json.dumps(
        {"events": events(FIRST, "\tb'", SECOND), "searchedLogStreams": [], "nextToken": "x"}, indent=4
    ),
    "answer on one line": json.dumps({"events": events(f"{FIRST}\n\tb'\n", SECOND)}),
    "two answers": "\n".join(json.dumps({"events": events(one)}) for one in (f"{FIRST}\n\tb'", SECOND)),
    "list": json.dumps(events(f"{FIRST}\n\tb'", SECOND), indent=2),
    "an event a line": "\n".join(json.dumps(event) for event in events(f"{FIRST}\n\tb'", SECOND)),
    "export": f"2026-11-23T04:00:00.000Z {FIRST}\n\tb'\n2026-11-23T04:00:00.000Z {SECOND}",
    "export, an event a line": "\n".join(f"2026-11-23T04:00:00.000Z {one}" for one in (FIRST, "\tb'", SECOND)),
}


@pytest.mark.parametrize("name", CLOUDWATCH)
def test_cloudwatchs_forms_give_the_log_back(name: str) -> None:
    data = CLOUDWATCH[name].encode() + b"\n"
    assert tell_format(data) is Format.CLOUDWATCH
    assert [entry.message for entry in read_log(data)] == ["execute <unnamed>: SELECT 'a\nb'", "statement: ROLLBACK"]


def test_one_process_id_on_two_servers_is_two_sessions() -> None:
    reader = LogReader([parse_prefix(RDS_DEFAULT)])
    lines = plain("LOG:  x").split(b"\n")[:-1]
    [first], [second] = (list(reader.read(Format.STDERR, b"", iter(lines), f"{name}/log")) for name in ("one", "two"))
    assert first.session != second.session


def test_streams_of_several_servers_are_kept_apart() -> None:
    mixed = [*events(FIRST, stream="a.0"), *events(SECOND, stream="b.0"), *events("\tb'", stream="a.0")]
    entries = list(read_log(json.dumps({"events": mixed}).encode() + b"\n"))
    assert sorted((entry.session, entry.message) for entry in entries) == [
        ("a.0/77", "execute <unnamed>: SELECT 'a\nb'"),
        ("b.0/77", "statement: ROLLBACK"),
    ]


@pytest.mark.parametrize(
    "text",
    ['{"events": [{"message": 1}]}', '{"events": [1]}', '{"events": [{"message": "x"}', '{"events"', "[" * 90_000],
)
def test_json_that_is_no_log_events_is_refused(text: str) -> None:
    with pytest.raises(UnreadableLog):
        list(read_log(f"{text}\n".encode(), Format.CLOUDWATCH))


@pytest.mark.parametrize(
    ("data", "format_"),
    [
        (csv(), Format.CSVLOG),
        (b"2026-11-23 04:00:00.123 UTC,,,1,", Format.CSVLOG),
        (jsonlog(), Format.JSONLOG),
        (plain("LOG:  x"), Format.STDERR),
        (b"", Format.STDERR),
    ],
)
def test_a_file_tells_its_form(data: bytes, format_: Format) -> None:
    assert tell_format(data) is format_


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("2026-11-23 04:00:00 UTC", 1_795_406_400_000_000),
        ("2026-11-23 04:00:00.123 GMT", 1_795_406_400_123_000),
        ("2026-11-23 05:30:00.000 +0130", 1_795_406_400_000_000),
        ("2026-11-23 01:00:00.000 -03", 1_795_406_400_000_000),
        ("2026-11-23 05:30:00.000 +01:30", 1_795_406_400_000_000),
    ],
)
def test_a_time_with_an_offset_is_read(text: str, time_us: int) -> None:
    assert parse_stamp(text) == time_us


@pytest.mark.parametrize("text", ["2026-11-23 04:00:00 CET", "2026-11-23 04:00:00", "2026-02-30 04:00:00 UTC", "x", ""])
def test_a_time_that_may_be_any_of_several_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError, match="log time"):
        parse_stamp(text)


@pytest.mark.parametrize(
    ("message", "ran"),
    [
        ("statement: SELECT 1; SELECT 2", Ran(Protocol.SIMPLE, "SELECT 1; SELECT 2")),
        ("execute <unnamed>: SELECT 1", Ran(Protocol.EXTENDED, "SELECT 1")),
        ("execute s1: SELECT 1", Ran(Protocol.OTHER, "SELECT 1")),
        ("execute <unnamed>/p: SELECT 1", Ran(Protocol.OTHER, "SELECT 1")),
        ("execute fetch from <unnamed>: SELECT 1", Ran(Protocol.OTHER, "SELECT 1")),
        ("execute x\ny: SELECT 1", Ran(Protocol.OTHER, "SELECT 1")),
        ("duration: 1.234 ms  execute <unnamed>: SELECT 1", Ran(Protocol.EXTENDED, "SELECT 1")),
        ('fastpath function call: "f" (OID 1)', Ran(Protocol.OTHER, '"f" (OID 1)')),
        ("duration: 1.234 ms", None),
        ("duration: 1.234 ms  parse <unnamed>: SELECT 1", None),
        ("disconnection: session time: 0:00:00.003", None),
    ],
)
def test_a_message_says_what_ran_and_how(message: str, ran: Ran | None) -> None:
    assert parse_ran(message) == ran


@pytest.mark.parametrize(
    ("ran", "own"),
    [
        (Ran(Protocol.SIMPLE, "COMMIT"), OwnStatement(Own.COMMIT)),
        (Ran(Protocol.EXTENDED, "COMMIT"), None),
        (Ran(Protocol.EXTENDED, "BEGIN READ WRITE"), OwnStatement(Own.BEGIN)),
        (Ran(Protocol.SIMPLE, "BEGIN READ WRITE"), None),
        (Ran(Protocol.OTHER, "ROLLBACK"), None),
        (Ran(Protocol.EXTENDED, f"SET LOCAL application_name = '{COMMAND}'"), OwnStatement(Own.NAME, COMMAND)),
        (Ran(Protocol.EXTENDED, "SET LOCAL application_name = 'a' || 'b'"), None),
        (Ran(Protocol.EXTENDED, "SET LOCAL statement_timeout = 0; SELECT 1"), None),
        (Ran(Protocol.EXTENDED, "SELECT 1"), None),
    ],
)
def test_the_brokers_own_statements_are_known_word_by_word(ran: Ran, own: OwnStatement | None) -> None:
    assert parse_own(ran) == own


def test_every_statement_that_the_broker_sends_by_itself_is_known() -> None:
    from postern.edges.postgres import statements, task_session
    from tests.support.session import LIMITS

    sent = [
        *re.findall(
            r"BEGIN READ ONLY|SET LOCAL [^\0]*", statements.format_begin("READ ONLY", LIMITS, "x").decode("latin-1")
        ),
        statements.WRITTEN,
        statements._MARK,
        task_session._SYSTEM_IDENTIFIER,
        task_session._OWN_TYPES,
    ]
    assert len(sent) == 8
    assert all(parse_own(Ran(Protocol.EXTENDED, text)) is not None for text in sent)

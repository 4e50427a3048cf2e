"""Messages from the server, cut anywhere, out of place or lying about their length: no socket, no server."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pg8000.exceptions import InterfaceError

from postern.edges.postgres.inbox import MAX_MESSAGE_BYTES, Inbox
from postern.edges.postgres.protocol import parse_affected, parse_columns, parse_fields
from postern.edges.postgres.replies import MAX_ERROR_BYTES, read_reply
from postern.edges.postgres.rows import Full
from tests.support.session import LIMITS, message

READY = message(b"Z", b"T")
DONE = message(b"C", b"SELECT 1\0")
CELL = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


def described(count: int) -> bytes:
    columns = b"".join(f"c{i}\0".encode() + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0) for i in range(count))
    return message(b"T", struct.pack("!h", count) + columns)


def row(*cells: str | None) -> bytes:
    body = struct.pack("!h", len(cells))
    for cell in cells:
        encoded = b"" if cell is None else cell.encode()
        body += struct.pack("!i", -1 if cell is None else len(encoded)) + encoded
    return message(b"D", body)


def inbox(data: bytes, *chunks: int) -> Inbox:
    """An inbox that receives the data in pieces of the sizes given, over and over, and then nothing."""
    position = 0
    sizes = [size for size in chunks if size > 0] or [65_536]
    turn = 0

    def receive(size: int) -> bytes:
        nonlocal position, turn
        piece = data[position : position + min(size, sizes[turn % len(sizes)])]
        position += len(piece)
        turn += 1
        return piece

    return Inbox(receive)


@given(
    st.integers(0, 4).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[CELL] * n), max_size=30))),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_rows_are_the_same_wherever_the_bytes_are_cut(table, chunks):
    count, rows = table
    data = described(count) + b"".join(row(*cells) for cells in rows) + DONE + READY
    reply = read_reply(inbox(data, *chunks), LIMITS)
    assert reply.rows is not None
    assert reply.rows.row_count == len(rows)
    assert reply.rows.columns() == tuple([cells[i] for cells in rows] for i in range(count))
    assert (reply.status, reply.tags, reply.full) == (b"T", [b"SELECT 1\0"], None)


def test_more_rows_than_a_batch_are_decoded_in_order():
    data = described(2) + b"".join(row(str(i), None if i % 7 else "é") for i in range(5_000)) + DONE + READY
    reply = read_reply(inbox(data, 70_000), dataclasses.replace(LIMITS, max_rows=5_000))
    assert reply.rows is not None
    assert reply.rows.columns() == ([str(i) for i in range(5_000)], [None if i % 7 else "é" for i in range(5_000)])


def test_the_extra_row_is_forgotten():
    reply = read_reply(inbox(described(1) + row("a") + row("b") + message(b"s", b"") + READY), LIMITS)
    assert reply.rows is not None
    reply.rows.drop_last()
    assert (reply.rows.columns(), reply.rows.row_count) == ((["a"],), 1)


def test_a_row_past_the_byte_bound_is_not_waited_for():
    limits = dataclasses.replace(LIMITS, max_bytes=100, max_cell_bytes=100)
    arrived = described(1) + row("x" * 60) + row("y" * 60)[:8]
    reply = read_reply(inbox(arrived), limits)
    assert reply.rows is not None
    assert (reply.full, reply.status, reply.rows.columns()) == (Full.BYTES, None, (["x" * 60],))


@pytest.mark.parametrize(
    "arrived",
    [row("x" * 101)[:5], row(None, "x" * 51)[:15], row("x" * 40, "y" * 51)[:55]],
    ids=["row-by-its-length", "cell-by-its-length", "second-cell"],
)
def test_a_wide_row_is_judged_before_its_body_is_there(arrived):
    limits = dataclasses.replace(LIMITS, max_bytes=100, max_cell_bytes=50)
    reply = read_reply(inbox(described(2) + arrived), limits)
    assert (reply.full, reply.status) == (Full.WIDE, None)


@pytest.mark.parametrize(
    ("lengths", "full"),
    [
        ((1, 28), None),
        ((1, 10, 17), None),
        ((1, 10, 18), Full.BYTES),
        ((1, 29), Full.WIDE),
        ((1, 10, 33), Full.BYTES),
        ((33, 1), Full.WIDE),
        ((1, 49), Full.WIDE),
    ],
    ids=["longest-cell", "most-bytes", "too-many", "too-wide", "too-many-and-too-wide", "first-too-wide", "too-long"],
)
def test_which_bound_is_met_does_not_depend_on_where_the_bytes_are_cut(lengths, full):
    limits = dataclasses.replace(LIMITS, max_rows=9, max_bytes=58, max_cell_bytes=28)
    data = described(1) + b"".join(row("x" * length) for length in lengths) + DONE + READY
    for cut in range(1, len(data)):
        reply = read_reply(inbox(data, cut, len(data)), limits)
        assert reply.full is full
    assert read_reply(inbox(data, 1), limits).full is full


@pytest.mark.parametrize(
    "data",
    [
        row("a") + READY,
        described(1) + row("a", "b") + READY,
        described(2) + row("a") + READY,
        described(1) + row("a\0b") + DONE + READY,
        described(1) + b"D" + struct.pack("!i", 11) + struct.pack("!hi", 1, 2) + b"a" + READY,
        described(1) + b"D" + struct.pack("!i", 20) + struct.pack("!hi", 1, 1) + b"a" * 10 + READY,
        b"D\0\0\0\3" + READY,
        b"T\0\0\0\0",
        message(b"T", struct.pack("!h", 2) + b"a\0" + b"\0" * 18),
        message(b"T", struct.pack("!h", 1) + b"a\0" + b"\0" * 19) + DONE + READY,
        message(b"G", b"\0\0\0"),
        message(b"H", b"\0\0\0"),
        message(b"d", b"x"),
        message(b"R", b"\0\0\0\0"),
        message(b"K", b"\0" * 8),
        message(b"V", b"\0" * 4),
        message(b"\xff", b""),
        b"C" + struct.pack("!i", MAX_MESSAGE_BYTES + 5),
        DONE,
        DONE + READY[:3],
        b"",
    ],
)
def test_what_is_out_of_place_is_never_an_answer(data):
    with pytest.raises((InterfaceError, ValueError, struct.error)):
        reply = read_reply(inbox(data), LIMITS)
        assert reply.rows is not None
        reply.rows.columns()


@pytest.mark.parametrize("code", [b"C", b"N", b"S", b"T"])
def test_a_message_longer_than_any_of_its_kind_is_not_waited_for(code):
    received = []

    def receive(size: int) -> bytes:
        received.append(size)
        if len(received) == 1:
            return code + struct.pack("!i", 2_000_000_000)
        return b"x" * size if len(received) < 50 else b""

    with pytest.raises(InterfaceError, match="at most"):
        read_reply(Inbox(receive), LIMITS)
    assert len(received) == 1


@pytest.mark.parametrize("length", [0, 3, 2**31])
def test_a_length_that_no_message_has_is_out_of_place(length):
    with pytest.raises(InterfaceError, match=r"length|at most"):
        read_reply(inbox(b"N" + struct.pack("!I", length) + b"xxx"), LIMITS)


def test_more_rows_than_were_asked_for_are_out_of_place():
    data = described(1) + row("a") * 3 + DONE + READY
    assert read_reply(inbox(data), dataclasses.replace(LIMITS, max_rows=2)).status == b"T"
    with pytest.raises(InterfaceError):
        read_reply(inbox(data), dataclasses.replace(LIMITS, max_rows=1))


def test_what_the_server_says_to_everybody_is_left_aside():
    noise = message(b"N", b"SNOTICE\0Msecret\0\0") + message(b"A", b"\0\0\0\1chan\0secret\0")
    data = noise + described(1) + noise + row("a") + noise + DONE + noise + READY
    reply = read_reply(inbox(data), LIMITS)
    assert reply.rows is not None
    assert reply.rows.columns() == (["a"],)


def test_settings_that_changed_are_told():
    assert read_reply(inbox(message(b"S", b"TimeZone\0UTC\0") + READY), LIMITS).statuses == {"TimeZone": "UTC"}


def test_a_fatal_error_is_kept_where_the_connection_ends_after_it():
    reply = read_reply(inbox(message(b"E", b"SFATAL\0C57P01\0\0")), LIMITS)
    assert (reply.fields, reply.status) == ({"S": "FATAL", "C": "57P01"}, None)


def test_of_a_long_error_the_beginning_is_read():
    data = b"E" + struct.pack("!i", 2_000_000_000) + b"SERROR\0VERROR\0C22P02\0Mbad: " + b"x" * MAX_ERROR_BYTES
    reply = read_reply(inbox(data), LIMITS)
    assert reply.fields is not None
    assert (reply.fields["C"], reply.status) == ("22P02", None)


@pytest.mark.parametrize(
    ("tag", "affected"),
    [
        (b"INSERT 0 5\0", 5),
        (b"UPDATE 0\0", 0),
        (b"DELETE 12\0", 12),
        (b"MERGE 3\0", 3),
        (b"SELECT 7\0", None),
        (b"CREATE TABLE\0", None),
        (b"", None),
    ],
)
def test_a_tag_counts_what_was_changed(tag, affected):
    assert parse_affected(tag) == affected


def test_fields_that_are_not_text_are_still_fields():
    assert parse_fields(b"C22P02\0M\xff\0\0") == {"C": "22P02", "M": "�"}


def test_names_of_columns_may_be_equal_or_empty():
    body = struct.pack("!h", 2) + (b"\0" + struct.pack("!IhIhih", 9, 1, 25, -1, -1, 0)) * 2
    assert [(column.name, column.table_oid) for column in parse_columns(body)] == [("", 9), ("", 9)]

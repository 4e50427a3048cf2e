"""The one byte form of a record, against RFC 8785's own examples and against what would make two forms."""

from __future__ import annotations

from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from postern.audit.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_RECORD_BYTES,
    canonical_bytes,
    parse_canonical,
    parse_flat,
    parse_strict,
)
from postern.errors import IntegrityError

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=6)


class Colour(StrEnum):
    RED = "red"


def test_orders_names_as_rfc_8785_section_3_2_3_does() -> None:
    names = ["€", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "ö"]
    ordered = ["\r", "1", "\u0080", "ö", "€", "\U0001f600", "\ufb33"]

    data = canonical_bytes(dict.fromkeys(names))

    assert list(parse_canonical(data)) == ordered


def test_escapes_text_as_rfc_8785_section_3_2_2_2_does() -> None:
    data = canonical_bytes({"string": '€$\u000f\nA\'B"\\\\"/'})

    assert data == '{"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({}, b"{}", id="empty object"),
        pytest.param({"b": 1, "a": [True, None, "x"]}, b'{"a":[true,null,"x"],"b":1}', id="names sorted, no space"),
        pytest.param({"a": (1, 2)}, b'{"a":[1,2]}', id="a tuple is an array"),
        pytest.param({"a": Colour.RED}, b'{"a":"red"}', id="an enum is its value"),
        pytest.param({Colour.RED: 1}, b'{"red":1}', id="an enum as a name"),
        pytest.param({"a": MAX_INTEGER}, b'{"a":9007199254740991}', id="largest integer"),
        pytest.param({"a": -MAX_INTEGER}, b'{"a":-9007199254740991}', id="smallest integer"),
        pytest.param({"a": "\u007f\u2028\u2029"}, '{"a":"\u007f\u2028\u2029"}'.encode(), id="DEL and separators stay"),
        pytest.param({"a": "e\u0301"}, '{"a":"e\u0301"}'.encode(), id="no Unicode normalisation"),
    ],
)
def test_known_bytes(value: object, expected: bytes) -> None:
    assert canonical_bytes(value) == expected


@given(objects)
def test_agrees_with_rfc8785_on_every_value_without_floats(value: dict[str, object]) -> None:
    assert canonical_bytes(value, max_bytes=1 << 20) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(objects)
def test_what_is_written_is_read_back_as_it_was(value: dict[str, object]) -> None:
    assert parse_canonical(canonical_bytes(value, max_bytes=1 << 20), max_bytes=1 << 20) == value


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_refused_or_are_their_own_canonical_form(data: bytes) -> None:
    try:
        value = parse_canonical(data)
    except IntegrityError:
        return
    assert canonical_bytes(value) == data


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": 1.0}, id="float"),
        pytest.param({"a": float("nan")}, id="not a number"),
        pytest.param({"a": MAX_INTEGER + 1}, id="integer above the bound"),
        pytest.param({"a": -MAX_INTEGER - 1}, id="integer below the bound"),
        pytest.param({"a": 10**5000}, id="integer of 5001 digits"),
        pytest.param({"a": b"x"}, id="bytes"),
        pytest.param({"a": {1, 2}}, id="set"),
        pytest.param({"a": object()}, id="object"),
        pytest.param({1: "a"}, id="name that is no string"),
        pytest.param({"a": "\ud800"}, id="unpaired surrogate in text"),
        pytest.param({"\udc00": 1}, id="unpaired surrogate in a name"),
        pytest.param(nested(MAX_DEPTH + 1), id="too deep"),
        pytest.param({"a": "x" * MAX_RECORD_BYTES}, id="too long"),
        pytest.param({"a": "\x01" * (MAX_RECORD_BYTES // 5)}, id="too long once escaped"),
    ],
)
def test_refuses_to_write(value: object) -> None:
    with pytest.raises(IntegrityError) as refused:
        canonical_bytes(value)

    assert refused.value.code == "evidence.malformed"


def test_writes_up_to_the_bound_of_depth_and_length() -> None:
    assert len(canonical_bytes({"a": "x" * (MAX_RECORD_BYTES - 8)})) == MAX_RECORD_BYTES
    assert canonical_bytes(nested(MAX_DEPTH)) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH


def test_refuses_a_structure_that_holds_itself() -> None:
    endless: dict[str, object] = {}
    endless["a"] = endless

    with pytest.raises(IntegrityError):
        canonical_bytes(endless)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="not an object"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b'{"a":1}\n', id="line feed after it"),
        pytest.param(b' {"a":1}', id="space before it"),
        pytest.param(b'{"a": 1}', id="space inside"),
        pytest.param(b'{"b":1,"a":2}', id="names out of order"),
        pytest.param('{"\ufb33":1,"\U0001f600":2}'.encode(), id="names in code point order, not UTF-16 order"),
        pytest.param(b'{"a":1,"a":1}', id="name twice"),
        pytest.param(b'{"a":{"b":1,"b":2}}', id="name twice, nested"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="name twice, once escaped"),
        pytest.param(b'{"a":1.0}', id="float"),
        pytest.param(b'{"a":1e2}', id="exponent"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":-0}', id="minus zero"),
        pytest.param(b'{"a":01}', id="leading zero"),
        pytest.param(b'{"a":9007199254740992}', id="integer above the bound"),
        pytest.param(b'{"a":' + b"9" * 40000 + b"}", id="integer of 40000 digits"),
        pytest.param(b'{"a":"\\u0041"}', id="escape that is not needed"),
        pytest.param(b'{"a":"\\/"}', id="escaped slash"),
        pytest.param(b'{"a":"\\u000A"}', id="upper-case hex in an escape"),
        pytest.param(b'{"a":"\\u000a"}', id="long escape where a short one stands"),
        pytest.param(b'{"a":"\\ud800"}', id="unpaired surrogate"),
        pytest.param(b'{"a":"\n"}', id="raw control character"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xc0\xaf"}', id="overlong UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":1}{"b":2}', id="two objects"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'{"a":' * 10000 + b"1" + b"}" * 10000, id="nested past any recursion limit, too long"),
        pytest.param(b"[" * 40000, id="40000 brackets"),
        pytest.param(b'{"a":' + b"[" * 17 + b"]" * 17 + b"}", id="one level too deep"),
        pytest.param(b'{"a":"' + b"x" * MAX_RECORD_BYTES + b'"}', id="too long"),
    ],
)
def test_refuses_to_read(data: bytes) -> None:
    with pytest.raises(IntegrityError) as refused:
        parse_canonical(data)

    assert refused.value.code == "evidence.malformed"


def test_strict_reading_takes_white_space_and_any_order() -> None:
    assert parse_strict(b' {"b": 1, "a": "\\u0041"}\n', max_bytes=100) == {"b": 1, "a": "A"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":1.5}', id="float"),
        pytest.param(b'{"a":' + b"9" * 40 + b"}", id="integer of 40 digits"),
        pytest.param(b'{"a":1,"a":1}', id="name twice"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param(b"[" * 90, id="brackets without end"),
        pytest.param(b'{"a":"' + b"x" * 100 + b'"}', id="too long"),
    ],
)
def test_strict_reading_refuses(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_strict(data, max_bytes=100)


# What the quick ways take, the exact ways take as well, and they read the same.

pieces = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        '"',
        ":",
        ",",
        "a",
        "b",
        '"a":',
        '"b":',
        "1",
        "-0",
        "0",
        "9" * 15,
        "9" * 16,
        "9007199254740991",
        "9007199254740992",
        "1.0",
        "true",
        "null",
        " ",
        "\n",
        "\t",
        "\\",
        "\\u0061",
        "\\n",
        "\\ud800",
        "é",
        '"é":',
        '":"',
        ':"',
        '{"a":1',
        ',"a":2',
        "[" * 15,
        "]" * 15,
        "NaN",
        "-Infinity",
        "1e2",
    ]
)
nearly = st.lists(pieces, max_size=14).map("".join)


def spoiled(data: bytes, at: int, piece: str) -> bytes:
    """The bytes with a piece put in somewhere."""
    at %= len(data) + 1
    return data[:at] + piece.encode() + data[at:]


texts_of_objects = st.one_of(
    nearly.map(str.encode),
    nearly.map(lambda text: f'{{"a":{text}}}'.encode()),
    st.builds(
        spoiled, objects.map(lambda one: canonical_bytes(one, max_bytes=1 << 20)), st.integers(0, 10_000), pieces
    ),
)


def exactly(data: bytes) -> dict[str, object] | None:
    """What reading and writing again says, without any quick way."""
    try:
        value = parse_strict(data, max_bytes=1 << 20)
        return value if canonical_bytes(value, max_bytes=1 << 20) == data else None
    except IntegrityError:
        return None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"b":1,"a":2}', id="names out of order"),
        pytest.param(b'{"a":{"c":1,"b":2}}', id="names out of order, inside"),
        pytest.param(b'{"a":[[{"c":1,"b":2}]]}', id="names out of order, in an array"),
        pytest.param(b'{"a":1,"a":2}', id="a name twice"),
        pytest.param(b'{"a":{"b":1},"a":{"b":1}}', id="an object twice"),
        pytest.param(b'{"a": 1}', id="a blank before a value"),
        pytest.param(b'{"a" :1}', id="a blank after a name"),
        pytest.param(b'{"a":[1\n]}', id="a line feed in an array"),
        pytest.param(b'{"a":1}\n', id="a line feed in the end"),
        pytest.param(b' {"a":1}', id="a blank in the beginning"),
        pytest.param(b'{"a":-0}', id="minus zero"),
        pytest.param(b'{"a":1.0}', id="a float"),
        pytest.param(b'{"a":1e2}', id="an exponent"),
        pytest.param(b'{"a":NaN}', id="no number"),
        pytest.param(b'{"a":-Infinity}', id="no end of it"),
        pytest.param(b'{"a":9007199254740992}', id="a number past the bound"),
        pytest.param(b'{"a":"\\u0062"}', id="an escape without need"),
        pytest.param(b'{"a":"\\/"}', id="an escaped slash"),
        pytest.param(b'{"a":' * 17 + b"1" + b"}" * 17, id="too deep"),
        pytest.param(b'{"a":1}{"a":1}', id="two objects"),
        pytest.param(b'["a"]', id="an array"),
    ],
)
def test_what_is_not_canonical_is_refused_whichever_way_it_is_read(data: bytes) -> None:
    assert exactly(data) is None
    with pytest.raises(IntegrityError):
        parse_canonical(data)


@given(texts_of_objects)
def test_the_quick_way_to_read_a_record_takes_what_the_exact_way_takes(data: bytes) -> None:
    try:
        value: dict[str, object] | None = parse_canonical(data, max_bytes=1 << 20)
    except IntegrityError:
        value = None

    assert value == exactly(data)


@given(texts_of_objects)
def test_the_quick_way_to_read_a_line_takes_what_the_exact_way_takes(data: bytes) -> None:
    taken = []
    for parse in (parse_flat, parse_strict):
        try:
            taken.append(repr(parse(data, max_bytes=1 << 20)))
        except IntegrityError:
            taken.append("refused")

    assert taken[0] == taken[1]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"a" :1,"a":2}', id="a blank before a colon"),
        pytest.param(b'{"a"\t:1,"a":2}', id="a tab before a colon"),
        pytest.param(b'{"a":1,"a":2}', id="plainly"),
        pytest.param(b'{"a":{"b":1,"b":2}}', id="inside"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="escaped"),
        pytest.param(b'{"a":":","a":1}', id="a colon as a value"),
    ],
)
def test_no_quick_way_takes_a_name_twice(line: bytes) -> None:
    with pytest.raises(IntegrityError, match="repeated name"):
        parse_flat(line, max_bytes=100)

"""Columns to rows of JSON, held against the plain way of it (`tests/support/plain_rows.py`), without a server."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.packed_cells import packed
from postern.row_json import WINDOW_BYTES, Column, encode_rows
from tests.support.plain_rows import Cells, plain_rows

HOSTILE_TEXT = (
    "",
    "a",
    'quote " and \\ backslash',
    "".join(map(chr, range(1, 256))),
    "\\u0041 \\n [null] , ],[ NULL",
    "ünï 漢 🙂\u2028\ufffd\ufeff",
    "\x7f\x80\x9f",
    '"],["',
    "x" * 1_000,
    '\\"' * 1_000,
    "🙂" * 100 + "\x01",
)
FORMS = {
    "integers": (20, ["0", "-1", "9223372036854775807", "-9223372036854775808", "7"]),
    "small-integers": (21, ["-32768", "0"]),
    "booleans": (16, ["t", "f"]),
    "no-booleans": (16, ["t", "f", "true", 'f"']),
    "reals": (700, ["0.1", "-0", "3", "1e+20", "3.4028235e+38", "1e-45"]),
    "floats": (701, ["0.30000000000000004", "1e+16", "5e-324", "-1.7976931348623157e+308", "123456789012345680"]),
    "floats-without-end": (701, ["1", "NaN", "Infinity", "-Infinity", "0.5"]),
    "numerics": (1700, ["1.50", "-12345678901234567890.5", "NaN", "Infinity"]),
    "texts": (25, list(HOSTILE_TEXT)),
    "own-types": (20_000, list(HOSTILE_TEXT)),
    "bytes": (17, ["\\x00ff", "\\x"]),
    "dates": (1082, ["2026-01-02", "0044-03-15 BC", "infinity"]),
    "timestamps": (1114, ["2026-01-02 03:04:05.123456", "10000-01-02 03:04:05"]),
    "odd-timestamps": (1114, ["2026-01-02 03:04:05", "0044-03-15 01:02:03 BC", "infinity", "-infinity"]),
    "timestamps-with-zone": (1184, ["2026-01-02 03:04:05.1+00", "12026-01-02 03:04:05+00"]),
    "odd-timestamps-with-zone": (
        1184,
        ["2026-01-02 03:04:05+00", "0044-03-15 01:02:03+00 BC", "infinity", "-infinity", "2026-01-02 03:04:05-08"],
    ),
    "times-with-zone": (1266, ["03:04:05.6-08", "03:04:05+05:30", "24:00:00+00", "00:00:00+15:59:59"]),
    "json": (3802, ['{"a": [1, 2.50]}', "null", '"x"', '"\\n"', "[]", "1e400", '"\\\\u"']),
    "json-of-any-size": (
        3802,
        ["[" + "1" * 4_301 + ',"\\u0001"]', "[" * 1_000 + '"\\u0041"' + "]" * 1_000, '{"a": "\\ud800", "a": 1}'],
    ),
    "json-with-escapes": (114, ['"\\u00e9"', '"\\ud83d\\ude42"', '"\\ud83d"', '["\\udc00"]', "1", ' {"\\u0000": 1}\n']),
    "arrays": (1009, ["{}", "{a,NULL,null}", '{"","a b","NULL"}', '{{a,b},{"c\\"","\\\\d"}}', "[0:1]={x,y}", '{"{}"}']),
    "no-arrays": (1009, ["", "{", "}", "{1,{2}", "{1}}", "{{1}{", '{"a}', "[0:1]={1,2", "{1}{2}", "x{1}", '{"a"b"}']),
    "odd-arrays": (1009, ["{,}", "{a,,b}", '{"a"b}', "{a{b}c}", "{ a }", "{\x01,\x7f}", "{{},{}}", "{NULLS,xNULL}"]),
    "integer-arrays": (1007, ["{1,-2,NULL}", "{{1},{2}}", "{}", "{{{NULL}}}", "[-5:-4]={1,2}"]),
    "float-arrays": (1022, ["{1,0.5,1e+20,NaN,NULL}", "{{Infinity},{-0}}"]),
    "boolean-arrays": (1000, ["{t,f,NULL}", "{{t},{f}}"]),
    "timestamp-arrays": (1115, ['{"2026-01-02 03:04:05",infinity}', '{"0044-03-15 01:02:03 BC"}']),
    "zoned-timestamp-arrays": (1185, ['{"2026-01-02 03:04:05+00",-infinity,NULL}']),
    "json-arrays": (3807, ['{"{\\"a\\": [1, 2]}",1,NULL}', '{"\\"\\\\u00e9\\"","\\"\\\\ud800\\""}', "{null}"]),
    "boxes": (1020, ["{(1,1),(0,0);(2,2),(0,0)}", "{}"]),
    "numeric-arrays": (1231, ["{1.50,NULL}", "{{1},{2}}"]),
}

_DATES = st.sampled_from(["0044-03-15", "2026-01-02", "12026-12-31"])
_CLOCKS = st.sampled_from(["01:02:03", "23:59:59.123456", "00:00:00.5"])
_ZONES = st.sampled_from(["+00", "-08", "+05:30", "-00:01:15", "+15:59:59"])
_UTC = st.just("+00")
_ERAS = st.sampled_from(["", "", " BC"])
_ENDLESS = st.sampled_from(["infinity", "-infinity"])
TIMES = {
    1082: _ENDLESS | st.builds("{}{}".format, _DATES, _ERAS),
    1083: _CLOCKS,
    1114: _ENDLESS | st.builds("{} {}{}".format, _DATES, _CLOCKS, _ERAS),
    1184: _ENDLESS | st.builds("{} {}{}{}".format, _DATES, _CLOCKS, _UTC | _ZONES, _ERAS),
    1266: st.builds("{}{}".format, _CLOCKS, _UTC | _ZONES),
}
JSON_PIECES = (
    "a",
    "d800",
    "u",
    "\\\\",
    '\\"',
    "\\n",
    "\\u0041",
    "\\ud83d",
    "\\uDE42",
    "\\ud800",
    "\\uDFff",
    "\\\\ud800",
)


def written(*columns: tuple[int, Cells], row_count: int | None = None) -> bytes:
    count = len(columns[0][1]) if row_count is None else row_count
    return encode_rows([Column(oid, "", packed(cells)) for oid, cells in columns], count)


def plain(*columns: tuple[int, Cells]) -> bytes:
    return plain_rows([(oid, "", cells) for oid, cells in columns], len(columns[0][1]))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_value_is_written_as_the_plain_way_writes_it(form):
    oid, cells = FORMS[form]
    for some in ([*cells], [*cells, None], [None, *cells, None, *cells], [None]):
        assert written((oid, some)) == plain((oid, some))
    for cell in cells:
        assert written((oid, [cell])) == plain((oid, [cell]))


@pytest.mark.parametrize("row_count", [1, 2, 3, 300, 5_000], ids=str)
def test_columns_of_every_form_stand_in_their_rows(row_count):
    chosen = random.Random(row_count)
    columns = [
        (oid, [chosen.choice([*cells, None]) for _ in range(row_count)])
        for name, (oid, cells) in FORMS.items()
        if row_count < 5_000 or name in ("integers", "texts", "timestamps", "booleans")
    ]
    assert written(*columns) == plain(*columns)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(*[st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))] * 3))
)
def test_any_text_is_written_as_the_plain_way_writes_it(rows):
    columns = [(25, [row[place] for row in rows]) for place in range(3)]
    assert written(*columns) == plain(*columns)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(TIMES)).flatmap(lambda oid: st.tuples(st.just(oid), st.lists(TIMES[oid], max_size=12))))
def test_any_mix_of_times_is_written_as_the_plain_way_writes_it(column):
    assert written(column) == plain(column)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(JSON_PIECES), max_size=8).map("".join), max_size=4))
def test_json_is_as_stored_unless_it_escapes_half_a_surrogate_pair(strings):
    for cell in (f'["{string}"]' for string in strings):
        [text] = json.loads(cell)
        is_whole = not any(0xD800 <= ord(character) < 0xE000 for character in text)
        assert written((114, [cell])) == (f"[[{cell}]]" if is_whole else f"[[{json.dumps(cell)}]]").encode()
    cells = [f'"{string}"' for string in strings]
    assert written((114, cells)) == plain((114, cells))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.sampled_from('{}",;\\aNUL 1-é\x01')).map(lambda inner: "{" + inner + "}"), max_size=5))
def test_any_text_of_an_array_is_written_as_the_plain_way_writes_it(cells):
    for oid in (1009, 1020):
        assert written((oid, cells)) == plain((oid, cells))


@pytest.mark.parametrize(
    "length", [WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1, 3 * WINDOW_BYTES], ids=["less", "one", "more", "three"]
)
def test_a_value_as_long_as_a_window_is_whole(length):
    columns = [(25, ["a", "é" * (length // 2), "", '"' * length, None, "b"]), (23, ["1", "2", None, "4", "5", "6"])]
    assert written(*columns) == plain(*columns)


def test_many_columns_are_as_many_values_a_row():
    columns = [(25, [f"{place}", None, '"']) for place in range(1_664)]
    assert written(*columns) == plain(*columns)


def test_rows_of_no_columns_are_empty_arrays():
    assert encode_rows([], 3) == b"[[],[],[]]"
    assert encode_rows([], 0) == b"[]"


def test_no_rows_are_an_empty_array():
    assert written((25, [])) == b"[]"


def test_columns_of_different_lengths_are_not_encoded():
    with pytest.raises(ValueError, match="expected 2 values"):
        written((23, ["1", "2"]), (23, ["1"]))


def test_an_integer_that_is_none_is_not_written():
    with pytest.raises(ValueError, match="expected digits"):
        written((23, ['1],["x"']))


def test_arrays_of_types_that_are_not_built_in_are_known_by_their_name():
    cells = packed(["{a,NULL}"])
    assert encode_rows([Column(16_500, "mood[]", cells)], 1) == b'[[["a",null]]]'
    assert encode_rows([Column(16_500, "mood", cells)], 1) == b'[["{a,NULL}"]]'


def test_arrays_whose_elements_are_not_between_commas_are_their_text():
    cells = packed(["{0101:0102}", None])
    assert encode_rows([Column(20_001, "geometry[]", cells, ":")], 2) == b'[["{0101:0102}"],[null]]'


def test_an_array_of_many_elements_is_read_in_one_go():
    text = "{" + ",".join(f'"{i} x"' for i in range(9_000)) + "}"
    assert json.loads(written((1009, [text]))) == [[[f"{i} x" for i in range(9_000)]]]


@pytest.mark.parametrize(
    "inner",
    ["a,b," * 2_000, '"x",' + "a,b," * 2_000, "{" + "a,NULL," * 2_000 + "},", '"",,{a,,b},' + "," * 5_000 + "c,"],
    ids=["flat", "run", "innermost", "gaps"],
)
def test_long_arrays_are_written_as_the_plain_way_writes_them(inner):
    cells = ["{" + inner * 3 + "d}", "{" + inner * 3 + "{NULL}}", "{{" + inner * 3 + "d}}", "{" + inner * 3 + "d"]
    assert written((1009, cells)) == plain((1009, cells))

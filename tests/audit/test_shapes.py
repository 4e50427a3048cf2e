"""A record that is read by its shape is what the exact way gives; whatever is no such record goes the exact way."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.audit import stored
from postern.audit.canonical import MAX_RECORD_BYTES, canonical_bytes, parse_canonical
from postern.audit.records import RecordType
from postern.audit.shapes import Shapes
from postern.audit.stored import StoredRecord, parse_members, parse_record
from postern.errors import IntegrityError

INTENT = {
    "v": 1,
    "type": "intent",
    "kind": "statement",
    "id": "019a0000-0000-7000-8000-000000000000",
    "time": "2026-11-22T10:00:00.000000Z",
    "log": "prod-2026",
    "deployment": "shop",
    "code": {"function": "query", "version": "1.0.0"},
    "writer": {"env": "0" * 32, "n": 7, "prev": "a" * 64},
    "decision": {"result": "allow", "relations": ["public.orders"], "writes": False},
    "statement": {"text": "select 1", "bytes": 8, "fingerprint": None},
}
OUTCOME = {
    **{name: value for name, value in INTENT.items() if name not in ("decision", "statement")},
    "type": "outcome",
    "intent": "b" * 64,
    "status": "ok",
    "rows": 12,
}
SETTLED = {
    **{name: value for name, value in OUTCOME.items() if name not in ("intent", "rows")},
    "type": "settled",
    "outcome": "c" * 64,
    "status": "committed",
}
EVENT = {**{name: value for name, value in INTENT.items() if name != "decision"}, "type": "event", "kind": "grant"}
FIRST = {**INTENT, "writer": {"env": "0" * 32, "n": 0, "prev": None}}
ALL = {"intent": INTENT, "outcome": OUTCOME, "settled": SETTLED, "event": EVENT, "first of its chain": FIRST}


@pytest.fixture(autouse=True)
def shapes(monkeypatch: pytest.MonkeyPatch) -> Shapes:
    """The shapes of all records above, and of no others."""
    fresh = Shapes()
    for record in ALL.values():
        teach(fresh, record)
    monkeypatch.setattr(stored, "_SHAPES", fresh)
    return fresh


def exact(data: bytes) -> StoredRecord | str:
    """What the way without shapes gives, or says."""
    try:
        return parse_members(parse_canonical(data), data)
    except IntegrityError as error:
        return error.detail


def by_shape(data: bytes) -> StoredRecord | str:
    try:
        return parse_record(data)
    except IntegrityError as error:
        return error.detail


@pytest.mark.parametrize("record", [pytest.param(record, id=name) for name, record in ALL.items()])
def test_a_record_of_a_known_shape_is_read_as_the_exact_way_reads_it(shapes: Shapes, record: dict[str, Any]) -> None:
    data = canonical_bytes({**record, "log": "other", "time": "2027-01-31T23:59:59.999999Z"})

    assert shapes.match(data) is not None
    assert by_shape(data) == exact(data)
    assert parse_record(data).sha256 == hashlib.sha256(data).hexdigest()


def changed(path: str, value: object, record: dict[str, Any] = INTENT) -> bytes:
    """The record with one value replaced, in canonical form or as near to it as the value lets it be."""
    copy = json.loads(json.dumps(record))
    *folders, name = path.split(".")
    within = copy
    for folder in folders:
        within = within[folder]
    within[name] = value
    return json.dumps(copy, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(changed("v", 2), id="another version"),
        pytest.param(changed("v", True), id="a version that is no number"),
        pytest.param(changed("type", "event"), id="another type"),
        pytest.param(changed("kind", "Statement"), id="a kind that is none"),
        pytest.param(changed("id", "é"), id="an id outside ASCII"),
        pytest.param(changed("time", "2026-11-22T10:00:00Z"), id="a time without fraction"),
        pytest.param(changed("time", "2026-02-30T10:00:00.000000Z"), id="a day that is none"),
        pytest.param(changed("time", "2026-11-22T24:00:00.000000Z"), id="an hour that is none"),
        pytest.param(changed("log", "Prod"), id="a log's name that is none"),
        pytest.param(changed("code.version", ""), id="no code version"),
        pytest.param(changed("writer.env", "0" * 31), id="a short environment"),
        pytest.param(changed("writer.env", "0" * 31 + "\u0660"), id="a digit of another script"),
        pytest.param(changed("writer.n", 0), id="the first in a chain with one before it"),
        pytest.param(changed("writer.n", -1), id="a negative number"),
        pytest.param(changed("writer.n", 7.0), id="a float"),
        pytest.param(changed("writer.n", 2**53), id="a number past the bound"),
        pytest.param(changed("writer.n", 10**15), id="a number of sixteen digits"),
        pytest.param(changed("writer.prev", None), id="no digest before a later one"),
        pytest.param(changed("writer.prev", "A" * 64), id="a digest in capitals"),
        pytest.param(changed("decision.result", "maybe"), id="a decision that is none"),
        pytest.param(changed("statement.bytes", 8.5), id="a fraction"),
        pytest.param(changed("statement.bytes", -8), id="a length below nought"),
        pytest.param(changed("statement.text", 'a"b'), id="a quote"),
        pytest.param(changed("statement.text", "a\\b"), id="a backslash"),
        pytest.param(changed("statement.text", "a\nb"), id="a line feed"),
        pytest.param(changed("statement.text", "a\x7fb"), id="a sign that is not printed"),
        pytest.param(changed("statement.text", "x" * MAX_RECORD_BYTES), id="too long"),
        pytest.param(changed("decision.relations", ["a", "b"]), id="a longer array"),
        pytest.param(changed("extra", 1), id="a member more"),
        pytest.param(changed("statement.blob", {"blob": 0, "bytes": 1, "sha256": "d" * 64}), id="a blob"),
        pytest.param(changed("intent", "b" * 63, OUTCOME), id="a short digest of the intent"),
        pytest.param(changed("status", "OK", OUTCOME), id="a status that is none"),
        pytest.param(changed("status", "pending", SETTLED), id="a settlement that settles nothing"),
        pytest.param(changed("writer.n", 1, FIRST), id="a later one with none before it"),
        pytest.param(canonical_bytes(INTENT).replace(b'"v":1', b'"v":01'), id="a leading nought"),
        pytest.param(canonical_bytes(INTENT).replace(b'"n":7', b'"n":+7'), id="a sign"),
        pytest.param(canonical_bytes(INTENT).replace(b'"bytes":8', b'"bytes":-0'), id="a negative nought"),
        pytest.param(canonical_bytes(INTENT).replace(b'"bytes":8', b'"bytes":8e0'), id="an exponent"),
        pytest.param(canonical_bytes(INTENT).replace(b'"bytes":8', b'"bytes": 8'), id="a blank"),
        pytest.param(canonical_bytes(INTENT).replace(b"select 1", b"select\x001"), id="a NUL"),
        pytest.param(canonical_bytes(INTENT).replace(b"select 1", b"select\xff"), id="no UTF-8"),
        pytest.param(canonical_bytes(INTENT).replace(b"select 1", "selé".encode()), id="text outside ASCII"),
        pytest.param(canonical_bytes(INTENT).replace(b"select 1", b'","text":"'), id="a name twice"),
        pytest.param(canonical_bytes(INTENT) + b"\n", id="a line feed after it"),
        pytest.param(b" " + canonical_bytes(INTENT), id="a blank before it"),
    ],
)
def test_whatever_differs_is_judged_as_the_exact_way_judges_it(data: bytes) -> None:
    assert by_shape(data) == exact(data)


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.text('"\\,:{}[] a0', max_size=8)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=4,
)
_PATHS = st.sampled_from([*INTENT, "code.function", "writer.n", "writer.prev", "statement.text", "decision.result"])


@settings(max_examples=25, deadline=None)
@given(path=_PATHS, value=_VALUES)
def test_any_value_in_any_place_is_judged_as_the_exact_way_judges_it(path: str, value: object) -> None:
    data = changed(path, value)

    assert by_shape(data) == exact(data)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_bytes_put_in_anywhere_are_judged_as_the_exact_way_judges_them(data: st.DataObject) -> None:
    record = bytearray(canonical_bytes(data.draw(st.sampled_from(list(ALL.values())))))
    at = data.draw(st.integers(0, len(record)))
    record[at : at + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"", b'"', b",", b"0", b"1", b"}", b"a"])
    )

    assert by_shape(bytes(record)) == exact(bytes(record))


def test_shapes_are_learned_once_such_records_come_often() -> None:
    fresh, data = Shapes(), canonical_bytes(INTENT)
    for _ in range(7):
        fresh.learn(INTENT, data, RecordType.INTENT, is_first=False)
    assert fresh.match(data) is None

    fresh.learn(INTENT, data, RecordType.INTENT, is_first=False)
    assert fresh.match(data) is not None


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({**INTENT, "id": "a/b\n"}, id="what is taken out is escaped"),
        pytest.param({**INTENT, "extra": {"\U0001f600": 1, "\uff5e": 2}}, id="names in another order"),
    ],
)
def test_no_shape_is_kept_that_does_not_fit_its_own_record(record: dict[str, Any]) -> None:
    fresh = Shapes()

    data = teach(fresh, record)

    assert fresh.match(data) is None


@pytest.mark.parametrize("text", ["é", "\U0001f600", "\x7f", *map(chr, range(32)), 'a"b', "a\\b", "a\\\\b", "a/b"])
def test_a_text_may_hold_any_sign_in_its_one_form(shapes: Shapes, text: str) -> None:
    data = canonical_bytes({**INTENT, "statement": {"text": text, "bytes": 8, "fingerprint": None}})

    assert shapes.match(data) is not None
    assert by_shape(data) == exact(data)


@pytest.mark.parametrize(
    "escape",
    ["\\u0041", "\\u000a", "\\u000A", "\\/", "\\u00e9", "\\u0008", "\\u001F", "\\x41", "\\ud800", "\\u007f", "\\"],
)
def test_an_escape_that_is_not_the_one_form_is_judged_the_exact_way(shapes: Shapes, escape: str) -> None:
    data = canonical_bytes(INTENT).replace(b"select 1", escape.encode())

    assert shapes.match(data) is None
    assert by_shape(data) == exact(data)


def test_of_many_shapes_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.audit.shapes._MOST_SHAPES", 2)
    fresh = Shapes()
    data = [teach(fresh, {**INTENT, "extra": ["x"] * length}) for length in range(4)]

    assert [fresh.match(one) is not None for one in data] == [True, True, False, False]


def test_of_shapes_with_as_many_quotes_only_so_many_are_tried() -> None:
    fresh = Shapes()
    data = [teach(fresh, {**INTENT, "extra": [1] * length}) for length in range(10)]

    assert [fresh.match(one) is not None for one in data] == [True] * 8 + [False] * 2


@pytest.mark.parametrize("most", ["_MOST_SHAPES", "_MOST_ALIKE"])
def test_shapes_that_nothing_fits_any_more_make_room(monkeypatch: pytest.MonkeyPatch, most: str) -> None:
    """Whoever sends odd records first does not keep the ordinary ones from being learned."""
    monkeypatch.setattr(f"postern.audit.shapes.{most}", 2)
    fresh = Shapes()
    for length in range(2):
        teach(fresh, {**INTENT, "extra": [1] * length})

    data = teach(fresh, OUTCOME, times=64)
    alike = teach(fresh, {**INTENT, "extra": [1] * 5}, times=64)

    assert (fresh.match(data) is not None, fresh.match(alike) is not None) == (True, True)


@pytest.mark.parametrize("name", ["-" * 20_000, "-\\-"], ids=["long", "escaped"])
def test_a_name_that_no_writer_gives_makes_no_shape_and_is_not_tried_again_soon(name: str) -> None:
    fresh = Shapes()
    odd = {**INTENT, name: 1}

    assert fresh.match(teach(fresh, odd)) is None
    ordinary = INTENT | {"x": 1}  # with as many quotes
    assert fresh.match(teach(fresh, ordinary, times=63)) is None
    assert fresh.match(teach(fresh, ordinary)) is not None


@pytest.mark.parametrize("extra", [[1] * 1100, ["x"] * 400], ids=["numbers", "texts"])
def test_no_shape_is_made_of_a_record_with_long_arrays(extra: list[object]) -> None:
    """An expression that is as long as they are would take seconds to make."""
    fresh = Shapes()

    data = teach(fresh, {**INTENT, "extra": extra})

    assert fresh.match(data) is None


def teach(shapes: Shapes, record: dict[str, Any], *, times: int = 8) -> bytes:
    """The record's bytes, learned."""
    data = canonical_bytes(record)
    for _ in range(times):
        read = parse_members(record, data)
        shapes.learn(record, data, read.type, is_first=read.link.prev is None)
    return data

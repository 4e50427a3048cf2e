"""The bytes of a record, one by one, and how records follow one another."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType

import pytest

from postern.audit.chain import Source, Writer, link
from postern.audit.keys import record_key
from postern.audit.records import Record, RecordType
from postern.errors import IntegrityError
from postern.types import CommandId, Sha256Hex

SPECIFICATION = Path(__file__).parents[2] / "docs" / "log-format.md"
ENV = "0123456789abcdef0123456789abcdef"
SOURCE = Source(log="prod-2026", deployment="shop", code_version="0.1.0", function="query")
RECORD = Record(
    type=RecordType.INTENT,
    kind="statement",
    id=CommandId("019aab11-5d00-7000-8000-000000000001"),
    time_us=1_763_806_633_216_042,
    body={"decision": {"result": "allow"}, "statement": {"text": 'select "é"'}},
)
# Members in the order of their names; no white space anywhere.
GOLDEN = (
    b"{"
    b'"code":{"function":"query","version":"0.1.0"},'  # the code that wrote it
    b'"decision":{"result":"allow"},'  # the record's own members stand among the envelope's
    b'"deployment":"shop",'
    b'"id":"019aab11-5d00-7000-8000-000000000001",'  # UUIDv7, dashed, lower case
    b'"kind":"statement",'
    b'"log":"prod-2026",'
    b'"statement":{"text":"select \\"\xc3\xa9\\""},'  # only quote, backslash and controls are escaped; UTF-8
    b'"time":"2025-11-22T10:17:13.216042Z",'  # six digits, Z
    b'"type":"intent",'
    b'"v":1,'
    b'"writer":{"env":"0123456789abcdef0123456789abcdef","n":0,"prev":null}'  # the first of its chain
    b"}"
)


def test_golden_record() -> None:
    linked = link(RECORD, Writer(ENV), SOURCE)

    assert linked.data == GOLDEN
    assert linked.sha256 == hashlib.sha256(GOLDEN).hexdigest()


def test_the_record_in_the_specification_is_the_golden_record() -> None:
    text = SPECIFICATION.read_text("utf-8")
    shown = text[text.index('{"code":') : text.index('"prev":null}}') + len('"prev":null}}')]

    assert shown.replace("\n", "").encode() == GOLDEN
    assert record_key("prod-2026", RECORD.type, RECORD.id) in text


def test_the_next_record_names_the_digest_of_the_one_before() -> None:
    first = link(RECORD, Writer(ENV), SOURCE)

    second = link(RECORD, first.next, SOURCE)

    writer = b'"writer":{"env":"%s","n":1,"prev":"%s"}' % (ENV.encode(), hashlib.sha256(GOLDEN).hexdigest().encode())
    assert second.data == GOLDEN[: GOLDEN.index(b'"writer"')] + writer + b"}"
    assert second.next == Writer(ENV, 2, Sha256Hex(hashlib.sha256(second.data).hexdigest()))


def test_linking_changes_nothing_it_was_given() -> None:
    body = MappingProxyType({"decision": MappingProxyType({"result": "allow"}), "statement": {"text": 'select "é"'}})
    writer = Writer(ENV)

    linked = link(Record(RECORD.type, RECORD.kind, RECORD.id, RECORD.time_us, body), writer, SOURCE)

    assert (linked.data, writer) == (GOLDEN, Writer(ENV))


@pytest.mark.parametrize("name", ["v", "type", "kind", "id", "time", "log", "deployment", "code", "writer"])
def test_refuses_a_body_that_takes_a_name_of_the_envelope(name: str) -> None:
    body = {**RECORD.body, name: "forged"}

    with pytest.raises(IntegrityError, match=f"the envelope's {name}"):
        link(Record(RECORD.type, RECORD.kind, RECORD.id, RECORD.time_us, body), Writer(ENV), SOURCE)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"duration": 1.5}, id="float"),
        pytest.param({"text": "\ud800"}, id="unpaired surrogate"),
        pytest.param({"text": "x" * 48 * 1024}, id="too long"),
    ],
)
def test_refuses_a_body_that_cannot_be_a_record(body: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        link(Record(RECORD.type, RECORD.kind, RECORD.id, RECORD.time_us, body), Writer(ENV), SOURCE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("log", "Prod"),
        ("log", "a/b"),
        ("deployment", ""),
        ("deployment", "shop\n"),
        ("code_version", "0.1 0"),
        ("function", "Query"),
    ],
)
def test_refuses_a_source_without_its_form(field: str, value: str) -> None:
    members = {"log": "prod-2026", "deployment": "shop", "code_version": "0.1.0", "function": "query", field: value}

    with pytest.raises(IntegrityError, match=field.replace("_", " ")):
        Source(**members)

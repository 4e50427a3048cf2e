"""Reading a record back: what is taken, and each way in which an envelope can fail to be one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from postern.audit.canonical import canonical_bytes
from postern.audit.records import RecordType
from postern.audit.stored import Link, parse_record
from postern.errors import IntegrityError
from tests.audit.test_chain import ENV, GOLDEN, SOURCE

Json = dict[str, object]


def golden() -> Json:
    return {
        "code": {"function": "query", "version": "0.1.0"},
        "decision": {"result": "allow"},
        "deployment": "shop",
        "id": "019aab11-5d00-7000-8000-000000000001",
        "kind": "statement",
        "log": "prod-2026",
        "time": "2025-11-22T10:17:13.216042Z",
        "type": "intent",
        "v": 1,
        "writer": {"env": ENV, "n": 0, "prev": None},
    }


def test_reads_the_golden_record() -> None:
    record = parse_record(GOLDEN)

    assert record.sha256 == hashlib.sha256(GOLDEN).hexdigest()
    assert (record.type, record.kind, record.time_us) == (RecordType.INTENT, "statement", 1_763_806_633_216_042)
    assert (record.source, record.link) == (SOURCE, Link(ENV, 0, None))
    assert (record.is_refused, record.status, record.names) == (False, None, None)


def test_reads_what_ties_an_outcome_to_its_intent() -> None:
    record = parse_record(canonical_bytes({**golden(), "type": "outcome", "intent": "a" * 64, "status": "pending"}))

    assert (record.type, record.status, record.names) == (RecordType.OUTCOME, "pending", "a" * 64)


def test_reads_a_refused_intent() -> None:
    record = parse_record(canonical_bytes({**golden(), "decision": {"result": "refuse", "code": "guard.kind"}}))

    assert record.is_refused


def test_a_refused_request_is_an_event_and_no_refused_intent() -> None:
    record = parse_record(canonical_bytes({**golden(), "type": "event", "decision": {"result": "refuse"}}))

    assert not record.is_refused


def test_takes_members_that_a_later_version_added() -> None:
    later = {**golden(), "added": {"x": 1}, "code": {"function": "query", "version": "0.1.0", "commit": "abc"}}

    assert parse_record(canonical_bytes(later)).source == SOURCE


def without(name: str) -> Callable[[Json], Json]:
    return lambda record: {key: value for key, value in record.items() if key != name}


def given(**members: object) -> Callable[[Json], Json]:
    return lambda record: {**record, **members}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        *(pytest.param(without(name), name.split(".")[0], id=f"no {name}") for name in sorted(golden())),
        pytest.param(given(v=2), "v: expected 1", id="a later version"),
        pytest.param(given(v=True), "v: expected 1", id="true for 1"),
        pytest.param(given(v="1"), "v: expected 1", id="text for 1"),
        pytest.param(given(type="Intent"), "type", id="a type that is none"),
        pytest.param(given(type=["intent"]), "type", id="a type that is a list"),
        pytest.param(given(kind=""), "kind", id="an empty kind"),
        pytest.param(given(kind="State ment"), "kind", id="a kind that is no word"),
        pytest.param(given(id=7), "id", id="an id that is a number"),
        pytest.param(given(time="2025-11-22T10:17:13Z"), "time", id="a time without digits"),
        pytest.param(given(log="../x"), "log", id="a log that is a path"),
        pytest.param(given(deployment=None), "deployment", id="a null deployment"),
        pytest.param(given(code="query"), "code", id="code that is text"),
        pytest.param(given(code={"function": "query"}), "version", id="code without version"),
        pytest.param(given(writer=None), "writer", id="a null writer"),
        pytest.param(given(writer={"env": ENV, "n": 0}), "prev", id="a first record without prev"),
        pytest.param(given(writer={"env": ENV, "n": 0, "prev": "a" * 64}), "prev", id="a first record that follows"),
        pytest.param(given(writer={"env": ENV, "n": 1, "prev": None}), "prev", id="a later record that follows none"),
        pytest.param(given(writer={"env": ENV, "n": 1, "prev": "A" * 64}), "prev", id="an upper-case digest"),
        pytest.param(given(writer={"env": ENV, "n": -1, "prev": "a" * 64}), "writer.n", id="a negative place"),
        pytest.param(given(writer={"env": ENV, "n": True, "prev": "a" * 64}), "writer.n", id="true for a place"),
        pytest.param(given(writer={"env": "x", "n": 0, "prev": None}), "env", id="an environment that is none"),
        pytest.param(given(decision="allow"), "decision", id="a decision that is text"),
        pytest.param(given(decision={}), "result", id="a decision without result"),
        pytest.param(given(decision={"result": "maybe"}), "result", id="a decision that is none"),
        pytest.param(given(type="outcome", status="ok"), "intent", id="an outcome of nothing"),
        pytest.param(given(type="outcome", intent="a" * 64), "status", id="an outcome without status"),
        pytest.param(given(type="outcome", intent="a" * 64, status=""), "status", id="an empty status"),
        pytest.param(given(type="outcome", intent="a" * 63, status="ok"), "intent", id="a short digest"),
        pytest.param(given(type="settled"), "outcome", id="a settlement of nothing"),
    ],
)
def test_refuses(change: Callable[[Json], Json], names: str) -> None:
    with pytest.raises(IntegrityError, match=names) as refused:
        parse_record(canonical_bytes(change(golden())))

    assert refused.value.code == "evidence.malformed"


def test_quotes_what_it_refuses_in_one_short_line() -> None:
    with pytest.raises(IntegrityError) as refused:
        parse_record(canonical_bytes({**golden(), "kind": "\x1b[2J\n" + "x" * 1000}))

    assert "\x1b" not in refused.value.detail
    assert "\n" not in refused.value.detail
    assert len(refused.value.detail) < 160

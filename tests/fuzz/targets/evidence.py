"""What lies in the bucket or in a pulled copy of it, and what a witness keeps: verifiers read it and believe none."""

from __future__ import annotations

import json
from typing import Any

from postern.audit.build_facts import BuildFacts, format_build_facts, parse_build_facts
from postern.audit.canonical import MAX_RECORD_BYTES, canonical_bytes, parse_canonical, parse_flat, parse_strict
from postern.audit.facts import read_facts
from postern.audit.keys import parse_key
from postern.audit.stored import parse_record
from postern.audit.times import format_time, parse_any_time, parse_time
from postern.audit.verify.heads import parse_start
from postern.audit.verify.stages import parse_stage as parse_stage_for_auditors
from postern.audit.versions import format_version, parse_version
from postern.errors import IntegrityError
from postern.services.reap.records import read_intent, read_outcome, read_settlement
from postern.services.stage import parse_stage
from postern.statement_text.sealing import open_sealed
from postern.statement_text.unsealing import parse_sealed
from postern.types import Secret, Sha256Hex
from postern.witness.signing_key import format_key
from postern.witness.signing_key import parse_key as parse_witness_key
from postern.witness.state import format_state, parse_state
from tests.fuzz.json_mutation import mutated_json
from tests.fuzz.mutation import mutated, mutated_text
from tests.fuzz.target import Target, Wrong
from tests.statement_text.test_unsealing import BLOBS, GOOD, KEY, LONG
from tests.support.good_log import NEW, good
from tests.support.witness import ORIGIN, WITNESS, grown, kept_of

_COPY = good(small=True).lay_down()
_RECORDS = [
    data for key, data in sorted(_COPY.objects.items()) if key.startswith(f"wal/v1/{NEW}/") and data[:1] == b"{"
]
_STAGES = [data for key, data in sorted(_COPY.objects.items()) if f"log/{NEW}/stage/" in key]
_KEYS = sorted(_COPY.objects)
_LINES = [json.dumps(row).encode() for row in _COPY.rows[:20]]
_USUAL = [format_version(parse_version(line)) for line in _LINES]
TOKENS = (
    b'"v":1',
    b'"v":2',
    b'"type":"intent"',
    b'"kind":',
    b'"time":"2026-11-22T10:00:00.000000Z"',
    b"1e2",
    b'"id":""',
)
_BUILD = format_build_facts(
    BuildFacts(f"0.1.0+{'a' * 12}", Sha256Hex("a" * 64), Sha256Hex("b" * 64), Sha256Hex("c" * 64))
)
_ALL = (IntegrityError,)


def _canonical_form(value: Any) -> bytes:
    return canonical_bytes(value)


def _canonical(data: bytes) -> None:
    """The quick way to tell canonical bytes says what the exact one says."""
    try:
        exact: object = parse_strict(data, max_bytes=MAX_RECORD_BYTES)
        exact = exact if canonical_bytes(exact) == data else None
    except IntegrityError:
        exact = None
    try:
        quick: object = parse_canonical(data)
    except IntegrityError:
        quick = None
    if json.dumps(quick) != json.dumps(exact):
        raise Wrong("canonical form: expected the same of both ways to read it, got two")


def _flat(data: bytes) -> None:
    if json.dumps(parse_flat(data, max_bytes=4096)) != json.dumps(parse_strict(data, max_bytes=4096)):
        raise Wrong("JSON: expected the same of both ways to read it, got two")


def _record(data: bytes) -> None:
    stored = parse_record(data)
    for read in (read_intent, read_outcome, read_settlement):
        try:
            read(data, stored.source.log, stored.id)
        except IntegrityError:
            continue


def _entry(data: bytes) -> None:
    read_facts(0, data, NEW, "shop")


def _start(data: bytes) -> None:
    parse_start(parse_strict(data, max_bytes=MAX_RECORD_BYTES))


def _stage(data: bytes) -> None:
    parse_stage_for_auditors(data)
    parse_stage(data)


def _time(text: str) -> None:
    parse_any_time(text)
    if format_time(parse_time(text)) != text:
        raise Wrong("time: expected one spelling, got another")


def _sealed(data: bytes) -> None:
    statement = parse_sealed(data, BLOBS.__getitem__)
    if statement is not None:
        open_sealed(statement.sealed, KEY, statement.place)


def _witness_key(text: str) -> None:
    parse_witness_key(Secret(text))


def _state(data: bytes) -> None:
    parse_state(data, WITNESS.vkey)


def _members(value: dict[str, Any]) -> bytes:
    return canonical_bytes(value)


TARGETS = (
    Target(
        "evidence canonical",
        mutated_json([*_RECORDS[:12], b"{}", b'{"a":[1,{"b":""}],"c":null}'], tokens=TOKENS, form=_canonical_form),
        _canonical,
    ),
    Target("evidence flat", mutated_json(_USUAL, tokens=TOKENS, form=_canonical_form), _flat, _ALL),
    Target("evidence record", mutated_json(_RECORDS, tokens=TOKENS, form=_canonical_form), _record, _ALL),
    Target("evidence entry", mutated_json(_RECORDS, tokens=TOKENS, form=_canonical_form), _entry),
    Target(
        "evidence epoch start",
        mutated_json([one for one in _RECORDS if b"epoch_start" in one], form=_canonical_form),
        _start,
        _ALL,
    ),
    Target("evidence version", mutated_json([*_LINES, *_USUAL], tokens=TOKENS), parse_version, _ALL),
    Target("evidence key", mutated_text(_KEYS, tokens=("wal/v1/", "log/", "blob/", "1-intent.json")), parse_key, _ALL),
    Target("evidence stage", mutated(_STAGES, tokens=TOKENS), _stage, _ALL),
    Target("evidence time", mutated_text(["2026-11-22T10:00:00.000000Z", "2026-11-22T10:00:00+02:00"]), _time, _ALL),
    Target("evidence build", mutated_json([_BUILD], form=_canonical_form), parse_build_facts, _ALL),
    Target(
        "evidence sealed",
        mutated_json(
            [_members(GOOD), _members(LONG)], tokens=(b'"blob":0', b'"nonce":', b"AAAA"), form=_canonical_form
        ),
        _sealed,
        _ALL,
    ),
    Target("witness key", mutated_text([format_key(WITNESS).reveal()], tokens=("+",)), _witness_key, _ALL),
    Target("witness state", mutated_json([format_state({ORIGIN: kept_of(grown(9))})]), _state, _ALL),
)

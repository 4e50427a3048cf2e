"""What anyone is told of how a log is: its size, its watermark, and what a witness's operator reported."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from functions.receipts import handler as function

from postern.edges.cosigned_items import DynamoCosigned
from postern.edges.receipt_contract import log_answer
from postern.errors import StateUnavailable
from postern.log_ports import LeftNote
from postern.reap_ports import DatedKey
from postern.reaped import Watermark
from postern.services.log_health import cosigned_of
from postern.services.receipts import PublicLog
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import Hash
from postern.tlog.notes import parse_note
from postern.witness.signing_key import make_key
from postern.witness.watch import cosigned
from tests.support.audit import BASE_US
from tests.support.domain import NOW_S
from tests.support.fake_clock import FakeClock
from tests.support.log_copy import log_key, signed
from tests.support.receipts import KEY, LOG, ORIGIN, Commands, published
from tests.support.scripted import Scripted
from tests.support.witness import WITNESS

SEEN_S = BASE_US // 1_000_000 + 60
KEYS = (DatedKey(str(KEY.verifier), BASE_US),)
HEAD = Checkpoint(ORIGIN, 290, Hash(b"r" * 32))
NOTE = cosigned(WITNESS, signed(HEAD, KEY), SEEN_S).data
VKEY = str(WITNESS.vkey)


def test_a_note_that_log_and_witness_signed_says_what_was_seen_and_when():
    told = cosigned_of(LeftNote(NOTE, VKEY), KEYS, ORIGIN)
    assert told is not None
    assert (told.size, told.time_s, told.vkey, told.note, told.wrong) == (290, SEEN_S, VKEY, NOTE, None)


def test_where_nobody_left_one_nothing_is_told():
    assert cosigned_of(None, KEYS, ORIGIN) is None


OTHER_WITNESS = str(make_key("acme-audit.example/witness", b"\x08" * 32).vkey)
WRONG: dict[str, LeftNote] = {
    "not cosigned": LeftNote(signed(HEAD, KEY), VKEY),
    "another witness's key": LeftNote(NOTE, OTHER_WITNESS),
    "the log's key as the witness's": LeftNote(NOTE, str(KEY.verifier)),
    "another log's key": LeftNote(cosigned(WITNESS, signed(HEAD, log_key(ORIGIN, 2)), SEEN_S).data, VKEY),
    "another log": LeftNote(
        cosigned(WITNESS, signed(replace(HEAD, origin="postern.shop/b"), log_key("postern.shop/b")), SEEN_S).data, VKEY
    ),
    "a size that was changed": LeftNote(NOTE.replace(b"\n290\n", b"\n291\n"), VKEY),
    "a line that was changed": LeftNote(NOTE[:-6] + b"AAA=\n", VKEY),
    "cut off": LeftNote(NOTE[:-10], VKEY),
    "nothing": LeftNote(b"", ""),
    "no key": LeftNote(NOTE, ""),
}


@pytest.mark.parametrize("left", WRONG.values(), ids=WRONG.keys())
def test_what_does_not_hold_is_said_to_and_shows_nothing(left: LeftNote):
    told = cosigned_of(left, KEYS, ORIGIN)
    assert told is not None
    assert (told.size, told.time_s, told.note) == (None, None, None)
    assert told.wrong


def body(**parts: Any) -> dict[str, Any]:
    log = published(two()).receipts
    changed = replace(log, **parts)
    services = function.Services(changed, LOG, 3600, FakeClock(at_us=NOW_S * 1_000_000))
    event = {"httpMethod": "GET", "resource": "/v1/log", "requestContext": {}}
    return json.loads(function.respond(event, services)["body"])


def two() -> Commands:
    commands = Commands()
    commands.run()
    return commands


def test_a_log_tells_its_size_and_how_far_it_holds_what_was_written():
    mark = Watermark(at_us=NOW_S * 1_000_000 - 130_000_000, closed_us=0)
    told = body(watermark=lambda log: mark if log == LOG else None)
    assert told["size"] == 2
    assert told["watermark"] == {
        "at": "2026-09-21T14:11:10.000000Z",
        "behind_s": 130,
        "max_staleness_s": 3600,
        "is_closed": False,
    }
    assert told["cosigned"] is None


def test_a_log_without_a_watermark_tells_none():
    assert body()["watermark"] is None


def test_a_watermark_ahead_of_the_clock_is_not_behind():
    mark = Watermark(at_us=NOW_S * 1_000_000 + 5_000_000, closed_us=0, is_closed=True)
    told = body(watermark=lambda _: mark)["watermark"]
    assert (told["behind_s"], told["is_closed"]) == (0, True)


def test_a_log_tells_what_was_reported_of_it():
    told = body(left_notes=lambda log: LeftNote(NOTE, VKEY) if log == LOG else None)["cosigned"]
    assert told == {
        "vkey": VKEY,
        "size": 290,
        "time": "2026-11-22T10:01:00.000000Z",
        "note": NOTE.decode(),
        "wrong": None,
    }
    assert parse_note(told["note"].encode())


def test_a_time_that_no_calendar_has_is_left_out():
    far = cosigned(WITNESS, signed(HEAD, KEY), 2**60).data
    told = body(left_notes=lambda _: LeftNote(far, VKEY))["cosigned"]
    assert (told["time"], told["size"]) == (None, 290)


def test_a_head_that_nobody_signed_is_shown_without_a_size():
    note = signed(HEAD, log_key(ORIGIN, 9))
    log = published(two())
    log.store.latest[LOG].append(note)
    told = log_answer(log.receipts.log(LOG), now_us=0, max_staleness_s=1)
    assert (told.checkpoint, told.size) == (note.decode(), None)


def test_a_log_that_has_not_begun_tells_nothing():
    told = log_answer(PublicLog(ORIGIN, (), None), now_us=0, max_staleness_s=1)
    assert (told.checkpoint, told.size, told.watermark, told.cosigned) == (None, None, None, None)


def test_a_note_is_read_as_it_was_left_and_no_longer_than_one_can_be():
    item = {"note": {"S": NOTE.decode()}, "vkey": {"S": VKEY}}
    dynamodb = Scripted([{"Item": item}, {}, {"Item": {}}, {"Item": {"note": {"S": "é" * 20_000}, "vkey": {"N": "1"}}}])
    notes = DynamoCosigned(dynamodb, "t")
    assert notes.read(LOG) == LeftNote(NOTE, VKEY)
    assert notes.read(LOG) is None
    assert notes.read(LOG) == LeftNote(b"", "")
    assert len(notes.read(LOG).note) == 2 * 16_384
    assert dynamodb.asked[0] == ("get_item", {"TableName": "t", "Key": {"pk": {"S": "cosigned#prod-2026"}}})


def test_a_table_that_does_not_answer_is_no_note_that_is_absent():
    with pytest.raises(StateUnavailable):
        DynamoCosigned(Scripted([ReadTimeoutError(endpoint_url="")]), "t").read(LOG)

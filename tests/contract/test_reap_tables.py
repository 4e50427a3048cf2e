"""One contract, run on the fakes that the reaper's tests use and on DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, replace

import boto3
import pytest
from botocore.config import Config

from postern.edges.epoch_items import DynamoEpochs, DynamoQuarantines
from postern.edges.watermark import DynamoWatermarks
from postern.errors import StateUnavailable
from postern.reap_ports import DatedKey, Epoch, Epochs, Fixed, LogKeys, Quarantines, Watermark, Watermarks
from postern.types import CommandId
from tests.support.places import Place, places
from tests.support.reap_fakes import MemoryEpochs, MemoryQuarantines, MemoryWatermarks

LOG, NEXT = "prod-2026", "prod-2027"
FIXED = Fixed(CommandId("019aab11-5d00-7000-8000-000000000001"), 1_790_000_000_000_000)
OTHER = replace(FIXED, event_id=CommandId("019aab11-5d00-7000-8000-000000000002"))
KEY = f"wal/v1/{LOG}/5/20260921/14/é x"


@dataclass
class Tables:
    """The reaper's tables."""

    watermarks: Watermarks
    epochs: Epochs
    quarantines: Quarantines


@pytest.fixture(params=["fake", *places("dynamodb")])
def tables(request: pytest.FixtureRequest) -> Tables:
    if request.param == "fake":
        return Tables(MemoryWatermarks(), MemoryEpochs(), MemoryQuarantines())
    place: Place = request.getfixturevalue(request.param)
    where = (place.client("dynamodb"), place.log_table())
    return Tables(DynamoWatermarks(*where), DynamoEpochs(*where), DynamoQuarantines(*where))


def test_a_log_has_no_watermark_at_first(tables):
    assert tables.watermarks.read(LOG) is None


def test_a_watermark_moves_forward_only(tables):
    marks = tables.watermarks
    assert marks.advance(LOG, at_us=100, closed_us=50)
    assert not marks.advance(LOG, at_us=99, closed_us=90)
    assert not marks.advance(LOG, at_us=100, closed_us=90)
    assert marks.read(LOG) == Watermark(100, 50)
    assert marks.advance(LOG, at_us=101, closed_us=60)
    assert marks.read(LOG) == Watermark(101, 60)


def test_logs_have_watermarks_of_their_own(tables):
    tables.watermarks.advance(LOG, at_us=100, closed_us=50)
    assert tables.watermarks.read(NEXT) is None


def test_closed_commands_move_forward_only(tables):
    marks = tables.watermarks
    marks.advance(LOG, at_us=100, closed_us=50)
    marks.close_commands(LOG, 70)
    marks.close_commands(LOG, 60)
    assert marks.read(LOG) == Watermark(100, 70)


def test_a_sweep_is_noted_and_an_earlier_one_does_not_take_its_place(tables):
    marks = tables.watermarks
    marks.advance(LOG, at_us=100, closed_us=50)
    marks.note_sweep(LOG, swept_us=90, open_from_us=10)
    marks.note_sweep(LOG, swept_us=80, open_from_us=20)
    assert marks.read(LOG) == Watermark(100, 50, 90, 10)
    marks.advance(LOG, at_us=101, closed_us=60)
    assert marks.read(LOG) == Watermark(101, 60, 90, 10)


def test_a_sweep_of_a_log_without_a_watermark_is_not_noted(tables):
    tables.watermarks.note_sweep(LOG, swept_us=90, open_from_us=10)
    assert tables.watermarks.read(LOG) is None


@pytest.mark.parametrize("has_mark", [True, False], ids=["with-a-watermark", "without"])
def test_a_closed_log_stays_closed(tables, has_mark):
    marks = tables.watermarks
    if has_mark:
        marks.advance(LOG, at_us=100, closed_us=50)
    marks.close(LOG)
    marks.close(LOG)
    assert marks.read(LOG) == Watermark(100 if has_mark else 0, 50 if has_mark else 0, is_closed=True)


def test_an_epoch_is_created_once_and_replaced_by_who_read_it(tables):
    epoch = Epoch(LOG, None)
    assert tables.epochs.put(epoch)
    assert not tables.epochs.put(replace(epoch, previous="other"))
    begun = replace(epoch, begin=FIXED, revision=1)
    assert tables.epochs.put(begun)
    assert not tables.epochs.put(replace(epoch, begin=OTHER, revision=1))
    ended = replace(begun, next=NEXT, handed_us=7, end=replace(OTHER, is_recorded=True), revision=2)
    assert tables.epochs.put(ended)
    assert tables.epochs.get(LOG) == ended
    assert tables.epochs.get(NEXT) is None


def test_the_latest_log_is_moved_by_who_knew_it(tables):
    assert tables.epochs.latest() is None
    assert not tables.epochs.set_latest("other", LOG)
    assert tables.epochs.set_latest(None, LOG)
    assert not tables.epochs.set_latest(None, NEXT)
    assert tables.epochs.set_latest(LOG, NEXT)
    assert tables.epochs.latest() == NEXT


def test_keys_are_kept_with_their_times(tables):
    keys = LogKeys(LOG, (DatedKey("a", 1, 5), DatedKey("b", 2)), None)
    assert tables.epochs.put_keys(keys)
    assert not tables.epochs.put_keys(keys)
    told = replace(keys, told=FIXED, revision=1)
    assert tables.epochs.put_keys(told)
    assert tables.epochs.keys(LOG) == told
    assert tables.epochs.keys(NEXT) is None


def test_the_event_of_a_quarantine_is_chosen_once(tables):
    held = tables.quarantines
    assert held.fix(KEY, FIXED.event_id, FIXED.time_us) == FIXED
    assert held.fix(KEY, OTHER.event_id, OTHER.time_us) == FIXED
    assert held.recorded([KEY]) == frozenset()
    held.mark_recorded(KEY)
    assert held.fix(KEY, OTHER.event_id, OTHER.time_us) == replace(FIXED, is_recorded=True)
    assert held.recorded([KEY, "other"]) == {KEY}


def test_more_quarantined_objects_than_a_request_takes_are_found(tables):
    keys = [f"{KEY}/{number}" for number in range(130)]
    for key in (keys[0], keys[-1]):
        tables.quarantines.fix(key, FIXED.event_id, FIXED.time_us)
        tables.quarantines.mark_recorded(key)
    assert tables.quarantines.recorded(keys) == {keys[0], keys[-1]}


def test_says_so_when_the_table_cannot_be_reached():
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    marks, epochs, held = DynamoWatermarks(client, "x"), DynamoEpochs(client, "x"), DynamoQuarantines(client, "x")
    for call in (
        lambda: marks.read(LOG),
        lambda: marks.advance(LOG, at_us=1, closed_us=1),
        lambda: marks.close(LOG),
        lambda: epochs.get(LOG),
        lambda: epochs.put(Epoch(LOG, None)),
        lambda: epochs.latest(),
        lambda: held.fix(KEY, FIXED.event_id, 1),
        lambda: held.recorded([KEY]),
        lambda: held.mark_recorded(KEY),
    ):
        with pytest.raises(StateUnavailable):
            call()

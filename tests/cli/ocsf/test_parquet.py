"""Parquet: the same events, in the folders and columns that Security Lake and Athena read."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from postern_cli.ocsf.arrow import arrow_schema
from postern_cli.ocsf.parquet import Parquet
from postern_cli.ocsf.schema import CLASSES

PLACE = re.compile(
    r"(datastore_activity|authorize_session)/region=eu-central-1/accountId=123456789012/eventDay=(\d{8})/postern\.parquet"
)


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_none(one) for name, one in value.items() if one is not None}
    return [without_none(one) for one in value] if isinstance(value, list) else value


def test_each_file_lies_in_the_partition_of_its_class_and_day(lake):
    files = [path for path in lake.rglob("*") if path.is_file() and path.name != "export.json"]
    assert len(files) > 4
    for path in files:
        place = PLACE.fullmatch(str(path.relative_to(lake)))
        assert place is not None, path
        for event in pq.ParquetFile(path).read().to_pylist():
            assert CLASSES[event["class_uid"]].name == place[1]
            assert event["metadata"]["original_time"][:10].replace("-", "") == place[2]


def test_parquet_has_the_events_of_the_json_lines(lake, events):
    rows = [row for path in lake.rglob("*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    told = {row["metadata"]["uid"]: without_none(row) for row in rows}
    assert told == {event["metadata"]["uid"]: event for event in events if event["metadata"]["log_name"] == "prod-2026"}


def test_columns_are_the_tables_attributes(lake):
    for name, event_class in ((one.name, one) for one in CLASSES.values()):
        for path in (lake / name).rglob("*.parquet"):
            assert pq.read_schema(path).equals(arrow_schema(event_class))


def test_numbers_have_the_widths_that_the_schema_gives_them():
    types = {field.name: field.type for field in arrow_schema(CLASSES[6005])}
    assert {name: str(types[name]) for name in ("class_uid", "type_uid", "time", "duration")} == {
        "class_uid": "int32",
        "type_uid": "int64",
        "time": "int64",
        "duration": "int64",
    }


def test_a_day_of_many_events_is_written_in_groups(tmp_path, events, monkeypatch):
    monkeypatch.setattr("postern_cli.ocsf.parquet._GROUP_EVENTS", 2)
    event = next(one for one in events if one["class_uid"] == 6005)
    sink = Parquet(tmp_path, "eu-central-1", "external")
    for _ in range(5):
        sink.write("2026-03-03", event, 100)
    sink.close()
    (path,) = sink.files
    about = pq.ParquetFile(path).metadata
    assert (about.num_rows, about.num_row_groups) == (5, 3)
    assert about.row_group(0).column(0).compression == "ZSTD"


def test_large_records_are_not_held_until_there_are_many(tmp_path, events):
    event = next(one for one in events if one["class_uid"] == 6005)
    sink = Parquet(tmp_path, "eu-central-1", "external")
    for _ in range(3):
        sink.write("2026-03-03", event, 17 * 1024 * 1024)
    sink.close()
    assert pq.ParquetFile(sink.files[0]).metadata.num_row_groups == 3


def test_a_number_that_is_no_number_is_not_written(tmp_path, events):
    event = {**next(one for one in events if one["class_uid"] == 6005), "time": "soon"}
    sink = Parquet(tmp_path, "eu-central-1", "external")
    sink.write("2026-03-03", event, 1)
    with pytest.raises(pa.ArrowException):
        sink.close()

from __future__ import annotations

import pytest

from postern.audit.keys import BlobKey, LogKey, LogPart, RecordKey, log_key, parse_key, parse_record_key, record_key
from postern.audit.records import RecordType
from postern.errors import IntegrityError
from postern.types import CommandId

ID = CommandId("019aab11-5d00-7000-8000-000000000001")  # 2025-11-22T10:17:13Z
INTENT = f"wal/v1/prod-2026/5/20251122/10/{ID}/1-intent.json"  # printf <id> | sha256sum begins with 5


def test_a_golden_key() -> None:
    assert record_key("prod-2026", RecordType.INTENT, ID) == (
        "wal/v1/prod-2026/5/20251122/10/019aab11-5d00-7000-8000-000000000001/1-intent.json"
    )


@pytest.mark.parametrize(
    ("record_type", "file"),
    [
        (RecordType.INTENT, "1-intent.json"),
        (RecordType.OUTCOME, "2-outcome.json"),
        (RecordType.SETTLED, "3-settled.json"),
        (RecordType.EVENT, "1-event.json"),
    ],
)
def test_every_type_has_its_file_in_the_folder_of_its_id(record_type: RecordType, file: str) -> None:
    key = record_key("a", record_type, ID)

    assert key == INTENT.replace("prod-2026", "a").replace("1-intent.json", file)
    assert parse_record_key(key) == RecordKey("a", record_type, ID)


def test_spreads_ids_over_sixteen_shards() -> None:
    ids = [CommandId(f"019aab11-5d00-7000-8000-{n:012x}") for n in range(400)]

    assert len({record_key("a", RecordType.EVENT, one).split("/")[3] for one in ids}) == 16


def test_the_longest_key_can_be_read_back() -> None:
    key = record_key("a" * 40, RecordType.OUTCOME, ID)

    assert parse_record_key(key).log == "a" * 40


@pytest.mark.parametrize("log", ["", "a" * 41, "Prod", "prod_2026", "prod/2026", "..", "prod\n", "prod 2026", "é"])
def test_refuses_a_log_name(log: str) -> None:
    with pytest.raises(IntegrityError, match="log name"):
        record_key(log, RecordType.EVENT, ID)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="nothing"),
        pytest.param("/" + INTENT, id="slash before it"),
        pytest.param(INTENT + "/", id="slash after it"),
        pytest.param(INTENT + "\n", id="line feed after it"),
        pytest.param(INTENT.replace("wal/", "WAL/"), id="upper-case prefix"),
        pytest.param(INTENT.replace("/v1/", "/v2/"), id="another version"),
        pytest.param(INTENT.replace("/20251122/", "/20251121/"), id="the day before"),
        pytest.param(INTENT.replace("/10/", "/11/"), id="the hour after"),
        pytest.param(INTENT.replace("/5/2025", "/6/2025"), id="another shard"),
        pytest.param(INTENT.replace(ID, ID.upper()), id="upper-case id"),
        pytest.param(INTENT.replace("1-intent", "2-intent"), id="another number"),
        pytest.param(INTENT.replace("1-intent.json", "1-intent.json.bak"), id="another file"),
        pytest.param(INTENT.replace("prod-2026", ".."), id="dots for a log"),
        pytest.param(INTENT.replace("wal/v1/", "wal/v1/../v1/"), id="dots on the way"),
        pytest.param(INTENT.replace("/", "//"), id="double slashes"),
        pytest.param("a" * 100_000, id="very long"),
        pytest.param(INTENT.replace(ID, "\udcfe"), id="a file's name that is no UTF-8"),
        pytest.param("log/prod-2026/checkpoint", id="not a record's"),
    ],
)
def test_refuses_to_read_as_a_record_key(key: str) -> None:
    with pytest.raises(IntegrityError):
        parse_record_key(key)


def test_reads_a_blob_key() -> None:
    assert parse_key(f"blob/prod-2026/{ID}/12") == BlobKey("prod-2026", ID, 12)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(f"blob/prod-2026/{ID}/01", id="leading zero"),
        pytest.param(f"blob/prod-2026/{ID}/-1", id="negative"),
        pytest.param(f"blob/prod-2026/{ID}/10000", id="too many"),
        pytest.param(f"blob/prod-2026/{ID}/0/x", id="something below it"),
        pytest.param(f"blob/../{ID}/0", id="dots"),
        pytest.param("blob/prod-2026/00000000-0000-0000-0000-000000000000/0", id="not a UUIDv7"),
        pytest.param("etc/passwd", id="neither"),
    ],
)
def test_refuses_to_read_as_any_key(key: str) -> None:
    with pytest.raises(IntegrityError):
        parse_key(key)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("checkpoint", LogPart.LATEST),
        ("checkpoints/0", LogPart.CHECKPOINT),
        ("checkpoints/1284", LogPart.CHECKPOINT),
        ("tile/0/000", LogPart.TILE),
        ("tile/63/x001/x234/067.p/255", LogPart.TILE),
        ("tile/entries/999", LogPart.BUNDLE),
        ("tile/entries/x001/000.p/1", LogPart.BUNDLE),
        (f"stage/300-{'0f' * 32}", LogPart.STAGE),
    ],
)
def test_reads_a_key_of_the_signed_log(path: str, part: LogPart) -> None:
    assert log_key("prod-2026", path) == f"log/prod-2026/{path}"
    assert parse_key(f"log/prod-2026/{path}") == LogKey("prod-2026", part, path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint/",
        "checkpoint\n",
        "Checkpoint",
        "checkpoints",
        "checkpoints/",
        "checkpoints/0300",
        "checkpoints/-1",
        "checkpoints/+1",
        "checkpoints/1.5",
        "checkpoints/1/2",
        "checkpoints/\u0661",
        "tile/00/000",
        "tile/64/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/0/000.p/5/6",
        "tile/entries",
        "tile/entries/000.P/5",
        "stage/1-" + "0" * 63,
        "stage/1-" + "F" * 64,
        "stage/01-" + "0" * 64,
        "../x",
        "tile/0/../../../x",
        "index/000",
    ],
)
def test_refuses_a_key_of_the_signed_log(path: str) -> None:
    with pytest.raises(IntegrityError, match="log key"):
        log_key("prod-2026", path)
    with pytest.raises(IntegrityError):
        parse_key(f"log/prod-2026/{path}")


@pytest.mark.parametrize("log", ["", "Prod", "a" * 41, "..", "prod/2026"])
def test_refuses_a_log_name_in_a_key_of_the_signed_log(log: str) -> None:
    with pytest.raises(IntegrityError):
        log_key(log, "checkpoint")

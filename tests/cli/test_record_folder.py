"""The statements' records of a pulled copy, hour by hour."""

from __future__ import annotations

from pathlib import Path

from postern.audit.ids import uuid7
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.reconcile.recorded import Stored
from postern.types import CommandId
from postern_cli.pulled import PulledFolder
from postern_cli.record_folder import RecordFolder

BASE_US = 1_795_406_400_000_000  # 2026-11-23T04:00:00Z
HOUR_US = 3_600_000_000


def put(folder: Path, log: str, type_: RecordType, time_us: int, number: int = 0) -> CommandId:
    command_id = CommandId(uuid7(time_us, number.to_bytes(10, "big")))
    file = folder / "objects" / record_key(log, type_, command_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(f"{log} {type_.value}".encode())
    return command_id


def test_acts_are_given_by_hour_over_all_logs_and_facts_are_not(tmp_path: Path) -> None:
    first = put(tmp_path, "prod-2026", RecordType.INTENT, BASE_US, 1)
    second = put(tmp_path, "prod-2027", RecordType.INTENT, BASE_US + 1_000_000, 2)
    later = put(tmp_path, "prod-2027", RecordType.INTENT, BASE_US + HOUR_US, 3)
    put(tmp_path, "prod-2026", RecordType.EVENT, BASE_US, 4)
    (tmp_path / "objects/wal/v1/not a log").mkdir()
    records = RecordFolder(PulledFolder(tmp_path))
    assert records.hours() == ["20261123/04", "20261123/05"]
    assert sorted(map(str, records.commands("20261123/04"))) == [first, second]
    assert list(records.commands("20261123/05")) == [later]
    key = record_key("prod-2027", RecordType.INTENT, second)
    assert records.read(second, RecordType.INTENT) == Stored(key, b"prod-2027 intent")
    assert records.read(first, RecordType.OUTCOME) is None


def test_a_copy_without_records_has_none(tmp_path: Path) -> None:
    assert RecordFolder(PulledFolder(tmp_path)).hours() == []

"""The statements' records in a folder that `postern audit pull` wrote, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from postern.audit.canonical import MAX_RECORD_BYTES
from postern.audit.keys import LOG_NAME, record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli.pulled import PulledFolder

_SHARDS = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class RecordFolder:
    """Implements `postern.reconcile.recorded.Evidence` on the copy's `wal/v1`, over all logs in it.

    Raises `OSError` where the disk does.
    """

    folder: PulledFolder
    _logs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        wal = self.folder.objects / "wal/v1"
        if wal.is_dir():
            self._logs.extend(sorted(one.name for one in wal.iterdir() if LOG_NAME.fullmatch(one.name)))

    def hours(self) -> list[str]:
        found: set[str] = set()
        for log in self._logs:
            for shard in _SHARDS:
                days = self.folder.objects / "wal/v1" / log / shard
                if days.is_dir():
                    found |= {f"{hour.parent.name}/{hour.name}" for hour in days.glob("[0-9]*/[0-9][0-9]")}
        return sorted(found)

    def commands(self, hour: str) -> Iterator[CommandId]:
        for log in self._logs:
            for shard in _SHARDS:
                intents = (self.folder.objects / "wal/v1" / log / shard / hour).glob("*/1-intent.json")
                yield from (CommandId(intent.parent.name) for intent in intents)

    def read(self, command_id: CommandId, type_: RecordType) -> bytes | None:
        for log in self._logs:
            try:
                return self.folder.read(record_key(log, type_, command_id), MAX_RECORD_BYTES)
            except KeyError:
                continue
        return None

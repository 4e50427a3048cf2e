"""The statements' records in a folder that `postern audit pull` wrote, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from postern.audit.canonical import MAX_RECORD_BYTES
from postern.audit.keys import LOG_NAME, parse_record_key, record_key
from postern.audit.records import RecordType
from postern.errors import IntegrityError
from postern.reconcile.recorded import Stored, Stray
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
                    found |= {f"{hour.parent.name}/{hour.name}" for hour in days.glob("*/*")}
        return sorted(filter(_is_hour, found))

    def commands(self, hour: str) -> Iterator[CommandId | Stray]:
        for log in self._logs:
            for shard in _SHARDS:
                intents = (self.folder.objects / "wal/v1" / log / shard / hour).glob("*/1-intent.json")
                yield from map(self._command, intents)

    def read(self, command_id: CommandId, type_: RecordType) -> Stored | None:
        for log in self._logs:
            key = record_key(log, type_, command_id)
            try:
                return Stored(key, self.folder.read(key, MAX_RECORD_BYTES))
            except KeyError:
                continue
        return None

    def _command(self, intent: Path) -> CommandId | Stray:
        """The act whose intent this is; a folder may have any name, and only the key's own form tells of one."""
        key = intent.relative_to(self.folder.objects).as_posix()
        try:
            return parse_record_key(key).id
        except IntegrityError:
            return Stray(key)


def _is_hour(name: str) -> bool:
    try:
        return datetime.strptime(name, "%Y%m%d/%H").strftime("%Y%m%d/%H") == name
    except ValueError:
        return False

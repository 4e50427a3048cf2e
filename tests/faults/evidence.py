"""What is on record after a run: the pulled log, command by command."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

REAPER = "reap"


@dataclass(slots=True)
class Command:
    """The records of one command, and the digest of each, by its type."""

    id: str
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def task(self) -> str | None:
        return next((one["task"]["id"] for one in self.records.values() if one.get("task")), None)

    @property
    def kind(self) -> str:
        return str(next(iter(self.records.values()))["kind"])

    @property
    def text(self) -> str:
        return str((self.records.get("intent", {}).get("statement") or {}).get("text", ""))

    @property
    def is_allowed(self) -> bool:
        return "intent" in self.records and self.records["intent"]["decision"]["result"] == "allow"

    @property
    def status(self) -> str:
        """The last word on it; `open` where there is none."""
        for type_ in ("settled", "outcome"):
            if type_ in self.records:
                status = str(self.records[type_]["status"])
                return "open" if status == "pending" else status
        return "open" if self.is_allowed else "refused"

    @property
    def rows(self) -> int:
        return int(self.records.get("outcome", {}).get("rows", 0))

    @property
    def closed_by_reaper(self) -> bool:
        last = self.records.get("settled") or self.records.get("outcome")
        return last is not None and writer_of(last) == REAPER

    @property
    def closed_after_s(self) -> float:
        """From its intent to its last record, by their writers' clocks."""
        times = [datetime.fromisoformat(one["time"]) for one in self.records.values()]
        return (max(times) - min(times)).total_seconds()


def writer_of(record: dict[str, Any]) -> str:
    """The function that wrote it."""
    return str(record["code"]["function"])


def read_evidence(folder: Path) -> dict[str, Command]:
    """Every command of a pulled log that has an intent, by its id."""
    found: dict[str, Command] = {}
    for path in sorted((folder / "objects" / "wal").rglob("*-*.json")):
        type_ = path.stem.partition("-")[2]
        if type_ == "event":
            continue
        data = path.read_bytes()
        command = found.setdefault(path.parent.name, Command(path.parent.name))
        command.records[type_] = json.loads(data)
        command.digests[type_] = hashlib.sha256(data).hexdigest()
    return found

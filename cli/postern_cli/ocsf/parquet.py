"""Events as Parquet, a file for each class and day, in the folders that Security Lake and Athena read.

    <class>/region=<region>/accountId=<account>/eventDay=<YYYYMMDD>/postern.parquet

Security Lake wants for a custom source: one class an object, Zstandard, rows in the order of their times, pages of at
most 1 MB and row groups of at most 256 MB (AWS, "Collecting data from custom sources in Security Lake").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postern_cli.ocsf.arrow import arrow_schema
from postern_cli.ocsf.schema import CLASSES, EventClass
from postern_cli.stop import Exit, Stop

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

REGION = re.compile(r"[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]")
# Twelve digits, or what Security Lake has for a source outside of AWS.
ACCOUNT = re.compile(r"[0-9]{12}|external(_[0-9A-Za-z-]{1,40})?")
_GROUP_EVENTS = 5_000
_GROUP_BYTES = 16 * 1024 * 1024  # of records; their events take some times that while they wait
_PAGE_BYTES = 512 * 1024


def require_pyarrow() -> None:
    """Raises `Stop` where the extra is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise Stop(
            Exit.UNKNOWN, "--format parquet: expected pyarrow, got no such package; pip install 'postern[parquet]'"
        ) from error


@dataclass(slots=True)
class Parquet:
    """Implements `export.Sink`. Classes and their days must come in order, so that one file is open at a time."""

    out: Path
    region: str
    account: str
    files: list[Path] = field(default_factory=list)
    _writer: ParquetWriter | None = None
    _schema: pa.Schema | None = None
    _events: list[dict[str, Any]] = field(default_factory=list)
    _bytes: int = 0

    def write(self, day: str, event: dict[str, Any], size: int, /) -> None:
        event_class = CLASSES[event["class_uid"]]
        path = self._path(event_class, day)
        if not self.files or self.files[-1] != path:
            self.close()
            self._open(path, event_class)
        self._events.append(event)
        self._bytes += size
        if len(self._events) >= _GROUP_EVENTS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None

    def _path(self, event_class: EventClass, day: str) -> Path:
        where = f"region={self.region}/accountId={self.account}/eventDay={day.replace('-', '')}"
        return self.out / event_class.name / where / "postern.parquet"

    def _open(self, path: Path, event_class: EventClass) -> None:
        from pyarrow.parquet import ParquetWriter

        path.parent.mkdir(parents=True)
        self._schema = arrow_schema(event_class)
        self._writer = ParquetWriter(path, self._schema, compression="zstd", data_page_size=_PAGE_BYTES)
        self.files.append(path)

    def _flush(self) -> None:
        import pyarrow as pa

        if self._events and self._writer is not None:
            self._writer.write_table(pa.Table.from_pylist(self._events, schema=self._schema))
            self._events, self._bytes = [], 0

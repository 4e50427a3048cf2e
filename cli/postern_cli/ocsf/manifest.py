"""`export.json`: what an export is of, and its files. Written last: a folder without it is an unfinished export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

NAME = "export.json"


def write_manifest(out: Path, summary: Mapping[str, object], files: Sequence[Path]) -> None:
    """Without a time or a path of this machine, so that the same export has the same one."""
    told = [
        {"path": path.relative_to(out).as_posix(), "bytes": path.stat().st_size, "sha256": _digest(path)}
        for path in sorted(files)
    ]
    text = json.dumps({**summary, "files": told}, indent=2, ensure_ascii=True, sort_keys=True)
    (out / NAME).write_text(f"{text}\n", "ascii")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

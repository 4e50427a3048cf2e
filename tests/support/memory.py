"""Throw-away clusters in memory: half of what a server's start and a fresh database cost is writing their files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # Linux; a container may have it small, or mounted so that nothing in it can be run
_ROOM_BYTES = 4 * 1024**3


def keep_temporary_files_in_memory() -> None:
    """Points this process and all that it starts to memory for temporary files, where there is room for them.

    What pytest itself gives out (`tmp_path`) and keeps for a look after a failure stays where it was.
    """
    if not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK):
        return
    if os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        return
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

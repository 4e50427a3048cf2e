"""`postern audit pull --inventory`: where the inventory is, and how its faults end the command."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from postern.errors import IntegrityError
from postern_cli.inventory.pulling import pull_by_inventory
from postern_cli.inventory.source import BucketSource, FolderSource
from postern_cli.pull import Bucket, Pulled
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop

_URL = "s3://"
_MANIFEST = "manifest.json"


def pull(
    bucket: Bucket, inventory: str, folder: PulledFolder, *, workers: int, advance: Callable[[int], None]
) -> Pulled:
    """Brings `folder` up to the bucket. Raises `Stop` where the inventory cannot be used; else as `pull.pull` does."""
    try:
        if inventory.startswith(_URL):
            source: BucketSource | FolderSource = BucketSource.of(bucket.client, inventory)
        else:
            path = Path(inventory)
            source = FolderSource(path / _MANIFEST if path.is_dir() else path)
        return pull_by_inventory(bucket, source, folder, workers=workers, advance=advance)
    except IntegrityError as error:
        raise Stop(Exit.UNKNOWN, f"--inventory: {error.detail}") from error
    except sqlite3.Error as error:
        raise Stop(Exit.UNKNOWN, f"{folder.partial}: expected to keep a table there, got {error}") from error

"""A file that its reader has no right to, also for tests that run as root."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def denying(end: str) -> Callable[..., int]:
    """What takes `os.open`'s place: it refuses paths with this end."""
    whole = os.open

    def denied(path: Any, *arguments: Any, **more: Any) -> int:
        if str(path).endswith(end):
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path, *arguments, **more)

    return denied

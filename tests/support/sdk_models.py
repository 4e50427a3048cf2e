"""The SDK's models of services, read once a process: tests make sessions by the hundred, which is mostly reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader


@contextmanager
def models_read_once() -> Iterator[None]:
    """Inside, a model's file is parsed when it is first asked for, and never again."""
    parsed: dict[str, Any] = {}
    read = JSONFileLoader.load_file

    def load_file(loader: JSONFileLoader, path: str) -> Any:
        if path not in parsed:
            parsed[path] = read(loader, path)
        return parsed[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield

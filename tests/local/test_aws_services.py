"""Which services moto has is asked of its folder once, not for every request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import backends

from postern_local.aws import services


def test_the_folder_is_listed_once_whoever_asks_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []

    def folder() -> Iterator[str]:
        listed.append("folder")
        yield from ("dynamodb", "s3")

    monkeypatch.setattr(backends, "list_of_moto_modules", folder)

    services.install()

    assert [name in backends.list_of_moto_modules() for name in ("s3", "s3", "elsewhere")] == [True, True, False]
    assert listed == ["folder"]

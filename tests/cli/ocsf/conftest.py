"""One varied log, pulled once, and its export in both formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postern_cli.audit import app
from tests.support import command_line
from tests.support.command_line import Ended
from tests.support.ocsf import later_epoch, varied_log
from tests.support.report_log import VKEY
from tests.support.report_pack import pulled

PARTITIONS = ("--format", "parquet", "--region", "eu-central-1", "--account", "123456789012")


def run_export(copy: Path, out: Path, *more: object, vkeys: tuple[str, ...] = (VKEY,)) -> Ended:
    keys = [word for key in vkeys for word in ("--vkey", key)]
    return command_line.run(app, "export", "--ocsf", "--dir", copy, *keys, "--out", out, *more)


def events_in(out: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(out.glob("*.jsonl")):
        for line in file.read_bytes().removesuffix(b"\n").split(b"\n"):
            yield json.loads(line)


@pytest.fixture(scope="package")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pulled(varied_log(), tmp_path_factory.mktemp("varied"))


@pytest.fixture(scope="package")
def other_key(copy: Path) -> str:
    return later_epoch(copy)


@pytest.fixture(scope="package")
def written(copy: Path, other_key: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("written") / "events"
    assert run_export(copy, out, vkeys=(VKEY, other_key)).code == 0
    return out


@pytest.fixture(scope="package")
def lake(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lake") / "events"
    assert run_export(copy, out, *PARTITIONS).code == 0
    return out


@pytest.fixture(scope="package")
def events(written: Path) -> list[dict[str, Any]]:
    return list(events_in(written))

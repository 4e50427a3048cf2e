"""The policy layer of the load: the demo's with two tables more, writes that need nobody, rates that do not bind."""

from __future__ import annotations

import shutil
from pathlib import Path

from postern_local.stack import DEMO

TABLES = Path(__file__).parent / "tables.sql"
LOADS = (DEMO / "shop.sql", TABLES)

_LIMITS = "openings: 100000\nstatements: 100000\nprovisions: 100000\n"
_CATALOG = """
  public.entries:
    columns: {id: open, agent: open, number: open, version: open, contact: pii.email}
  public.letters:
    columns: {id: open, owner: open, number: open}
    rows: "owner = :agent"
functions: []
"""
_WRITES = """
permit (principal in Postern::Group::"agents", action, resource == Postern::Table::"shop.public.entries");
permit (principal in Postern::Group::"agents", action == Postern::Action::"insert",
        resource == Postern::Table::"shop.public.letters");
permit (principal in Postern::Group::"agents", action == Postern::Action::"autoApprove",
        resource == Postern::Database::"shop");
"""


def write_layer(folder: Path) -> Path:
    """Writes the layer; returns the folder."""
    shutil.copytree(DEMO / "policy", folder)
    (folder / "limits.yaml").write_text(_LIMITS)
    (folder / "policy" / "load.cedar").write_text(_WRITES)
    _replace(folder / "catalog" / "shop.yaml", "functions: []\n", _CATALOG)
    _replace(folder / "issuers.yaml", "      region: region\n", "      region: region\n      agent: agent\n")
    return folder


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{path}: expected {old!r} once, got it {text.count(old)} times")
    path.write_text(text.replace(old, new.lstrip("\n")))

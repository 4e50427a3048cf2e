"""What the agents read and write: the demo's shop, and a table in which each write leaves a row of its own.

No constraint keeps a mark from standing twice: that it never does is what is to be shown.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from postern_local.stack import DEMO

TABLE = "marks"
PRODUCTS = 120
SQL = """
CREATE TABLE marks (
    id    integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    agent integer NOT NULL,
    mark  text NOT NULL,
    pad   text STORAGE PLAIN NOT NULL
);
"""
# The local server answers before a commit is on its disk, which no real one does: here it is to survive a crash.
DURABLE = "ALTER DATABASE shop SET synchronous_commit = on"
_COLUMNS = "  public.marks:\n    columns: {id: open, agent: open, mark: open, pad: open}\n"
_FUNCTIONS = "functions: []"
LIMITS = "openings: 100000\nstatements: 100000\nprovisions: 100000\n"
WRITERS = """
permit (principal in Postern::Group::"agents", action in [Postern::Action::"insert", Postern::Action::"select"],
        resource == Postern::Table::"shop.public.marks");
permit (principal in Postern::Group::"agents", action == Postern::Action::"autoApprove",
        resource == Postern::Database::"shop");
"""


def write_policy(folder: Path) -> Path:
    """The demo's layer with that table in its catalog, and with rates that do not bind."""
    shutil.copytree(DEMO / "policy", folder)
    catalog = folder / "catalog" / "shop.yaml"
    catalog.write_text(catalog.read_text().replace(_FUNCTIONS, _COLUMNS + _FUNCTIONS))
    (folder / "limits.yaml").write_text(LIMITS)
    (folder / "policy" / "marks.cedar").write_text(WRITERS)
    return folder


def write_tables(folder: Path) -> list[str]:
    """Files to load."""
    file = folder / "marks.sql"
    file.write_text(SQL)
    return [f"shop={DEMO / 'shop.sql'}", f"shop={file}"]


def insert(agent: int, mark: str) -> str:
    """The statement that leaves one row. Its mark stands in its text, so that its record tells which it was."""
    return f"INSERT INTO marks (agent, mark, pad) VALUES ({agent}, '{mark}', $1)"

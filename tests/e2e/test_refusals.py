"""Ordinary SQL is not refused: the guard alone, over every statement whose answers are compared here."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from postern.guard.check import check
from postern.guard.scope import scope_of
from postern.guard.verdict import Refused
from tests.e2e.queries import CHINOOK, ORDERED, SHOP, SHOP_MASKED, UNORDERED
from tests.support.world import grant_of, granted

TESTS = Path(__file__).parent.parent
CATALOGS = {
    "chinook": TESTS / "chinook" / "catalog" / "chinook.yaml",
    "shop": TESTS.parent / "local" / "postern_local" / "demo" / "policy" / "catalog" / "shop.yaml",
}
STATEMENTS = {
    "chinook": [*ORDERED.items(), *UNORDERED.items(), *CHINOOK.items()],
    "shop": [*SHOP.items(), *SHOP_MASKED.items()],
}


@pytest.mark.parametrize("major", [16, 18])
def test_none_is_refused(major: int) -> None:
    refused: list[str] = []
    asked = 0
    for database, catalog in CATALOGS.items():
        tables = yaml.safe_load(catalog.read_text())["tables"]
        grant = grant_of(
            *(granted(name.removeprefix("public."), dict.fromkeys(table["columns"])) for name, table in tables.items())
        )
        scope = scope_of(grant, major)
        for name, sql in STATEMENTS[database]:
            verdict = check(sql, scope)
            asked += 1
            if isinstance(verdict, Refused):
                refused.append(f"{database}, {name}: {verdict.reason}")
    print(f"PostgreSQL {major}: {asked} statements, {len(refused)} refused")
    assert refused == []
    assert asked >= 300

"""The register of limits: each row of one shape, and each link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
KINDS = {"safe", "missing", "exposure"}
LINKING = ["limitations.md", "scale.md", "cost.md"]


def rows() -> list[list[str]]:
    lines = (DOCS / "limitations.md").read_text().splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in cells if row[0].strip() != "kind"]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_row_says_kind_limit_what_to_do_and_where_more_is() -> None:
    assert len(rows()) > 50
    assert [row for row in rows() if len(row) != 4 or row[0] not in KINDS or not all(row)] == []


def test_no_limit_is_told_twice() -> None:
    limits = [row[1] for row in rows()]
    assert len(limits) == len(set(limits))


@pytest.mark.parametrize("page", LINKING)
def test_every_link_leads_to_a_page_and_its_heading(page: str) -> None:
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", (DOCS / page).read_text()):
        path = DOCS / (target or page)
        if not path.is_file() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}")
    assert broken == []

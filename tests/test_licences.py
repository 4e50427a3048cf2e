"""What ships asks for nothing, but for the one that was chosen; what the wheels say is held against what they bring."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from scripts.generate_licences_doc import PAGE, page
from scripts.licences import CHOSEN, DATA, UnknownLicence, is_permissive, refused
from scripts.shipped import command_line, compiled_into, layer, licence_texts

ROOT = Path(__file__).parent.parent
SHIPPED = {part.name: part for part in (*command_line(), *layer())}
# Titles, as the FSF's texts have them; the Lesser one has another.
_COPYLEFT = re.compile(r"GNU (?:AFFERO )?GENERAL PUBLIC LICENSE|\b(?:AGPL|GPL)-?v?[23]|Mozilla Public License|SSPL")
PAGES = ("functions/console/assets", "cli/postern_cli/report")


def test_nothing_ships_that_asks_for_more_than_its_text() -> None:
    assert refused({name: part.licence for name, part in SHIPPED.items()}) == []


def test_nothing_is_compiled_in_that_asks_for_more_than_its_text() -> None:
    parts = [part for name in SHIPPED for part in compiled_into(name)]
    assert [part for part in parts if not is_permissive(part.licence)] == []
    assert {"cedar-policy", "openssl", "libpg_query", "PostgreSQL's parser", "RE2"} <= {part.name for part in parts}


def test_no_licence_file_says_otherwise() -> None:
    """Metadata is one line that somebody wrote; the text beside it is what holds."""
    told = {name for name in SHIPPED for text in licence_texts(name) if _COPYLEFT.search(text)}
    assert told == {name for name, _ in DATA}


def test_the_one_that_asks_for_something_is_told_first() -> None:
    [(name, licence)] = CHOSEN.items()
    assert page().index(f"**{name}** | **{licence}**") < page().index("## The layer")


def test_the_page_says_what_is_installed() -> None:
    assert PAGE.read_text() == page(), "run python -m scripts.generate_licences_doc"


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        ("(MIT OR GPL-2.0-only) AND ISC", True),
        ("MIT OR (GPL-2.0-only AND ISC)", True),
        ("(MIT AND GPL-2.0-only) OR LGPL-2.1-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MIT WITH LLVM-exception", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0 OR MIT", True),
        ("MIT AND AGPL-3.0-only OR BSD-2-Clause AND GPL-3.0-only", False),
    ],
)
def test_an_expression_is_read_as_spdx_means_it(expression: str, may: bool) -> None:
    assert is_permissive(expression) is may


@pytest.mark.parametrize("expression", ["(MIT", "MIT)", "MIT MIT", "MIT OR OR", "((MIT)"])
def test_what_is_no_expression_is_not_understood(expression: str) -> None:
    try:
        assert not is_permissive(expression) or expression == "MIT OR OR"
    except UnknownLicence:
        return


def test_data_of_another_licence_is_told_and_there() -> None:
    files = {name: {one.name for one in distribution(name).files or ()} for name, _ in DATA}
    assert all(file in files[name] and f"**{name}/{file}**" in page() for name, file in DATA)


def test_a_copyleft_text_is_known() -> None:
    assert _COPYLEFT.search("                    GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007")
    assert _COPYLEFT.search("under the GNU AFFERO GENERAL PUBLIC LICENSE")
    assert not _COPYLEFT.search("GNU LESSER GENERAL PUBLIC LICENSE")


@pytest.mark.parametrize("folder", PAGES)
def test_no_page_brings_a_font_or_loads_anything(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".css", ".html", ".js", ".svg"}]
    found = re.compile(
        r"@font-face|@import|url\(\s*['\"]?(?:https?:)?//|\b(?:src|href)=['\"]https?://|from ['\"]https?://"
    )
    assert files
    assert [path.name for path in files if found.search(path.read_text())] == []
    assert not [path for path in (ROOT / folder).rglob("*") if path.suffix in {".woff", ".woff2", ".ttf", ".otf"}]

"""The table of codes is whole: what is raised is in it, what is in it is raised, and the page says the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from scripts.generate_errors_doc import PAGE, page

from postern.errors import CODES

ROOT = Path(__file__).parent.parent
SOURCES = [
    path
    for folder in ("layers/core/postern", "functions")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "errors.py"
]
FAMILIES = {code.split(".")[0] for code in CODES if "." in code}


def literals() -> set[str]:
    """Every text in the sources that has the form of a code of a known family."""
    form = re.compile(rf"({'|'.join(FAMILIES)})\.[a-z_]+")
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and form.fullmatch(node.value)
    }


def test_every_code_that_is_raised_is_documented():
    told = literals() - {"policy.file"}
    # Classes of data in texts and docstrings are no codes; file names of the policy layer are neither.
    assert {code for code in told if not code.endswith((".yaml", ".cedar"))} <= set(CODES)


def test_every_documented_code_is_raised_somewhere():
    text = "\n".join(path.read_text() for path in SOURCES) + (ROOT / "template.yaml").read_text()
    text += (ROOT / "layers/core/postern/errors.py").read_text().split("CODES:")[0]
    assert [code for code in sorted(set(CODES) - {"internal"}) if f'"{code}"' not in text] == []


def test_the_page_is_generated_from_the_table():
    assert PAGE.read_text() == page()

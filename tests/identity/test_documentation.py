"""docs/identity.md names the test that holds each class of hostile tokens: here both sides are compared."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Where each test that rejects something is one of a hostile token or proof.
HOSTILE = (
    *("test_hostile_keys", "test_hostile_claims", "test_hostile_forms", "test_malformed_tokens"),
    *("test_proofs", "test_on_behalf_of", "test_tokens"),
)


def rows() -> list[str]:
    """The table's rows below its head."""
    text = (ROOT / "docs/identity.md").read_text()
    section = text.partition("\n## Hostile tokens\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def named(row: str) -> Iterator[tuple[str, str]]:
    """Each file and test of a row; a test without a file is in the one before."""
    file = ""
    for path, test in re.findall(r"`(tests/[\w/]+\.py)?::(test_\w+)`", row):
        file = path or file
        yield file, test


def defined_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_each_class_of_hostile_tokens_names_tests_that_exist() -> None:
    assert len(rows()) > 30
    for row in rows():
        tests = list(named(row))
        assert tests, row
        for file, test in tests:
            assert test in defined_in(file), f"{file}::{test}"


def test_each_test_that_rejects_a_token_stands_in_the_table() -> None:
    listed = {pair for row in rows() for pair in named(row)}
    rejecting = {
        (f"tests/identity/{module}.py", test)
        for module in HOSTILE
        for test in defined_in(f"tests/identity/{module}.py")
        if test.startswith("test_rejects_")
    }
    assert rejecting - listed == set()

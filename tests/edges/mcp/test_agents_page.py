"""docs/agents.md: what is there to be copied is whole, and the tools are those that there are."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable

import pytest
import yaml

from postern.edges.mcp.tools import TOOLS
from tests.support.stack import PROJECT

PAGE = (PROJECT / "docs/agents.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
READERS: dict[str, Callable[[str], object]] = {"json": json.loads, "yaml": yaml.safe_load, "python": ast.parse}


@pytest.mark.parametrize("language", READERS)
def test_what_is_to_be_copied_can_be_read(language: str) -> None:
    blocks = [text for name, text in BLOCKS if name == language]
    assert blocks
    for text in blocks:
        READERS[language](text)


def test_configurations_name_one_gate_and_no_token() -> None:
    blocks = [text for name, text in BLOCKS if name in {"json", "yaml", "python"}]
    for text in blocks:
        assert "https://postern.example.com/mcp" in text
        # What stands after Bearer is where a token comes from.
        assert all(one[0] in "${%\\" for one in re.findall(r"Bearer (\S+)", text))


def test_names_every_tool_and_no_other() -> None:
    assert re.findall(r"^\| `(\w+)` \| `\w+ [/…]", PAGE, re.MULTILINE) == [
        *("open_task", "describe", "query", "transaction", "task_status", "end_task")
    ]
    assert {*re.findall(r"mcp__postern__(\w+)", PAGE)} <= TOOLS.keys()

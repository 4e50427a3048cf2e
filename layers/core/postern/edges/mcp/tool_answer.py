"""What a tool comes to, in words for a model and as structured content for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postern.edges.meter import OK


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """`code` is `ok` or the code of a problem."""

    text: str
    structured: Mapping[str, Any]
    code: str = OK

    def as_result(self) -> dict[str, Any]:
        """The members of a CallToolResult."""
        return {
            "content": [{"type": "text", "text": self.text}],
            "structuredContent": self.structured,
            "isError": self.code != OK,
        }

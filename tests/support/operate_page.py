"""docs/operate.md as tests read it: its headings, its runbooks, its commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache

from tests.support.stack import PROJECT

PAGE = PROJECT / "docs/operate.md"
_RUNBOOKS = "Runbooks"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; a runbook is one of the third level below "Runbooks"."""

    text: str
    anchor: str
    is_runbook: bool


def anchor_of(text: str) -> str:
    """As GitHub makes it: lower case, what is no letter, digit, space or hyphen left out, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


@cache
def headings() -> tuple[Heading, ...]:
    found, below = [], ""
    for mark, text in re.findall(r"^(#{2,3}) (.+)$", PAGE.read_text(), re.MULTILINE):
        below = text if mark == "##" else below
        found.append(Heading(text, anchor_of(text), mark == "###" and below.startswith(_RUNBOOKS)))
    return tuple(found)


def sections() -> dict[str, str]:
    """The text of each runbook by its anchor."""
    parts = re.split(r"^#{2,3} (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    wanted = {heading.anchor for heading in headings() if heading.is_runbook}
    return {anchor_of(t): body for t, body in zip(parts[1::2], parts[2::2], strict=True) if anchor_of(t) in wanted}


def alarm_anchors(description: str) -> list[str]:
    return re.findall(r"docs/operate\.md#([\w-]+)", " ".join(description.split()))


def shell_blocks() -> list[str]:
    """The page's shell; a line that ends in a backslash goes on."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [block.replace("\\\n", " ") for block in blocks]


def commands() -> list[list[str]]:
    """The words of each command in the page's shell blocks."""
    lines = [line for block in shell_blocks() for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip() and not line.startswith("#")]

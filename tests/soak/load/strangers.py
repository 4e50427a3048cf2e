"""Finds in an answer what belongs to somebody else: ids, tokens and tags that another agent or task was given."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

# Task ids and commands' ids are nobody else's; a token of a masked value is no other task's.
_IDS = re.compile(r"(?<![0-9a-f-])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f-])")
_TOKENS = re.compile(r"\btok_[0-9a-f]{16}\b")
_TAGS = re.compile(r"\bagent-[0-9]+\b")


@dataclass
class Strangers:
    """Whose each id is: his who was shown it first. The second to be shown it is told somebody else's."""

    _owners: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrong(self, text: str, *, agent: str, task: str | None) -> Iterator[str]:
        """What in an answer's text to this agent, about this task, is not its own."""
        for tag in sorted(set(_TAGS.findall(text)) - {agent}):
            yield f"cross-talk: expected nothing of {tag} in an answer to {agent}"
        for found in sorted(set(_IDS.findall(text))):
            if (owner := self._first(found, agent)) != agent:
                yield f"cross-talk: expected {found} to be {owner}'s alone, and {agent} was shown it too"
        for found in sorted(set(_TOKENS.findall(text))):
            if (owner := self._first(found, str(task))) != str(task):
                yield f"cross-talk: expected {found} in task {owner} alone, got it in task {task} too"

    def _first(self, found: str, who: str) -> str:
        with self._lock:
            return self._owners.setdefault(found, who)

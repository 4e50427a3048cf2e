"""What a walk over one statement's tree has found so far, and the rules that it goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from postern.guard.lists import Lists
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names

_MOVED = "puts values under another name: masks go by columns, so a masked value may come to stand in an open one"


@dataclass(slots=True)
class Findings:
    """Filled by the rules while the tree is walked; read when the walk is done without an objection."""

    lists: Lists
    rules: Mapping[str, Rule]  # by the name of the node; bodies inside of a statement go by the same
    depth: int = 0  # of function bodies and dynamic SQL inside each other
    tables: set[str] = field(default_factory=set)
    effects: dict[str, None] = field(default_factory=dict)  # sentences, in the order in which they were found
    calls: set[str] = field(default_factory=set)  # the application's own functions
    writes: bool = False
    options: set[int] = field(default_factory=set)  # nodes, by identity, that the rule of their statement has checked

    def note_moved(self) -> None:
        """Tells that values get under another name."""
        self.note(_MOVED)

    def note(self, sentence: str) -> None:
        """Adds a sentence for the approver, once."""
        self.effects.setdefault(sentence)

    def inner(self) -> Findings:
        """Findings for a statement inside a function's body: it runs later, and by others."""
        return Findings(self.lists, self.rules, self.depth + 1)


Rule = Callable[[Findings, Node, Names], Objection | None]

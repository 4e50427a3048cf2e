"""Masks and tokens may not be written back: they would take the place of the values that they hide.

A value is refused that looks like a mask (constants in the statement, and parameters), and one that is made of a
masked column. Predicates may use masks as they like: what is found by them is not what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from postern.guard.lineage import Value
from postern.guard.scope import Scope
from postern.guard.verdict import Objection

# What detectors leave, in answers of tasks without masks too, and tokens, by what each is called in a reason.
_UNMISTAKABLE = {
    "a redacted value": re.compile(r"\[detected:[a-z0-9_.-]+\]"),
    "a token": re.compile(r"(?<![A-Za-z0-9_])tok_[0-9a-f]{16}(?![0-9A-Za-z])"),
}
# What other masks leave. It may be anybody's own text, so it is one only where something is masked.
_MARKERS = {
    "a redacted value": re.compile(r"\[redacted\]"),
    "a masked e-mail address": re.compile(r"[^\s@]\*\*\*@[^\s@]\*\*\*\.[A-Za-z]{2,10}"),
}
# A partial mask: what was kept, and three asterisks. Longer texts use asterisks for other ends.
_PARTIAL = re.compile(r"[^*]*\*\*\*[^*]*", re.DOTALL)
_PARTIAL_CHARACTERS = 80


def marker_in(text: str, scope: Scope) -> str | None:
    """What a text looks like, such as "a token", where it holds something that only a mask writes."""
    markers = [*_UNMISTAKABLE.items(), *_MARKERS.items()] if scope.masks else _UNMISTAKABLE.items()
    for what, pattern in markers:
        if pattern.search(text):
            return what
    if scope.masks and len(text) <= _PARTIAL_CHARACTERS and _PARTIAL.fullmatch(text):
        return "a partly masked value"
    return None


def objection_to_values(texts: Iterable[str | None], scope: Scope) -> Objection | None:
    """The refusal of a writing statement's parameters, where one looks like a mask; None stands for NULL."""
    for number, text in enumerate(texts, 1):
        if text is not None and (what := marker_in(text, scope)):
            return _objection(f"parameter ${number}: expected a value to write, got what looks like {what}")
    return None


def objection_to_written(value: Value, scope: Scope) -> Objection | None:
    """The refusal of a value that would be written and is made of a mask."""
    if value.marker:
        return _objection(f"constant: expected a value to write, got what looks like {value.marker}")
    for schema, table, column in sorted(value.origins):
        if column in scope.by_name[schema, table].masked:
            return _objection(f"value: made of {schema}.{table}.{column}, which is masked for this task")
    return None


def _objection(what: str) -> Objection:
    return Objection("guard.write_back", f"{what}; a mask may not be written back: leave the column out")

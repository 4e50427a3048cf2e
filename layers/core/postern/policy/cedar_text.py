"""Cedar policy files cut into single policies that know their file and line.

Cedar reports neither file nor line. A file is cut at each `;` outside strings and comments, and each piece
must parse as exactly one policy: where this cut and Cedar's own grammar disagree, loading fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import cedarpy

from postern.errors import PolicyFileError
from postern.policy.entities import Entity

# Cedar's tokens, as far as they can hide a `;`: its comments end at either line break character. A string that is
# not closed runs to the end of the file, in one step: never tried again from each quote inside it.
_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*+(?:"|\\?\Z))|(?P<comment>//[^\n\r]*)|(?P<end>;)', re.DOTALL)
# The product's schema has one namespace, so its prefix may be left out: `Action::"select"` can mean nothing else.
_TYPES = "Principal|Group|Database|Schema|Table|Class|Action"
_BARE_TYPE = re.compile(rf"(?<![\w:])(?:{_TYPES})(?=\s*::\s*$)|(?<=\bis )(?:{_TYPES})\b(?!\s*::)")
# Cedar's parser recurses without a bound of its own, and a stack that overflows takes the process with it: measured,
# it holds for 300 brackets and 1,000 operators. What nests beyond 100 levels it refuses by itself.
_MAX_BRACKETS = 100
_MAX_OPERATORS = 500
_OPERATOR = re.compile(r"&&|\|\||[-+*.!]|\bif\b")


@dataclass(frozen=True, slots=True)
class CedarPolicy:
    """One policy as text with every type's namespace written out; `line` is the first line of it that is no comment."""

    text: str
    file: str
    line: int
    id: str  # its @id annotation, or `file:line`
    names: tuple[Entity, ...]  # each entity that it names, sorted

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def wrong(self, detail: str) -> PolicyFileError:
        """The error to raise about this policy."""
        return PolicyFileError(self.file, self.line, detail)


def split_policies(text: bytes, *, file: str) -> tuple[CedarPolicy, ...]:
    """The file's policies in order; none where it holds only comments. Raises `PolicyFileError`."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise PolicyFileError(file, line, "encoding: expected UTF-8, got other bytes") from error
    return tuple(_parse(piece, file=file, line=line) for piece, line in _pieces(decoded))


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """Each policy's text without comments, and the line it starts on; last, what follows the last `;` if not blank."""
    parts: list[str] = []
    line, start = 1, None
    for segment, kind in _segments(text):
        if start is None and kind != "comment" and segment.strip():
            start = line + segment[: len(segment) - len(segment.lstrip())].count("\n")
        if kind != "comment":
            parts.append(_BARE_TYPE.sub(r"Postern::\g<0>", segment) if kind == "code" else segment)
        line += segment.count("\n")
        if kind == "end":
            yield "".join(parts), start or line
            parts, start = [], None
    if start is not None:
        yield "".join(parts), start


def _segments(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    for match in _TOKEN.finditer(text):
        yield text[place : match.start()], "code"
        yield match.group(), str(match.lastgroup)
        place = match.end()
    yield text[place:], "code"


def _parse(text: str, *, file: str, line: int) -> CedarPolicy:
    if _is_too_deep(_TOKEN.sub("", text)):
        raise PolicyFileError(file, line, "expected a simple policy, got one that nests too deeply; make several of it")
    try:
        tree = cedarpy.policies_to_pst(text)
    except ValueError as error:
        detail = f"expected a Cedar policy that ends in `;`, got: {error}"
        raise PolicyFileError(file, line, detail) from error
    if tree.templates:
        raise PolicyFileError(file, line, "expected a policy without `?principal` and `?resource`, got a template")
    if len(tree.static_policies) != 1:
        raise PolicyFileError(file, line, f"expected one policy up to `;`, got {len(tree.static_policies)}")
    (policy,) = tree.static_policies.values()
    name = policy.annotations.get("id", f"{file}:{line}")  # two unnamed policies on one line share it
    if not name:
        raise PolicyFileError(file, line, "@id: expected a name, got an empty one")
    names = sorted(Entity(uid.type.basename, uid.id) for uid in cedarpy.pst.entity_uids(policy))
    return CedarPolicy(text, file, line, name, tuple(names))


def _is_too_deep(code: str) -> bool:
    depth = deepest = 0
    for character in code:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest > _MAX_BRACKETS or len(_OPERATOR.findall(code)) > _MAX_OPERATORS

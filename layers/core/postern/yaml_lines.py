"""A YAML document whose every node knows its line, read so strictly that two readers cannot disagree about it.

What is read is what JSON could say, in YAML's clothes: mappings with text keys, lists, text, integers,
booleans and null. Refused, each with file and line:

    a name twice in one mapping, anchors, aliases, merge keys, tags, directives, a second document
    plain scalars that YAML 1.1 and 1.2 read differently or as something else: `yes`, `0x1f`, `1.5`,
    `12:30`, `2026-01-01`, `~`: quote them to mean text
    nesting over 32 levels, files over 4 MiB, anything but UTF-8

Callers walk the tree with the accessors, which raise `PolicyFileError` where a node is of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import yaml

from postern.errors import PolicyFileError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32

Value = dict[str, "Node"] | list["Node"] | str | int | bool | None
_T = TypeVar("_T")

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
# What YAML 1.2's core schema reads as a number though PyYAML, a YAML 1.1 reader, sees text.
_NUMBER_ELSEWHERE = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
_TEXT_TAG = "tag:yaml.org,2002:str"
_resolver = yaml.resolver.Resolver()
# libyaml's parser is some ten times faster; a wheel without it reads the same documents more slowly.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document. Inside a mapping, `line` is the line of its name."""

    value: Value
    line: int  # 1-based
    file: str
    path: str  # from the document's root: `issuers[0].leeway_s`; empty for the root

    def wrong(self, detail: str) -> PolicyFileError:
        """The error to raise about this node: `file:line: path: detail`."""
        return PolicyFileError(self.file, self.line, f"{self.path}: {detail}" if self.path else detail)

    def mapping(self) -> Mapping[str, Node]:
        return self._as(dict, "a mapping")

    def sequence(self) -> Sequence[Node]:
        return self._as(list, "a list")

    def text(self) -> str:
        """Non-empty text."""
        value = self._as(str, "text")
        if not value:
            raise self.wrong("expected text, got an empty string")
        return value

    def integer(self, *, at_least: int | None = None, at_most: int | None = None) -> int:
        if isinstance(self.value, bool):
            raise self.wrong(f"expected an integer, got {self._kind()}")
        value = self._as(int, "an integer")
        if (at_least is not None and value < at_least) or (at_most is not None and value > at_most):
            raise self.wrong(f"expected an integer {_bounds(at_least, at_most)}, got {value}")
        return value

    def boolean(self) -> bool:
        return self._as(bool, "true or false")

    def only(self, allowed: Iterable[str]) -> Mapping[str, Node]:
        """The mapping, when it has no other names than the allowed ones."""
        known = sorted(allowed)
        for name, node in self.mapping().items():
            if name not in known:
                raise node.wrong(f"unknown field; expected one of {', '.join(known)}")
        return self.mapping()

    def required(self, name: str) -> Node:
        """The mapping's entry of that name, which must be there."""
        node = self.mapping().get(name)
        if node is None:
            raise self.wrong(f"expected a field `{name}`, got none")
        return node

    def optional(self, name: str) -> Node | None:
        """The mapping's entry of that name; None where it is absent."""
        return self.mapping().get(name)

    def _as(self, kind: type[_T], expected: str) -> _T:
        if not isinstance(self.value, kind):
            raise self.wrong(f"expected {expected}, got {self._kind()}")
        return self.value

    def _kind(self) -> str:
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case str():
                return f"the text {self.value[:40]!r}"
            case None:
                return "nothing"
            case _:
                return str(self.value).lower()


def _bounds(at_least: int | None, at_most: int | None) -> str:
    if at_least is None:
        return f"up to {at_most}"
    return f"from {at_least} up" if at_most is None else f"from {at_least} to {at_most}"


def load_lines(text: bytes, file: str) -> Node:
    """The one document in `text`. Raises `PolicyFileError` naming `file` and the line that is wrong."""
    if len(text) > MAX_BYTES:
        raise PolicyFileError(file, None, f"size: expected at most {MAX_BYTES} bytes, got {len(text)}")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise PolicyFileError(file, line, "encoding: expected UTF-8, got other bytes") from error
    reader = _Reader(decoded, file)
    try:
        return reader.document()
    except yaml.YAMLError as error:
        raise PolicyFileError(file, *_syntax(error)) from error


def _syntax(error: yaml.YAMLError) -> tuple[int | None, str]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    return (None if mark is None else mark.line + 1), f"expected YAML, got an error: {problem}"


class _Reader:
    """Turns the parser's events into nodes. Events and not `compose`, since an alias is invisible after it."""

    def __init__(self, text: str, file: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_Loader)
        self._file = file

    def document(self) -> Node:
        next(self._events)  # the stream's start
        start = next(self._events)
        if not isinstance(start, yaml.DocumentStartEvent):
            raise PolicyFileError(self._file, 1, "expected a document, got an empty file")
        if start.version or start.tags:
            raise self._refuse(start, "directives are not allowed")
        root = self._node(next(self._events), path="", depth=0)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after, "expected one document, got a second")
        return root

    def _node(self, event: yaml.Event, *, path: str, depth: int, line: int | None = None) -> Node:
        # An alias is a node event that is neither a scalar nor a collection.
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) or event.anchor is not None:
            raise self._refuse(event, "anchors and aliases are not allowed; write the value out")
        if event.tag is not None:
            raise self._refuse(event, "tags are not allowed")
        if depth > MAX_DEPTH:
            raise self._refuse(event, f"expected at most {MAX_DEPTH} levels, got more")
        value: Value
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(path, depth)
        else:
            value = self._sequence(path, depth)
        return Node(value, line or _line(event), self._file, path)

    def _mapping(self, path: str, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._node(event, path=path, depth=depth + 1)
            if not isinstance(name.value, str) or not name.value:
                raise name.wrong("expected a text as a field's name; quote it")
            if name.value in entries:
                raise name.wrong(f"`{name.value}` is here twice; first on line {entries[name.value].line}")
            inner = f"{path}.{name.value}" if path else name.value
            entries[name.value] = self._node(next(self._events), path=inner, depth=depth + 1, line=name.line)
        return entries

    def _sequence(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, path=f"{path}[{len(items)}]", depth=depth + 1))
        return items

    def _scalar(self, event: yaml.ScalarEvent) -> Value:
        text = str(event.value)
        if event.style:  # quoted, literal or folded: text whatever it looks like
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        tag = _resolver.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if tag != _TEXT_TAG or _NUMBER_ELSEWHERE.fullmatch(text):
            raise self._refuse(event, f"`{text[:40]}` is not plain text to every YAML reader; quote it to mean text")
        return text

    def _refuse(self, event: yaml.Event, detail: str) -> PolicyFileError:
        return PolicyFileError(self._file, _line(event), detail)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1

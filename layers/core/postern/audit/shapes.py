"""Records of a shape that was read before: the same names, nesting and lengths of arrays, and other values.

A canonical record is its shape with values put in, and whether it is canonical, deep or sound is a matter of the shape
alone, as long as each value is of the kind that stood there, in the one form that a value has. So a shape is written
down as one expression, made from a record that was read the exact way; bytes that it matches as a whole have one
reading, the one that the exact way gives. Whatever it does not match says nothing: the exact way decides. What is kept
is how to read, never anything that was read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from postern.audit.canonical import MAX_RECORD_BYTES
from postern.audit.chain import WORD
from postern.audit.records import RecordType

_MOST_SIGNS = 1024  # quotes and commas: a record with more has long arrays, of which hardly two are alike
_MOST_SHAPES = 256  # an expression takes some milliseconds to make and some ten kilobytes
_MOST_ALIKE = 8  # shapes with as many quotes: they are tried in turn
_WORTH = 8  # records with as many quotes that no shape fits, before one is made
_WORTH_ANOTHER = 64  # the same, where one that is kept has to go for it, or the last that was made fitted nothing
_MOST_CHARACTERS = 16_000  # of an expression: what is longer has names that no writer of ours gives

_PLAIN = r"[ !#-\[\]-~]*+"  # ASCII that stands for itself
_SIGNS = r'[^"\\\x00-\x1f]*+'
# RFC 8785 section 3.2.2.2: what must be escaped is, in the shortest way that there is, and nothing else is.
_TEXT = rf'{_SIGNS}(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f])){_SIGNS})*+'
_NUMBER = "(?:0|-?[1-9][0-9]{0,14}+)"  # below the bound of `canonical`
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
_HEX64 = "[0-9a-f]{64}"

_Path = tuple[str, ...]
_Forms = Mapping[_Path, tuple[str, str]]
# What is taken out of a record: where it stands, its name here, and the form that `stored` asks of it.
_ENVELOPE: _Forms = {
    ("code", "function"): ("function", _PLAIN),
    ("code", "version"): ("version", _PLAIN),
    ("deployment",): ("deployment", _PLAIN),
    ("id",): ("id", _PLAIN),
    ("kind",): ("kind", WORD.pattern),
    ("log",): ("log", _PLAIN),
    ("time",): ("time", _TIME),
    ("v",): ("v", "1"),
    ("writer", "env"): ("env", "[0-9a-f]{32}"),
    ("writer", "prev"): ("prev", _HEX64),
}
_OWN: Mapping[RecordType, _Forms] = {
    RecordType.INTENT: {("decision", "result"): ("result", "allow|refuse")},
    RecordType.OUTCOME: {("intent",): ("names", _HEX64), ("status",): ("status", "[a-z][a-z_]{0,39}")},
    RecordType.SETTLED: {("outcome",): ("names", _HEX64), ("status",): ("status", "committed|rolled_back|unknown")},
    RecordType.EVENT: {},
}


class Shapes:
    """Shapes of records, learned as they come: at most so many."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[re.Pattern[str], ...]] = {}  # by their quotes, the last that fitted first
        self._missed: Counter[int] = Counter()

    def match(self, data: bytes) -> re.Match[str] | None:
        """What a known shape finds in these bytes; None where only the exact way can tell what they are."""
        quotes = _quotes(data)
        alike = self._known.get(quotes)
        if alike is None or len(data) > MAX_RECORD_BYTES:
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return None
        for shape in alike:
            found = shape.fullmatch(text)
            if found is not None:
                if shape is not alike[0]:
                    self._known[quotes] = (shape, *(one for one in alike if one is not shape))
                return found
        return None

    def learn(self, members: Mapping[str, object], data: bytes, type_: RecordType, *, is_first: bool) -> None:
        """Keeps the shape of a record that has its form and names no blob, where such records come often."""
        quotes = _quotes(data)
        if quotes + data.count(b",") > _MOST_SIGNS:
            return
        self._missed[quotes] += 1
        alike = self._known.get(quotes, ())
        has_room = len(alike) < _MOST_ALIKE and not self._is_full()
        if self._missed[quotes] < (_WORTH if has_room else _WORTH_ANOTHER):
            return
        self._missed[quotes] = 0
        expression = _expression(members, (), _forms(type_, is_first=is_first))
        shape = re.compile(expression) if len(expression) <= _MOST_CHARACTERS else None
        # One that is taken out in part escaped, or names in another order than that of their code points, fit nothing.
        if shape is None or shape.fullmatch(data.decode("utf-8")) is None:
            self._missed[quotes] = _WORTH - _WORTH_ANOTHER
            return
        if not has_room:
            self._drop_one(quotes)
        self._known[quotes] = (shape, *self._known.get(quotes, ()))

    def _is_full(self) -> bool:
        return sum(map(len, self._known.values())) >= _MOST_SHAPES

    def _drop_one(self, quotes: int) -> None:
        """The one of as many quotes that has fitted nothing for longest; where there is none, one of others."""
        among = quotes if quotes in self._known else next(iter(self._known))
        left = self._known.pop(among)[:-1]
        if left:
            self._known[among] = left


def _quotes(data: bytes) -> int:
    """As many as a shape has; where a text ends with a backslash it is another number, and the exact way's."""
    return data.count(b'"') - data.count(b'\\"')


def _forms(type_: RecordType, *, is_first: bool) -> _Forms:
    """What is taken of a record of this type; the first of a chain is numbered 0 and names none before it."""
    number = "0" if is_first else "[1-9][0-9]{0,14}"
    return {**_ENVELOPE, **_OWN[type_], ("type",): ("type", type_.value), ("writer", "n"): ("n", number)}


def _expression(value: object, path: _Path, forms: _Forms) -> str:
    if isinstance(value, Mapping):
        members = [f'"{re.escape(name)}":{_expression(value[name], (*path, name), forms)}' for name in sorted(value)]
        return rf"\{{{','.join(members)}\}}"
    if isinstance(value, list):
        return rf"\[{','.join(_expression(one, (*path, ''), forms) for one in value)}\]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "(?:true|false)"
    name, form = forms.get(path, ("", ""))
    if isinstance(value, str):
        return f'"(?P<{name}>{form})"' if name else f'"{_TEXT}"'
    return f"(?P<{name}>{form})" if name else _NUMBER

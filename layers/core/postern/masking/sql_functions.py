"""What a `sql` mask is made of: kinds of values, families of columns, and the functions that may be called.

The functions are PostgreSQL's own and immutable, read no setting, and fail for no argument that they take here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from postern.masking.column_types import ColumnType

_TEXT_BASES = frozenset({"bool", "uuid", "enum"})  # whose text no setting changes


class Family(Enum):
    """Columns that `value` can stand for, by what may be done with it."""

    TEXT = auto()
    NUMBER = auto()
    DATE = auto()

    @classmethod
    def of(cls, column_type: ColumnType) -> Family | None:
        if column_type.is_text or column_type.base in _TEXT_BASES:
            return cls.TEXT
        if column_type.is_number:
            return cls.NUMBER
        return cls.DATE if column_type.is_date else None


class Kind(Enum):
    """What an expression gives."""

    VALUE = auto()  # the column's own
    TEXT = auto()
    NUMBER = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    TIME = auto()
    NULL = auto()


class Takes(Enum):
    """What a function takes in one place: an expression of a kind, or a constant that was looked at."""

    TEXT = auto()
    NUMBER = auto()
    TIME = auto()
    PART = auto()  # constant text
    PATTERN = auto()  # constant text, a plain pattern
    FLAGS = auto()  # of a replacement
    UNIT = auto()  # to which a day is cut
    FIELD = auto()  # of a day
    PLACE = auto()  # a constant from 1
    LENGTH = auto()  # a constant from 0


EXPRESSIONS = {Takes.TEXT: Kind.TEXT, Takes.NUMBER: Kind.NUMBER, Takes.TIME: Kind.TIME}
_UNITS = frozenset({"year", "quarter", "month", "week", "day"})  # a decade could begin before a timestamp can
WORDS = {
    Takes.FLAGS: frozenset({"g", "i", "gi", "ig"}),
    Takes.UNIT: _UNITS,
    Takes.FIELD: _UNITS | {"century", "decade", "isoyear", "dow", "isodow", "doy", "hour"},
}
LEAST = {Takes.PLACE: 1, Takes.LENGTH: 0}


@dataclass(frozen=True, slots=True)
class Function:
    """A function by what it gives and takes; arguments in `more` may be left out."""

    gives: Kind
    takes: tuple[Takes, ...]
    more: tuple[Takes, ...] = ()


_TEXT = (Takes.TEXT,)
FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys(("lower", "upper", "initcap", "reverse"), Function(Kind.TEXT, _TEXT)),
    **dict.fromkeys(("char_length", "length", "octet_length"), Function(Kind.INTEGER, _TEXT)),
    **dict.fromkeys(("left", "right"), Function(Kind.TEXT, (*_TEXT, Takes.LENGTH))),
    **dict.fromkeys(("btrim", "ltrim", "rtrim"), Function(Kind.TEXT, _TEXT, (Takes.PART,))),
    **dict.fromkeys(("substr", "substring"), Function(Kind.TEXT, (*_TEXT, Takes.PLACE), (Takes.LENGTH,))),
    **dict.fromkeys(("replace", "translate"), Function(Kind.TEXT, (*_TEXT, Takes.PART, Takes.PART))),
    "split_part": Function(Kind.TEXT, (*_TEXT, Takes.PART, Takes.PLACE)),
    "regexp_replace": Function(Kind.TEXT, (*_TEXT, Takes.PATTERN, Takes.PART), (Takes.FLAGS,)),
    **dict.fromkeys(("strpos", "position"), Function(Kind.INTEGER, (*_TEXT, Takes.PART))),
    "starts_with": Function(Kind.BOOLEAN, (*_TEXT, Takes.PART)),
    **dict.fromkeys(("abs", "ceil", "ceiling", "floor", "sign"), Function(Kind.NUMBER, (Takes.NUMBER,))),
    **dict.fromkeys(("round", "trunc"), Function(Kind.NUMBER, (Takes.NUMBER,), (Takes.LENGTH,))),
    "date_trunc": Function(Kind.TIME, (Takes.UNIT, Takes.TIME)),
    "extract": Function(Kind.NUMBER, (Takes.FIELD, Takes.TIME)),
}
GROWING = frozenset({"replace", "regexp_replace"})  # whose third argument can make the text longer

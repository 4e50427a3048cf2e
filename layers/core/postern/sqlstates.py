"""What a database error may tell the agent: its condition, its place, names of the statement's own; never a value.

PostgreSQL writes values into messages (`invalid input syntax for type integer: "bob@x.com"`), and DETAIL,
HINT, CONTEXT and notices hold whole rows. So nothing passes because it looks harmless. What passes is:

1. the name of the condition, from Appendix A of PostgreSQL's documentation;
2. a message that matches a pattern of `_VALUE_FREE` whole, cut to the part that cannot hold a value, if one of the
   server's own source files raised it: RAISE in a function can imitate a text, but not where it comes from;
3. the parser's own message: from one of the parser's source files, SQLSTATE class 42 or 0A, with a position in the
   statement and no internal query. The parser runs before any row is read, and only it sets that field, so such a
   message can name columns, types and functions and nothing else;
4. a hint of `_HINTS`, under the condition of 3;
5. the column that a violated NOT NULL names, if the statement names it too.

A SQLSTATE that PostgreSQL does not know is dropped too: five characters of a function's own choice could be data.
What stays open is which of PostgreSQL's own conditions a function of the database chooses to raise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from postern.errors import DatabaseLost, DatabaseUnavailable, PosternError, StatementFailed
from postern.sqlstate_conditions import CONDITIONS

MAX_DETAIL_CHARACTERS = 400  # a syntax error quotes the token at fault, and a token can be as long as a statement

_TYPES = (
    r"(?:smallint|integer|bigint|numeric|real|double precision|money|boolean|date|uuid|jsonb?|bytea|inet|cidr|oid|name"
    r"|text|character(?: varying)?|bit(?: varying)?|\"char\"|interval|macaddr8?|point|line|lseg|box|path|polygon|circle"
    r"|timestamp(?: with(?:out)? time zone)?|time(?: with(?:out)? time zone)?|tsvector|tsquery|jsonpath|pg_lsn|xid8?)"
)
_MODIFIER = r"(?:\(\d+(?:,\d+)?\))?"

# The patterns of this module are compiled when a statement fails: a cold start that answers has no use for them.

# (SQLSTATE class or state, pattern of the whole message); the named part is what the agent is told.
_VALUE_FREE: tuple[tuple[str, str], ...] = (
    ("22", rf"(?P<kept>invalid input syntax for type {_TYPES})(?:: .*)?"),
    ("22", rf"(?P<kept>{_TYPES} out of range)(?:: .*)?"),
    ("22003", r"(?P<kept>numeric field overflow|value overflows numeric format)"),
    ("22003", rf'(?P<kept>value )".*" (?P<kept2>is out of range for type {_TYPES})'),
    ("22008", r"(?P<kept>date/time field value out of range)(?:: .*)?"),
    ("22P02", r"(?P<kept>malformed (?:array|range|multirange|record) literal)(?:: .*)?"),
    ("22001", rf"(?P<kept>value too long for type {_TYPES}{_MODIFIER})"),
    ("2201B", r"(?P<kept>invalid regular expression)(?:: .*)?"),
    ("2201E", r"(?P<kept>cannot take logarithm of (?:zero|a negative number))"),
    ("2201F", r"(?P<kept>cannot take square root of a negative number)"),
    ("2201W", r"(?P<kept>LIMIT must not be negative)"),
    ("2201X", r"(?P<kept>OFFSET must not be negative)"),
    ("22011", r"(?P<kept>negative substring length not allowed)"),
    ("22023", r"(?P<kept>step size cannot equal zero|cannot extract elements from (?:an object|a scalar))"),
    ("22023", rf'(?P<kept>unit )".*" (?P<kept2>not (?:recognized|supported) for type {_TYPES})'),
    ("22P02", r"(?P<kept>invalid input value for enum [a-z_][a-z0-9_]{0,62}): .*"),
    ("21000", r"(?P<kept>more than one row returned by a subquery used as an expression)"),
    ("25006", r"(?P<kept>cannot execute [A-Z ]{3,40} in a read-only transaction)"),
    ("42601", r"(?P<kept>cannot insert multiple commands into a prepared statement)"),
    ("42P18", r"(?P<kept>could not determine data type of parameter \$\d{1,5})"),
    ("08P01", r"(?P<kept>bind message supplies \d{1,5} parameters), but prepared statement .*"),
)

# Where the messages of `_VALUE_FREE` are raised; the fields that say so (F, R) are no function's to choose.
_SERVER_FILES = (
    r"(?:arrayfuncs|bool|cash|date|datetime|enum|float|geo_ops|int8?|json|jsonfuncs|jsonpath_exec|mac8?"
    r"|multirangetypes|network|nodeLimit|nodeSubplan|numeric|numutils|oid|pg_lsn|postgres|rangetypes|regexp"
    r"|rowtypes|timestamp|utility|uuid|varbit|varchar|varlena|xid)\.c"
)
_PARSER_FILES = r"(?:parse_[a-z]+|analyze|parser)\.c|scan\.l|gram\.y"

_HINTS = (
    r'Perhaps you meant to reference the column "[^"]{1,140}"(?: or the column "[^"]{1,140}")?\.'
    r'|Perhaps you meant to reference the table alias "[^"]{1,70}"\.'
    r"|No (?:function|operator|aggregate|procedure) matches the given (?:name and argument types?|name)\. "
    r"You might need to add explicit type casts\."
    r"|There is an entry for table \"[^\"]{1,70}\", but it cannot be referenced from this part of the query\."
)

# What to do, where the condition alone does not say it.
_ADVICE = {
    "42501": "The statement reaches outside this task's scope. The task's schema lists what it holds.",
    "25006": "The statement writes, and it was taken for one that only reads.",
    "42803": "A task's tables are views: where their key does not tell, name every column in GROUP BY.",
    "40001": "Another transaction was in the way. Send it again.",
    "40P01": "Another transaction was in the way. Send it again.",
    "55P03": "A lock could not be had in time. Send it again.",
    "53400": "The statement needs more temporary space than it may use. Ask for less, or add a predicate.",
}

_UNKNOWN = "XX000"


def sanitise(fields: Mapping[str, str], sql: str) -> PosternError:
    """The error to raise for an ErrorResponse of the database; nothing in it can be a value of a row.

    `fields` are the message's fields by their one-letter codes (PostgreSQL protocol, section 55.8); `sql` is the
    statement that ran. Gives `StatementFailed`, `DatabaseLost` where the session is gone, and
    `DatabaseUnavailable` where the server has no room.
    """
    sqlstate = fields.get("C", "")
    if sqlstate not in CONDITIONS:
        sqlstate = _UNKNOWN
    if sqlstate == "57014":
        return StatementFailed(
            "database.timeout", "The statement was stopped. Ask for less, or add a predicate.", sqlstate=sqlstate
        )
    if sqlstate[:2] == "53" and sqlstate != "53400":
        detail = f"The database has no room left ({CONDITIONS[sqlstate].replace('_', ' ')}). Try again later."
        return DatabaseUnavailable("database.unavailable", detail)
    if _session_is_gone(fields, sqlstate):
        condition = CONDITIONS[sqlstate].replace("_", " ")
        return DatabaseLost("database.lost", f"The database ended the session ({condition}). Send it again.")
    return StatementFailed(
        "sql.failed", _detail(fields, sqlstate, sql), sqlstate=sqlstate, position=_position(fields, len(sql))
    )


def at_position(error: StatementFailed, position: int | None) -> StatementFailed:
    """The same error, pointing elsewhere: at the place in the text as asked, where another text ran."""
    return StatementFailed(
        error.code, error.detail, sqlstate=error.sqlstate, position=position, command_id=error.command_id
    )


def _session_is_gone(fields: Mapping[str, str], sqlstate: str) -> bool:
    severity = fields.get("V", fields.get("S", ""))
    lost_class = sqlstate[:2] == "08" and sqlstate != "08P01"
    return severity in ("FATAL", "PANIC") or lost_class or sqlstate[:3] == "57P"


def _detail(fields: Mapping[str, str], sqlstate: str, sql: str) -> str:
    condition = CONDITIONS[sqlstate].replace("_", " ")
    parts = [condition]
    message = fields.get("M", "")
    from_parser = _is_from_parser(fields, sqlstate)
    kept = message if from_parser else _value_free_part(fields, sqlstate) or _missing_column(fields, sqlstate, sql)
    if kept and kept != condition:
        parts = [f"{condition}: {_printable(kept)}"]
    if from_parser and re.fullmatch(_HINTS, fields.get("H", "")):
        parts.append(_printable(fields["H"]))
    if sqlstate in _ADVICE:
        parts.append(_ADVICE[sqlstate])
    return ". ".join(part.rstrip(".") for part in parts)


def _is_from_parser(fields: Mapping[str, str], sqlstate: str) -> bool:
    """Whether the message was written before any row was read; see rule 3 of the module."""
    states = sqlstate[:2] in ("42", "0A") and sqlstate != "42501"
    of_statement = "P" in fields and not {"p", "q"} & fields.keys()
    return states and of_statement and re.fullmatch(_PARSER_FILES, fields.get("F", "")) is not None


def _value_free_part(fields: Mapping[str, str], sqlstate: str) -> str | None:
    if not re.fullmatch(_SERVER_FILES, fields.get("F", "")):
        return None
    for state, pattern in _VALUE_FREE:
        if sqlstate.startswith(state) and (match := re.fullmatch(pattern, fields.get("M", ""), re.DOTALL)):
            return "".join(part for part in match.groups() if part)
    return None


def _missing_column(fields: Mapping[str, str], sqlstate: str, sql: str) -> str | None:
    column = fields.get("c", "")
    if sqlstate != "23502" or fields.get("F") != "execMain.c" or not re.search(rf"\b{re.escape(column)}\b", sql):
        return None
    return f'column "{column}" takes no null' if column else None


def _printable(text: str) -> str:
    """One line of bounded length: what is quoted from a statement may hold line breaks and control characters."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= MAX_DETAIL_CHARACTERS else f"{line[: MAX_DETAIL_CHARACTERS - 1]}…"


def _position(fields: Mapping[str, str], sql_characters: int) -> int | None:
    """The 1-based place in the statement, in characters; None where there is none or it is outside."""
    text = fields.get("P", "")
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text):
        return None
    return position if (position := int(text)) <= sql_characters + 1 else None

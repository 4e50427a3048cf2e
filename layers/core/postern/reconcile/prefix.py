"""`log_line_prefix` as a pattern: what a line of the plain log says before its message.

    %t %m %n  time          %u %d  user and database      %p %c  process and session
    %a        application   %l     number in the session  %x     transaction        everything else is skipped

Names of roles and databases are made by administrators, and taken to have no blank. An application name is the client's
own words: a reader must not trust where it ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.audit.canonical import malformed
from postern.reconcile.stamps import STAMP

RDS_DEFAULT = "%t:%r:%u@%d:[%p]:"
# Tried in this order where none is given: RDS's own, what this product's local stack has, Debian's.
KNOWN = (RDS_DEFAULT, "%m [%p] %q%u@%d %a ", "%m [%p] %q%u@%d ")

# A name has at most 63 bytes (NAMEDATALEN), which also bounds how long a line that fits nowhere is tried for.
_ESCAPE = re.compile(r"%(-?[0-9]+)?(.)", re.DOTALL)
_PARTS = {
    "t": rf"(?P<stamp>{STAMP})",
    "m": rf"(?P<stamp>{STAMP})",
    "n": r"(?P<epoch>[0-9]{1,12}\.[0-9]{3})",
    "u": r"(?P<user>[^ ]{0,63}?)",
    "d": r"(?P<database>[^ ]{0,63}?)",
    "a": r"(?P<application>.{0,63}?)",
    "p": r"(?P<pid>[0-9]+)",
    "c": r"(?P<session>[0-9a-f]+\.[0-9a-f]+)",
    "l": r"(?P<number>[0-9]+)",
    "x": r"(?P<xid>[0-9]+)",
    "r": r"(?:\[local\]|\[unknown\]|[0-9A-Za-z.:%_-]*(?:\([0-9]+\))?)",
    "h": r"(?:\[local\]|\[unknown\]|[0-9A-Za-z.:%_-]*)",
    "L": r"(?:\[local\]|[0-9A-Fa-f.:]*)",
    "b": r"[a-z ]*",
    "i": r"[A-Za-z ()]*",
    "e": r"[0-9A-Z]{5}",
    "s": STAMP,
    "v": r"(?:[0-9]+/[0-9]+)?",
    "P": r"[0-9]*",
    "Q": r"-?[0-9]+",
    "%": "%",
}
_SEVERITIES = "DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC"
_MORE = "DETAIL|HINT|QUERY|CONTEXT|LOCATION|BACKTRACE|STATEMENT"
_REST = rf"(?P<severity>{_SEVERITIES}|{_MORE}):  (?P<message>.*)"
ANY_SEVERITY = re.compile(rf"(?:{_SEVERITIES}|{_MORE}):  ")
_NEEDED = ("user", "pid")


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix that can be read: it tells time, user and process. `pattern` matches a message's whole first line."""

    text: str
    pattern: re.Pattern[str]

    def tells(self, what: str) -> bool:
        return what in self.pattern.groupindex


def parse_prefix(text: str) -> Prefix:
    """The prefix that a server's `log_line_prefix` says.

    Raises `IntegrityError` (`evidence.malformed`) where its lines do not tell which role's session they are about.
    """
    before, mark, after = _split(text)
    pattern = _pattern(before) + (f"(?:{_pattern(after)})?" if mark else "") + _REST
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise malformed("log_line_prefix", "each escape at most once", repr(text)) from error
    names = compiled.groupindex
    if not {"stamp", "epoch"} & names.keys() or not all(name in names for name in _NEEDED):
        raise malformed("log_line_prefix", "a time (%m or %t), %u and %p in it", repr(text))
    return Prefix(text, compiled)


def _split(text: str) -> tuple[str, bool, str]:
    """What stands before `%q` and after it: lines about no session end there."""
    for match in _ESCAPE.finditer(text):
        if match[2] == "q":
            return text[: match.start()], True, text[match.end() :]
    return text, False, ""


def _pattern(text: str) -> str:
    parts, at = [], 0
    for match in _ESCAPE.finditer(text):
        parts.append(re.escape(text[at : match.start()]))
        part = _PARTS.get(match[2], "")  # the server ignores what it does not know, too
        parts.append(rf" *{part} *" if match[1] and part else part)
        at = match.end()
    return "".join(parts) + re.escape(text[at:])

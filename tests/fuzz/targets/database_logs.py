"""A database's own log, which reconciling reads: its lines hold what agents sent."""

from __future__ import annotations

from postern.errors import IntegrityError
from postern.reconcile.entries import UnreadableLog
from postern.reconcile.prefix import KNOWN, parse_prefix
from tests.fuzz.mutation import mutated, mutated_text
from tests.fuzz.target import Target
from tests.support.reconcile import Script, compare

_SCRIPT = Script()
_SCRIPT.say(f"connection authorized: user={_SCRIPT.role} database=shop application_name=postern", after_s=0)
for _number in range(3):
    _SCRIPT.read(f"SELECT 'it''s\n\"quoted\"' AS q{_number}", after_s=10 + _number * 10)
_SCRIPT.say("disconnection: session time: 0:01:00.000", after_s=60)
_FORMS = [_SCRIPT.csvlog(), _SCRIPT.stderr(), _SCRIPT.stderr("{stamp}:10.0.0.1(5):{role}@shop:[77]:")]
_TOKENS = (
    *(b"LOG:  ", b"ERROR:  ", b"STATEMENT:  ", b"\n\t", b'","', b'""', b",,", _SCRIPT.role.encode(), b"@shop", b"[77]"),
    *(
        b'{"events":[',
        b'{"message":"',
        b'{"timestamp":"',
        b'"line_num":1e9',
        b"2026-11-23 04:00:00.000 UTC",
        b"execute <unnamed>:",
    ),
)


def _reconciled(data: bytes) -> None:
    compare(data, _SCRIPT.records.objects)


def _prefix(text: str) -> None:
    parse_prefix(text)


TARGETS = (
    Target("database log", mutated(_FORMS, tokens=_TOKENS), _reconciled, (IntegrityError, UnreadableLog)),
    Target(
        "database log prefix",
        mutated_text(KNOWN, tokens=("%", "%-5u", "%9999999p", "%q", "%%", "(", "[")),
        _prefix,
        (IntegrityError,),
    ),
)

"""A length of time as a person writes it: 90, 90s, 30m, 2h."""

from __future__ import annotations

import re

from postern_cli.stop import Exit, Stop

_FORM = re.compile(r"([1-9][0-9]{0,6})([smh]?)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_duration_s(text: str, option: str) -> int:
    """Seconds. Raises `Stop` (usage) for another form."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise Stop(Exit.USAGE, f"{option}: expected seconds, or as 90s, 30m, 2h, got {text!r}")
    return int(found[1]) * _UNITS_S[found[2]]

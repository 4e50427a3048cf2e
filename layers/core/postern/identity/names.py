"""Which text from a token may become a name that policy, state, records and terminals show."""

from __future__ import annotations

import re

_ISSUER_NAME = re.compile(r"[a-z0-9-]{1,40}")
# Line and bidirectional controls make one name look like another in a log; surrogates cannot be encoded.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def is_plain(value: str, *, max_length: int) -> bool:
    """True for text of 1 to `max_length` characters without control, invisible or surrogate characters."""
    return 0 < len(value) <= max_length and _UNFIT.search(value) is None


def is_issuer_name(value: str) -> bool:
    """True for 1 to 40 of a-z, 0-9 and -. Without `|`, so a principal's id splits at its first one."""
    return _ISSUER_NAME.fullmatch(value) is not None

"""The verifier key that a person gives to a command."""

from __future__ import annotations

from postern.errors import IntegrityError
from postern.tlog.notes import VerifierKey, parse_vkey
from postern.tlog.origins import log_of
from postern_cli.stop import Exit, Stop


def read_vkey(text: str) -> VerifierKey:
    """The log's key. Raises `Stop` (usage) for a text that is none, or the key of another kind of log."""
    try:
        key = parse_vkey(text.strip())
        log_of(key.name)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"--vkey: {error.detail}; an operator tells it, as do the log's own records") from error
    return key

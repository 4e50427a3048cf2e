"""One key of a terminal, without waiting for a line."""

from __future__ import annotations

import os
import sys
import termios
import tty


def read_key() -> str:
    """The next key; nothing at the input's end. The terminal is as it was before, whatever happens."""
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle, termios.TCSADRAIN)  # a key that was pressed early counts
        # All that a key sends, an arrow's three bytes as well, or the rest would count as further keys.
        return os.read(handle, 32).decode("utf-8", "replace")
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)

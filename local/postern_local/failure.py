"""What the local stack says when it cannot start or go on."""

from __future__ import annotations


class StackFailure(Exception):
    """Raised when a part of the local stack cannot do its work. The message is one clear line for a person."""

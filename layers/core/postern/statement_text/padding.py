"""Lengths in steps, so that a length tells little of what was replaced or sealed."""

from __future__ import annotations

from postern.audit.canonical import malformed

STEP_BYTES = 256
_END = b"\x80"  # ISO/IEC 7816-4: this byte, then zeros


def rounded_up(length: int) -> int:
    """The next multiple of 256 bytes; 0 stays 0."""
    return -(-length // STEP_BYTES) * STEP_BYTES


def pad(data: bytes) -> bytes:
    """The data, an end mark, and zeros up to a multiple of 256 bytes."""
    marked = data + _END
    return marked + bytes(rounded_up(len(marked)) - len(marked))


def unpad(padded: bytes) -> bytes:
    """What `pad` was given. Raises `IntegrityError` (`evidence.malformed`) for bytes that it did not give."""
    data, mark, _ = padded.rpartition(_END)
    if not mark or pad(data) != padded:
        raise malformed("sealed text", f"padding to {STEP_BYTES} bytes", "another ending")
    return data

"""UUIDv7, RFC 9562 section 5.7: 48 bits of Unix milliseconds, version, 12 random bits, variant, 62 random bits.

The random bits come from the caller; the time is part of where a record is stored (`audit/keys.py`).
"""

from __future__ import annotations

import re

from postern.audit.canonical import malformed

RANDOM_BYTES = 10  # 80 bits, of which version and variant take six places
MAX_TIME_MS = 2**48 - 1

_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def uuid7(now_us: int, random: bytes) -> str:
    """The UUIDv7 of this time, dashed and in lower case; `random` is 10 bytes that nobody can guess."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"uuid7: expected {RANDOM_BYTES} random bytes, got {len(random)}")
    now_ms = now_us // 1000
    if not 0 <= now_ms <= MAX_TIME_MS:
        raise ValueError(f"uuid7: expected 0 to 2^48-1 milliseconds, got {now_ms}")
    value = now_ms << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid7_time_ms(id_: str) -> int:
    """The time inside a UUIDv7. Raises `IntegrityError` (`evidence.malformed`) where `id_` is not exactly one."""
    if _FORM.fullmatch(id_) is None:
        raise malformed("id", "a UUIDv7, dashed, in lower case", f"{len(id_)} characters of another form")
    return int(id_[:8] + id_[9:13], 16)

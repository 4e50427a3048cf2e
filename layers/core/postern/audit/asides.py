"""What a record is too short for: stored beside it, and named in it by place, digest and length."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.audit.canonical import canonical_bytes
from postern.audit.digests import sha256_hex

INLINE_BYTES = 8 * 1024  # of canonical JSON: five such members fit into a record with room to spare
MAX_ASIDE_BYTES = 16 * 1024 * 1024  # a request's body is at most 1 MB, which JSON's escapes make six times longer


@dataclass(slots=True)
class Asides:
    """The blobs of one record, in the order of their places."""

    blobs: list[bytes] = field(default_factory=list)

    def fit(self, value: object) -> object:
        """The value, or the name of the blob that holds it: text as UTF-8, anything else as canonical JSON."""
        canonical = canonical_bytes(value, max_bytes=MAX_ASIDE_BYTES)
        if len(canonical) <= INLINE_BYTES:
            return value
        data = value.encode() if isinstance(value, str) else canonical
        self.blobs.append(data)
        return {"blob": len(self.blobs) - 1, "sha256": sha256_hex(data), "bytes": len(data)}

"""The member `statement` of an intent: what was asked and what runs, in one of two forms.

Open, the mode `full`: the texts themselves, with the SHA-256 and the length of what was asked.

Closed, the modes `normalized` and `sealed`: texts whose literals were replaced. Nothing that a literal decides stands
there unless under a key: digests of raw text are HMAC-SHA-256 under the record's own digest key, and a length is told
in steps. `sealed` holds the texts as they were, encrypted. A member of one form never has the other's meaning.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from postern.audit.asides import MAX_ASIDE_BYTES, Asides
from postern.audit.canonical import canonical_bytes
from postern.audit.digests import keyed_digest, sha256_hex

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes under a data key of the task: AES-256-GCM, the tag at the ciphertext's end."""

    key_id: str
    nonce: bytes  # 12 bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """What a record shows of a statement in the modes `normalized` and `sealed`.

    The texts are None where the statement does not parse, `ran` also where what was asked is what runs.
    """

    mode: str
    text: str | None
    ran: str | None
    fingerprint: str | None
    at_most_bytes: int  # the length of what was asked, rounded up
    sealed: Sealed | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement as it was asked, the text that runs for it, and its parameters as they are sent.

    `key` is the record's digest key: parameters appear as one HMAC-SHA-256 over the canonical JSON of their texts.
    A parameter that is looked up has no text here; `lookups` names its class by its number, from 1.
    """

    sql: str
    ran: str
    fingerprint: str | None
    parameters: Sequence[str | None]
    key: bytes
    lookups: Mapping[int, str] = field(default_factory=dict)
    closed: Closed | None = None

    def member(self, asides: Asides) -> Body:
        """The member; with `closed`, nothing of the raw texts but an HMAC of what was asked."""
        sent = canonical_bytes(list(self.parameters), max_bytes=MAX_ASIDE_BYTES)
        member = self._open(asides) if self.closed is None else _closed(self.closed, self._raw_hmac(), asides)
        member["parameters"] = {"count": len(self.parameters), "hmac_sha256": keyed_digest(self.key, sent)}
        if self.lookups:
            named = [{"parameter": number, "class": class_} for number, class_ in sorted(self.lookups.items())]
            member["lookups"] = asides.fit(named)
        return member

    def _open(self, asides: Asides) -> Body:
        """`ran` is left out where it is the same text, byte for byte."""
        raw = self.sql.encode()
        member: Body = {
            "text": asides.fit(self.sql),
            "sha256": sha256_hex(raw),
            "bytes": len(raw),
            "fingerprint": self.fingerprint,
        }
        if self.ran != self.sql:
            member["ran"] = asides.fit(self.ran)
        return member

    def _raw_hmac(self) -> str:
        return keyed_digest(self.key, self.sql.encode())


def _closed(closed: Closed, raw_hmac: str, asides: Asides) -> Body:
    member: Body = {
        "mode": closed.mode,
        "text": None if closed.text is None else asides.fit(closed.text),
        "hmac_sha256": raw_hmac,
        "at_most_bytes": closed.at_most_bytes,
        "fingerprint": closed.fingerprint,
    }
    if closed.ran is not None:
        member["ran"] = asides.fit(closed.ran)
    if closed.sealed is not None:
        member["sealed"] = {
            "key": closed.sealed.key_id,
            "nonce": _base64(closed.sealed.nonce),
            "ciphertext": asides.fit(_base64(closed.sealed.ciphertext)),
        }
    return member


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

"""Sealing: a statement's texts under a data key of its task, tied to the one record that may hold them.

The plaintext is canonical JSON, padded; AES-256-GCM. The additional data name log, command, task, key and member, so
that nothing sealed can be moved to another place. The nonce is derived from the content under the record's own digest
key: a repeated nonce means a repeated message. The form evolves by `v` in the plaintext.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from postern.audit.asides import MAX_ASIDE_BYTES
from postern.audit.canonical import canonical_bytes, malformed, parse_canonical
from postern.audit.digests import format_key
from postern.audit.statements import Sealed
from postern.errors import IntegrityError
from postern.statement_text.padding import pad, unpad
from postern.types import CommandId, DataKey, TaskId

VERSION = 1
KEY_BYTES = 32
_NONCE_BYTES = 12
_NONCE_LABEL = b"postern seal nonce v1\0"


@dataclass(frozen=True, slots=True)
class Place:
    """The record that a sealed text belongs to."""

    log: str
    task: TaskId
    command: CommandId

    def additional_data(self, key_id: str) -> bytes:
        """What GCM binds the ciphertext to: canonical JSON."""
        return canonical_bytes(
            {"command": self.command, "key": key_id, "log": self.log, "member": "statement", "task": self.task}
        )


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What a sealed member held."""

    text: str  # as it was asked
    ran: str  # what ran for it; the same text where nothing was mapped
    reason: str | None  # why the guard refused it, in its own words
    digest_key: bytes  # of the record's HMAC-SHA-256 digests


def seal(content: Unsealed, data_key: DataKey, place: Place) -> Sealed:
    """The content under the key, for this place only."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    members: dict[str, object] = {"v": VERSION, "text": content.text, "digest_key": format_key(content.digest_key)}
    if content.ran != content.text:
        members["ran"] = content.ran
    if content.reason is not None:
        members["reason"] = content.reason
    plain = pad(canonical_bytes(members, max_bytes=MAX_ASIDE_BYTES))
    bound = place.additional_data(data_key.id)
    drawn = hmac.new(content.digest_key, _NONCE_LABEL + bound + plain, hashlib.sha256).digest()
    nonce = drawn[:_NONCE_BYTES]
    return Sealed(data_key.id, nonce, AESGCM(data_key.key).encrypt(nonce, plain, bound))


def open_sealed(sealed: Sealed, data_key: DataKey, place: Place) -> Unsealed:
    """What was sealed here. Raises `IntegrityError`: `evidence.sealed` where key or place are others' or a bit was
    changed, `evidence.malformed` where what opens has not the form.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        bound = place.additional_data(sealed.key_id)
        plain = AESGCM(data_key.key).decrypt(sealed.nonce, sealed.ciphertext, bound)
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(
            "evidence.sealed",
            "sealed text: expected it to open under its key and place, got another tag: do not trust it",
        ) from error
    members = parse_canonical(unpad(plain), max_bytes=MAX_ASIDE_BYTES)
    if members.get("v") != VERSION:
        raise malformed("sealed text", f"v {VERSION}", "another version, which needs a later reader")
    text, ran, reason = members.get("text"), members.get("ran", members.get("text")), members.get("reason")
    if not isinstance(text, str) or not isinstance(ran, str) or not isinstance(reason, str | None):
        raise malformed("sealed text", "its members to be text", "something else")
    return Unsealed(text, ran, reason, _digest_key(members.get("digest_key")))


def _digest_key(text: object) -> bytes:
    try:
        key = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise malformed("sealed text", f"a digest key of {KEY_BYTES} bytes", "something else")
    return key

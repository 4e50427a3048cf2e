"""A witness's own key, in the text form in which Go's note package writes a signing key.

    PRIVATE+KEY+<name>+<key id in hex>+<base64 of the algorithm's byte and the 32-byte seed>

The algorithm is 4, a timestamped Ed25519 cosignature; such a key signs nothing else. The form does not change.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from postern.errors import IntegrityError
from postern.tlog.notes import COSIGNATURE, VerifierKey, verifier_key
from postern.tlog.spelling import format_base64, malformed, parse_base64
from postern.types import Secret

SEED_BYTES = 32

_PREFIX = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A name and the Ed25519 key that signs under it; printing it does not show the key."""

    name: str
    seed: Secret  # 64 hex digits

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self._private().public_key().public_bytes_raw()

    @property
    def vkey(self) -> VerifierKey:
        """What others check its signatures with. Raises `IntegrityError` for a name that no key can have."""
        return verifier_key(self.name, self.public, COSIGNATURE)

    def sign(self, message: bytes) -> bytes:
        """A 64-byte Ed25519 signature."""
        return self._private().sign(message)

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.seed.reveal()))


def make_key(name: str, seed: bytes) -> WitnessKey:
    """The key of 32 bytes that nobody can guess. Raises `IntegrityError` (`evidence.malformed`)."""
    if len(seed) != SEED_BYTES:
        raise malformed("witness key", f"{SEED_BYTES} bytes", f"{len(seed)}")
    key = WitnessKey(name, Secret(seed.hex()))
    _ = key.vkey  # refuses a name that no signature line can have
    return key


def format_key(key: WitnessKey) -> Secret:
    """The text of the key's file, without a line feed."""
    material = bytes([COSIGNATURE]) + bytes.fromhex(key.seed.reveal())
    return Secret(f"{_PREFIX}{key.name}+{key.vkey.key_id.hex()}+{format_base64(material)}")


def parse_key(text: Secret) -> WitnessKey:
    """The key that this text tells. Raises `IntegrityError` (`evidence.malformed`), which shows nothing of it."""
    parts = text.reveal().removesuffix("\n").removeprefix(_PREFIX).split("+", 2)
    if not text.reveal().startswith(_PREFIX) or len(parts) != 3:
        raise malformed("witness key", f"{_PREFIX}<name>+<id>+<base64>", "another form")
    try:
        material = parse_base64(parts[2], "witness key")
    except IntegrityError:
        raise malformed("witness key", "standard base64", "another form") from None
    if len(material) != SEED_BYTES + 1 or material[0] != COSIGNATURE:
        raise malformed("witness key", "algorithm 4 and a seed of 32 bytes", "others")
    key = make_key(parts[0], material[1:])
    if key.vkey.key_id.hex() != parts[1]:
        raise malformed("witness key", "the id of its own name and key", "another")
    return key

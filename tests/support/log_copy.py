"""A log as it lies in the bucket, made by the pure functions alone: good ones, from which tests make bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from postern.tlog.append import append
from postern.tlog.checkpoints import Checkpoint, format_checkpoint
from postern.tlog.hashing import EMPTY_ROOT
from postern.tlog.notes import NoteSignature, VerifierKey, format_note, sign, verifier_key


@dataclass(frozen=True, slots=True)
class LogKey:
    """A signing key of a log or a witness, the same for the same seed."""

    name: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def verifier(self) -> VerifierKey:
        return verifier_key(self.name, self.public)

    def sign(self, text: str) -> NoteSignature:
        return sign(text, self.name, self.public, self.private.sign)


def log_key(name: str, seed: int = 1) -> LogKey:
    return LogKey(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def signed(checkpoint: Checkpoint, *keys: LogKey) -> bytes:
    """A checkpoint's note, signed by each of these keys."""
    text = format_checkpoint(checkpoint)
    return format_note(text, [key.sign(text) for key in keys])


def build(entries: Sequence[bytes], *, origin: str, batches: Sequence[int], key: LogKey) -> dict[str, bytes]:
    """The log of these entries, appended in batches of these sizes: path under the log -> bytes.

    Tiles and bundles, `checkpoints/<size>` after each batch, and `checkpoint`, which is the last of them. A path that
    would get two different bytes fails, as the bucket would refuse it.
    """
    assert sum(batches) == len(entries), f"the batches hold {sum(batches)} of {len(entries)} entries"
    stored: dict[str, bytes] = {}
    size, root, at = 0, EMPTY_ROOT, 0
    for batch in batches:
        appended = append(size, root, stored.__getitem__, entries[at : at + batch])
        size, root, at = appended.size, appended.root, at + batch
        note = signed(Checkpoint(origin, size, root), key)
        for path, data in {**appended.writes, f"checkpoints/{size}": note}.items():
            assert stored.setdefault(path, data) == data, f"{path} would change"
        stored["checkpoint"] = note
    return stored

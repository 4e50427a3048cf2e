"""Signing what is committed: a checkpoint leaves this process only after the tree that it names is settled for ever.

    1  the last published checkpoint is read from the bucket and verified: what others have seen
    2  the head is read as applied, after that, so it is never behind what was published unless the table lost it
    3  the head's tree must continue the published one: proved from the tiles that readers see
    4  the text is signed by every key (two during the overlap of a rotation), and each signature is checked
    5  `checkpoints/<size>` is created, for ever
    6  `checkpoint` is replaced, if it still is what was read in 1: it moves only forward

Dying anywhere leaves a log that the next publisher goes on with: it signs the same tree again, or a later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.errors import EvidenceUnavailable, IntegrityError
from postern.log_ports import Head, Signer
from postern.services.append import Appender
from postern.services.known_log import KnownLog, behind
from postern.tlog.checkpoints import Checkpoint, format_checkpoint, open_checkpoint
from postern.tlog.notes import VerifierKey, format_note, sign, verifier_key
from postern.tlog.origins import origin_of
from postern.tlog.proofs import verify_consistency
from postern.tlog.prove import prove_consistency

_ROUNDS = 8  # each one lost to another publisher that moved the checkpoint on


@dataclass(slots=True)
class Publisher:
    """Publishes checkpoints of one deployment's logs."""

    appender: Appender
    signers: Sequence[Signer]  # all sign; the current key first
    deployment: str

    def run(self, known: KnownLog, *, at_least: int) -> int:
        """Returns the size of the published tree, which holds `at_least` so many leaves or all that are committed.

        Raises `IntegrityError` where what was published, the table and the tiles contradict each other, or a signature
        does not hold: then nothing was published. `UpstreamError` where a part is away.
        """
        origin = origin_of(self.deployment, known.log)
        for _ in range(_ROUNDS):
            latest = known.bucket.latest_checkpoint()
            published = open_checkpoint(latest[0], self._vkeys(origin), origin) if latest else None
            if published is not None and published.size >= at_least:
                return published.size
            head = self.appender.applied_head(known)
            _check_extends(published, head, known)
            if head.size == (published.size if published else 0):
                return head.size
            data = self._settled(known, self._signed(origin, head), Checkpoint(origin, head.size, head.root))
            if known.bucket.replace_checkpoint(data, latest[1] if latest else None):
                return head.size
            # Moved by another, or by this call's first attempt: what stands there now decides.
        raise EvidenceUnavailable(
            "evidence.unavailable", f"checkpoint of {known.log}: expected to replace it, got overtaken: try again"
        )

    def _signed(self, origin: str, head: Head) -> bytes:
        text = format_checkpoint(Checkpoint(origin, head.size, head.root))
        # `sign` checks each signature under the key that the signer says is its own.
        return format_note(text, [sign(text, origin, one.public, one.sign) for one in self.signers])

    def _settled(self, known: KnownLog, data: bytes, checkpoint: Checkpoint) -> bytes:
        """The bytes of this size's checkpoint as they stand for ever: ours, or those that were there first."""
        path = f"checkpoints/{checkpoint.size}"
        try:
            known.bucket.create(path, data)
        except IntegrityError as error:
            if error.code != "evidence.conflict":
                raise
            # The same tree, signed by other keys of a rotation or with another signature: as good as ours.
            stood = known.bucket.read(path)
            if open_checkpoint(stood, self._vkeys(checkpoint.origin), checkpoint.origin) != checkpoint:
                raise
            return stood
        return data

    def _vkeys(self, origin: str) -> list[VerifierKey]:
        return [verifier_key(origin, signer.public) for signer in self.signers]


def _check_extends(published: Checkpoint | None, head: Head, known: KnownLog) -> None:
    """Raises `IntegrityError` unless the head's tree continues the published one, by the tiles in the bucket."""
    if published is None or published.size == 0:
        return  # every tree continues the empty one
    if published.size > head.size:
        raise behind(known.log, f"at least {published.size} entries, which are published", head)
    proof = prove_consistency(published.size, head.size, known.read)
    verify_consistency(published.size, head.size, published.root, head.root, proof)

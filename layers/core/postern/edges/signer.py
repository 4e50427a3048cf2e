"""One Ed25519 key in KMS: it never leaves there, and only the sequencer may use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from postern.errors import EvidenceUnavailable, IntegrityError


class SigningClient(Protocol):
    """KMS, as far as it is used here."""

    # The names are the SDK's.
    def get_public_key(self, *, KeyId: str) -> Mapping[str, bytes]: ...  # noqa: N803

    def sign(
        self,
        *,
        KeyId: str,  # noqa: N803
        Message: bytes,  # noqa: N803
        MessageType: str,  # noqa: N803
        SigningAlgorithm: str,  # noqa: N803
    ) -> Mapping[str, bytes]: ...


@dataclass(slots=True)
class KmsSigner:
    """Implements `log_ports.Signer`. The role needs `kms:Sign` and `kms:GetPublicKey` on the key.

    `key` is the key's ARN: an alias could be moved to another key.
    """

    client: SigningClient
    key: str
    _public: bytes | None = None

    @property
    def public(self) -> bytes:
        if self._public is None:
            with _translated():
                der = self.client.get_public_key(KeyId=self.key)["PublicKey"]
            self._public = _parse_public(der)
        return self._public

    def sign(self, message: bytes) -> bytes:
        with _translated():
            # RAW is what PureEdDSA takes; DIGEST would sign something that no note verifier checks.
            answer = self.client.sign(
                KeyId=self.key, Message=message, MessageType="RAW", SigningAlgorithm="ED25519_SHA_512"
            )
        return answer["Signature"]


def _parse_public(der: bytes) -> bytes:
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise IntegrityError(
            "evidence.signature",
            "signing key: expected one of the spec ECC_NIST_EDWARDS25519, got another: set POSTERN_SIGNING_KEYS",
        )
    return key.public_bytes_raw()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise EvidenceUnavailable(
            "evidence.unavailable", f"signing key: expected an answer of KMS, got {type(error).__name__}: try again"
        ) from error

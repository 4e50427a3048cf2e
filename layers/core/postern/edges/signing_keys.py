"""The public halves of the signing keys, for who checks signatures and never makes one."""

from __future__ import annotations

from collections.abc import Sequence

from postern.edges.signer import KmsSigner, SigningClient


class KmsPublicKeys:
    """Implements `reap_ports.SigningKeys`. The role needs `kms:GetPublicKey` on the keys, and no more."""

    def __init__(self, client: SigningClient, keys: Sequence[str]) -> None:
        self._keys = [KmsSigner(client, key) for key in keys]

    @property
    def public(self) -> Sequence[bytes]:
        return [key.public for key in self._keys]

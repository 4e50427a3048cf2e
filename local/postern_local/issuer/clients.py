"""Clients: the programs that may ask for tokens, what each may do, and where people are sent back to.

A public client has no secret: who stands behind it is shown by PKCE alone. A confidential one has its secret in a file
of the state folder that only its owner reads.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from postern_local.issuer.people import Person
from postern_local.private_file import write_private


class Grant(StrEnum):
    """How a client may get tokens: values of `grant_type`."""

    CODE = "authorization_code"
    DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
    REFRESH = "refresh_token"
    CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True)
class Client:
    """One program. `stands_for` is whom its own tokens name, where it may have some without a person."""

    id: str
    name: str
    grants: frozenset[Grant]
    redirect_uris: tuple[str, ...] = ()
    secret: str | None = None
    stands_for: Person | None = None

    def __repr__(self) -> str:
        return f"Client({self.id!r})"  # not its secret

    def is_authentic(self, secret: str | None) -> bool:
        """Whether the secret is this client's; a public one has and gives none."""
        if self.secret is None or secret is None:
            return self.secret is None and secret is None
        return hmac.compare_digest(self.secret.encode(), secret.encode())


def make_secrets(path: Path, client_ids: tuple[str, ...]) -> Mapping[str, str]:
    """New secrets, written to the file as `{client_id: secret}`, mode 0600."""
    made = {client_id: secrets.token_urlsafe(32) for client_id in client_ids}
    write_private(path, json.dumps(made, indent=2).encode() + b"\n")
    return made

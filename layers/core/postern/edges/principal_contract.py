"""The shape of the caller as the gate knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from postern.types import Principal

if TYPE_CHECKING:
    from postern.services.read_principal import Rights


class MayBody(Struct, frozen=True):
    """Databases by what the caller may do in them. `approve`: there may be tasks of others that it may approve."""

    approve: list[str]
    revoke: list[str]
    audit: list[str]


class PrincipalAnswer(Struct, frozen=True):
    """Who the token says, as policy and records name it. `token_expires_at_s`: when it is refused, leeway and all."""

    principal: str
    issuer: str
    subject: str
    on_behalf_of: str | None
    groups: list[str]
    token_expires_at_s: int
    may: MayBody


def principal_answer(principal: Principal, rights: Rights) -> PrincipalAnswer:
    """The caller and its rights."""
    return PrincipalAnswer(
        principal=principal.id,
        issuer=principal.issuer,
        subject=principal.subject,
        on_behalf_of=principal.on_behalf_of,
        groups=list(principal.groups),
        token_expires_at_s=principal.expires_at_s,
        may=MayBody(list(rights.approve), list(rights.revoke), list(rights.audit)),
    )

"""The member `principal` of a record: who sent it, as the verified token said."""

from __future__ import annotations

from collections.abc import Mapping

from postern_cli.evidence.members import Members
from postern_cli.report.store import Cell


def who(members: Members) -> Mapping[str, Cell]:
    """Its columns. The text form is that of a principal's id everywhere: `<issuer>|<subject>`."""
    principal = members.inside("principal")
    issuer, subject = principal.text("issuer"), principal.text("subject")
    return {
        "principal": None if issuer is None or subject is None else f"{issuer}|{subject}",
        "issuer": issuer,
        "issuer_url": principal.text("issuer_url"),
        "subject": subject,
        "on_behalf_of": principal.text("on_behalf_of"),
        "token": principal.text("token_sha256"),
    }

"""The digest of everything that an approval binds: approvers consent to these bytes, and only they are built.

    "postern approval scope 1\n" and the JSON of the members below, names sorted, without blanks, in UTF-8

JSON of texts, whole numbers, lists and objects has one reading, so two scopes never share bytes. A grant goes in
whole, by its own fields: whatever a grant may come to hold is bound without being named here. Evolution: a release
that binds more changes every digest, so tasks that wait for approval across it are refused and asked for anew.

A random salt is among the members. Records hold the digest, and everything else in it but the texts of statements may
be on record too: without a salt, a literal that a record must not show could be found by trying.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from postern.types import Budgets, Sha256Hex, Task

_DOMAIN = b"postern approval scope 1\n"


def scope_digest(task: Task, *, budgets: Budgets | None = None) -> Sha256Hex:
    """The digest of what the task asks for. `budgets` are those it was opened with; without, those it has now."""
    return Sha256Hex(hashlib.sha256(scope_bytes(task, budgets=budgets)).hexdigest())


def scope_bytes(task: Task, *, budgets: Budgets | None = None) -> bytes:
    """What is digested. What changes while a task lives is not in it: state, deadline, what is left, its views."""
    members = {
        "task": task.id,
        "issuer": task.principal.issuer,
        "issuer_url": task.principal.issuer_url,
        "subject": task.principal.subject,
        "on_behalf_of": task.principal.on_behalf_of,
        "attributes": dict(task.principal.attributes),  # four eyes look at them
        "groups": list(task.principal.groups),
        "purpose": task.purpose,
        "ticket": task.ticket,
        "grant": asdict(task.grant),
        "budgets": asdict(task.budgets if budgets is None else budgets),
        "ttl_s": task.ttl_s,
        "approvals_needed": task.approvals_needed,
        "statements": list(task.statements),
        "salt": task.scope_salt,
    }
    text = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _DOMAIN + text.encode()

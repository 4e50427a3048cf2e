"""The tables as cases for the evaluators."""

from __future__ import annotations

import json
from dataclasses import dataclass

from postern_local.iam import PolicyKind

from .asking import Case
from .documents import ACCOUNT, Rights
from .rows import Row

# A key's policy decides whether identity policies count at all: here it says that they do, and nothing else.
_DELEGATES = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """A case, who asks, and what must be answered."""

    who: str
    case: Case
    expected: bool

    def __str__(self) -> str:
        return f"{self.who}: {self.case.ask}"


def question(row: Row, role: str, rights: Rights) -> Question:
    """What one role may do by its own policies: no bucket's, queue's or key's policy helps or hinders."""
    is_key = row.ask.action.startswith("kms:")
    case = Case(
        row.ask,
        rights.arns[role],
        identity=tuple(rights.identity[role].values()),
        resource=_DELEGATES if is_key else None,
        kind=PolicyKind.KEY,
    )
    return Question(role, case, role in row.may)

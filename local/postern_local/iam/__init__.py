"""A small evaluator of IAM policies, for what AWS enforces and its emulator does not.

Pure. It knows the part of the language that this project's templates use, and refuses to load a
policy with anything else: an element that it would have to ignore could be the one that denies.
A Deny anywhere wins; otherwise an Allow is needed from the caller's own policies, bounded by each boundary (the
session policy), or from the resource's policy; between two accounts from both.
"""

from __future__ import annotations

from postern_local.iam.document import Policy, PolicyError, PolicyKind, parse_policy
from postern_local.iam.evaluation import Allowed, Caller, Decision, Denied, PolicySet, Request, evaluate

__all__ = [
    "Allowed",
    "Caller",
    "Decision",
    "Denied",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicySet",
    "Request",
    "evaluate",
    "parse_policy",
]

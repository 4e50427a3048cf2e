"""How a rule names a claim, and what a token holds under that name.

    repository                                  the claim of exactly that name
    https://acme.example/roles                  likewise: dots, slashes and colons are part of a name
    /kubernetes.io/namespace                    a JSON Pointer (RFC 6901): inside the object `kubernetes.io`
    /https:~1~1sts.amazonaws.com~1/aws_account  inside `https://sts.amazonaws.com/`; `~1` is a slash, `~0` a tilde
    /~1odd                                      the claim `/odd`: what begins with a slash is always a pointer

Each claim has one spelling: a pointer of one step is refused unless the claim's own name begins with a slash, and
no step is empty. A pointer goes through objects only, never into a list, so that no rule depends on an order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from postern.errors import Unauthenticated
from postern.identity.names import is_plain
from postern.identity.strict_json import Json
from postern.yaml_lines import Node

MAX_CLAIM_NAME_LENGTH = 255
_STEP = re.compile(r"(?:[^~/]|~[01])+")


def check_claim_name(name: str, node: Node) -> str:
    """`name`, when a rule may name a claim so. Raises `PolicyFileError` at `node`."""
    if not is_plain(name, max_length=MAX_CLAIM_NAME_LENGTH):
        raise node.wrong("claim: expected a name of 1 to 255 characters without control characters")
    if not name.startswith("/"):
        return name
    steps = name[1:].split("/")
    if not all(_STEP.fullmatch(step) for step in steps):
        raise node.wrong(
            f"claim: expected a JSON Pointer of steps that are not empty, `~` only in ~0 or ~1, got {name}"
        )
    if len(steps) == 1 and not steps[0].startswith("~1"):
        raise node.wrong(f"claim: expected `{_unescaped(steps[0])}`, since nothing is nested, got the pointer {name}")
    return name


def check_flat_claim(node: Node) -> str:
    """The node's text, when it names a claim at the top of a token."""
    name = check_claim_name(node.text(), node)
    if name.startswith("/"):
        raise node.wrong(f"claim: expected one at the top of the token, got the pointer {name}")
    return name


def pointer(*steps: str) -> str:
    """The one spelling of the claim that lies inside these objects."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def find_claim(claims: Mapping[str, Json], name: str) -> Json:
    """What the token holds under a checked name; None where it is absent or null.

    Raises `Unauthenticated` where a pointer's way leads through something that is no object: the issuer then means
    something else by that claim than whoever wrote the rule.
    """
    if not name.startswith("/"):
        return claims.get(name)
    first, *inner = (_unescaped(step) for step in name[1:].split("/"))
    value = claims.get(first)
    for step in inner:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Unauthenticated("token.claims", f"{name}: expected an object on the way to it, got something else")
        value = value.get(step)
    return value


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")  # in this order: `~01` is `~1`

"""Lambda's Invoke: which right it needs. The gateway carries it out. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

from postern_local.aws.authorization import Operation
from postern_local.aws.faults import Refused

_INVOKE = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
# A name, or an ARN whole or from the account on, each with a qualifier or without.
_FUNCTION = re.compile(
    r"(?:arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:|[0-9]{12}:function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?P<qualifier>:[$A-Za-z0-9_-]{1,128})?"
)


def is_invoke(service: str, method: str, path: str) -> bool:
    return service == "lambda" and method == "POST" and _INVOKE.fullmatch(path) is not None


def operation(method: str, path: str, region: str, account: str) -> Operation:
    """The operation that the request needs. Raises `Refused` for anything but Invoke."""
    found = _INVOKE.fullmatch(path)
    function = _FUNCTION.fullmatch(unquote(found["function"])) if found else None
    if method != "POST" or function is None:
        raise Refused("AccessDeniedException", "Lambda: the local stack serves a role's session Invoke only")
    name = f"{function['name']}{function['qualifier'] or ''}"
    return Operation("lambda:InvokeFunction", f"arn:aws:lambda:{region}:{account}:function:{name}")

"""IAM in words: a resource, a condition and a caller as docs/permissions.md has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "postern"
DEPLOYMENT, LOG = "deployment-name", "log-name"  # shown as <deployment> and <log>
_ELSEWHERE = {ACCOUNT: "<account>", REGION: "<region>", DEPLOYMENT: "<deployment>", LOG: "<log>"}

_RESOURCES: tuple[tuple[str, str], ...] = (
    (r"arn:aws:dynamodb:[^:]*:[^:]*:table/\w+-(?P<table>\w+)/index/(?P<index>\w+)", "index `{index}` of `{table}`"),
    (r"arn:aws:dynamodb:[^:]*:[^:]*:table/\w+-(?P<table>\w+)", "table `{table}`"),
    (r"arn:aws:s3:::[^/]+/(?P<key>.+)", "objects `{key}` of the evidence bucket"),
    (r"arn:aws:s3:::[^/*]+", "the evidence bucket"),
    (
        rf"arn:aws:lambda:[^:]*:[^:]*:function:{DEPLOYMENT}-(?P<name>\w+):live",
        "function `{{name}}` by its alias `live`",
    ),
    (rf"arn:aws:lambda:[^:]*:[^:]*:function:{DEPLOYMENT}-(?P<name>\w+):\*", "every version of function `{{name}}`"),
    (rf"arn:aws:lambda:[^:]*:[^:]*:function:{DEPLOYMENT}-(?P<name>\w+)", "function `{{name}}`"),
    (r"arn:aws:logs:[^:]*:[^:]*:log-group:(?P<group>[^:]+):\*", "streams of log group `{group}`"),
    (r"arn:aws:events:[^:]*:[^:]*:event-bus/(?P<bus>.+)", "event bus `{bus}`"),
    (r"arn:aws:sqs:[^:]*:[^:]*:\w+-(?P<queue>\w+)", "queue `{queue}`"),
    (
        r"arn:aws:rds-db:[^:]*:[^:]*:dbuser:[^/]+/\$\{aws:PrincipalTag/postern_user\}",
        "the database user of the session's tag",
    ),
    (r"arn:aws:rds-db:[^:]*:[^:]*:dbuser:[^/]+/(?P<user>\w+)", "database user `{user}` of each database"),
    (r"arn:aws:iam::[^:]*:role/\w+-(?P<role>\w+)", "role `{role}`"),
    (r"\*", "no resource in particular"),
)


def resource(arn: str, keys: Mapping[str, str]) -> str:
    """`keys`: what a KMS key is called, by its ARN."""
    if arn in keys:
        return keys[arn]
    for pattern, words in _RESOURCES:
        if found := re.fullmatch(pattern, arn):
            return general(words.replace("{{", "{").replace("}}", "}").format(**found.groupdict()))
    return f"`{general(arn)}`"


def general(text: str) -> str:
    """The text with what every deployment has of its own taken out of it."""
    for own, shown in _ELSEWHERE.items():
        text = text.replace(own, shown)
    return text


def listed(element: Any) -> list[Any]:  # noqa: ANN401 - as JSON has it
    return element if isinstance(element, list) else [element]


_NUMBERS = {"NumericLessThanIfExists": "below", "NumericGreaterThanIfExists": "above"}


def conditions(found: Mapping[str, Mapping[str, Any]]) -> str:
    """All of a statement's conditions, in one sentence."""
    parts = [part for operator, keys in found.items() for part in _operator(operator, keys, found)]
    return "; ".join(dict.fromkeys(parts))


def _operator(operator: str, keys: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for key, values in keys.items():
        quoted = " or ".join(f"`{general(str(value))}`" for value in listed(values))
        if key == "dynamodb:LeadingKeys":
            if operator != "Null":
                yield f"items {quoted} only"
        elif operator == "Null":
            yield from _presence(key, str(values), found)
        elif operator == "Bool":
            yield "the request is not over TLS" if key == "aws:SecureTransport" else f"`{key}` is {quoted}"
        elif operator in _NUMBERS:
            yield f"`{key}` is {_NUMBERS[operator]} {quoted}"
        else:
            yield f"`{key}` {_COMPARED[operator.partition(':')[2] or operator]} {_role(quoted)}"


def _presence(key: str, absent: str, found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if key == "lambda:SourceFunctionArn":
        yield "the request comes from a function's code"
    elif not any(key in keys for operator, keys in found.items() if operator.startswith("ForAllValues:")):
        yield f"`{key}` is {'absent' if absent == 'true' else 'there'}"


_COMPARED = {
    "StringEquals": "is",
    "StringNotEquals": "is not",
    "StringLike": "is like",
    "ArnEquals": "is",
    "ArnNotEquals": "is not",
    "ArnLike": "is like",
}


def _role(quoted: str) -> str:
    return re.sub(r"`arn:aws:iam::<account>:role/\w+-(\w+)`", r"role `\1`", quoted)


def principal(element: Any) -> str:  # noqa: ANN401 - as JSON has it
    """Who a resource's policy speaks of."""
    if element == "*":
        return "everybody"
    named = [value for values in element.values() for value in listed(values)]
    return ", ".join(_named(str(value)) for value in named)


def _named(value: str) -> str:
    if found := re.fullmatch(r"arn:aws:iam::[^:]*:role/\w+-(\w+)", value):
        return f"role `{found[1]}`"
    return "the account's own policies" if value.endswith(":root") else f"`{value}`"

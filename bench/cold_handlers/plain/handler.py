"""The least that a function can be: what it takes is the interpreter's."""

from __future__ import annotations


def handler(event: dict[str, object], context: object) -> dict[str, object]:  # noqa: ARG001
    return {"statusCode": 200, "body": "{}"}

"""Refusals in the form that each kind of service gives them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

_QUERY_SERVICES = frozenset({"iam", "sts", "sns", "rds", "cloudformation"})


class Refused(Exception):
    """Raised when a request is not carried out. `code` is the AWS error code, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer's content type, extra headers and body."""

    content_type: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def format_fault(refused: Refused, service: str) -> Fault:
    """The body that a client of that service parses into `code` and `message`."""
    code, message = escape(refused.code), escape(refused.message)
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Fault("application/xml", (), body.encode())
    if service in _QUERY_SERVICES:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return Fault("text/xml", (), f"<ErrorResponse>{error}</ErrorResponse>".encode())
    # JSON services name it an exception; REST-JSON ones read the header.
    name = refused.code if refused.code.endswith("Exception") else f"{refused.code}Exception"
    text = json.dumps({"__type": name, "message": refused.message, "Message": refused.message})
    return Fault("application/x-amz-json-1.0", (("x-amzn-ErrorType", name),), text.encode())

"""AWS's own clients over a transport that answers at once: what botocore does itself, and nothing of a network."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLEEXAMPLE00",
    "AWS_SECRET_ACCESS_KEY": "x" * 40,
    "AWS_SESSION_TOKEN": "y" * 900,  # about as long as a function's
}
Answer = tuple[Mapping[str, str], bytes]  # of status 200

_S3 = {
    "x-amz-id-2": "z" * 76,
    "x-amz-request-id": "TX00000000000001",
    "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
    "x-amz-version-id": "v" * 32,
    "x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "x-amz-checksum-type": "FULL_OBJECT",
    "x-amz-server-side-encryption": "AES256",
    "ETag": '"d41d8cd98f00b204e9800998ecf8427e"',
    "Server": "AmazonS3",
    "Content-Length": "0",
}
_DYNAMODB = {
    "Server": "Server",
    "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
    "Content-Type": "application/x-amz-json-1.0",
    "Connection": "keep-alive",
    "x-amzn-RequestId": "R" * 52,
}
_ASSUMED = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{CREDENTIALS["AWS_ACCESS_KEY_ID"]}</AccessKeyId><SecretAccessKey>{"x" * 40}</SecretAccessKey>
<SessionToken>{"y" * 900}</SessionToken><Expiration>2026-11-22T10:15:00Z</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>0d2fb1f0-6b2c-4d5e-8f3a-1b2c3d4e5f60</RequestId></ResponseMetadata></AssumeRoleResponse>
"""


class _Raw:
    """A body that was received."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body


def stored() -> Answer:
    """S3's answer to a PUT that created its object."""
    return _S3, b""


def updated(attributes: Mapping[str, Any] | None) -> Answer:
    """DynamoDB's answer to an update, with the item where it was asked for."""
    body = json.dumps({} if attributes is None else {"Attributes": attributes}).encode()
    return {**_DYNAMODB, "Content-Length": str(len(body))}, body


def assumed() -> Answer:
    """STS's answer to AssumeRole."""
    return {"Content-Type": "text/xml", "Content-Length": str(len(_ASSUMED))}, _ASSUMED.encode()


@contextmanager
def answering(answer: Callable[[Any], Answer]) -> Iterator[None]:
    """While it is entered every request of botocore's clients is answered by `answer`, and none is sent."""
    before, known = URLLib3Session.send, dict(os.environ)

    def send(_session: URLLib3Session, request: Any) -> AWSResponse:  # noqa: ANN401 - botocore's own
        headers, body = answer(request)
        return AWSResponse(request.url, 200, dict(headers), _Raw(body))  # type: ignore[arg-type]  # as urllib3's

    URLLib3Session.send = send  # type: ignore[assignment, method-assign]
    os.environ |= CREDENTIALS
    try:
        yield
    finally:
        URLLib3Session.send = before  # type: ignore[method-assign]
        os.environ.clear()
        os.environ |= known

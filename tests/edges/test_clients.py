"""The SDK's clients as the statement's path has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore import __version__ as botocore_version
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ParamValidationError
from botocore.httpsession import URLLib3Session
from botocore.session import Session

from postern.edges import clients
from postern.version import __version__


class _Empty:
    def stream(self, **_: object) -> Iterator[bytes]:
        yield b"{}"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[AWSPreparedRequest]:
    """What would be sent; each is answered with nothing in it."""
    requests: list[AWSPreparedRequest] = []

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        requests.append(request)
        return AWSResponse(request.url, 200, {}, _Empty())  # type: ignore[arg-type]  # as urllib3 has them

    monkeypatch.setattr(URLLib3Session, "send", send)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    return requests


@pytest.fixture(scope="module")
def session() -> Session:
    return clients.connect("us-east-1")


def test_a_request_names_the_product_and_the_sdk(session: Session, sent: list[AWSPreparedRequest]) -> None:
    clients.dynamodb(session).get_item(TableName="state", Key={"pk": {"S": "task#1"}, "sk": {"S": "task"}})

    [request] = sent
    agent = bytes(request.headers["User-Agent"]).decode()  # Powertools adds its own name, where it is loaded
    assert agent.split()[:2] == [f"postern/{__version__}", f"Botocore/{botocore_version}"]


def test_an_empty_key_never_becomes_a_request_about_the_bucket(
    session: Session, sent: list[AWSPreparedRequest]
) -> None:
    with pytest.raises(ParamValidationError):
        clients.s3(session).put_object(Bucket="evidence", Key="", Body=b"")

    assert sent == []

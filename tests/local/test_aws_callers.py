"""Who sent a request: the reading of a credential, without a server."""

from __future__ import annotations

import pytest

from postern.types import Secret
from postern_local.aws.callers import Administrator, Signed, identify
from postern_local.aws.faults import Refused
from postern_local.aws.sessions import StsSession

ACCOUNT = "123456789012"
KEY = "ASIA" + "B" * 16
SESSION = StsSession(
    access_key_id=KEY,
    secret_access_key=Secret("secret"),
    session_token=Secret("held"),
    account=ACCOUNT,
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/query",
    session_name="query",
    issued_at_s=1_000,
    expires_at_s=2_000,
)


def credential(key: str, service: str = "s3") -> str:
    return f"{key}/20300517/eu-central-1/{service}/aws4_request"


def header(key: str, service: str = "s3") -> dict[str, str]:
    scope = credential(key, service)
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"}


def identified(
    headers: dict[str, str] | None = None, query: dict[str, list[str]] | None = None, now_s: float = 1_500
) -> Signed:
    return identify(headers=headers or {}, query=query or {}, account=ACCOUNT, session={KEY: SESSION}.get, now_s=now_s)


def test_session_is_known_by_key_and_token() -> None:
    assert identified(header(KEY) | {"x-amz-security-token": "held"}) == Signed(SESSION, "s3", "eu-central-1")


def test_any_long_term_key_is_the_administrators() -> None:
    assert identified(header("test", "dynamodb")) == Signed(Administrator(ACCOUNT), "dynamodb", "eu-central-1")


def test_presigned_request_names_its_sender_in_the_query() -> None:
    query = {"X-Amz-Credential": [credential(KEY)], "X-Amz-Security-Token": ["held"]}
    assert identified(query=query).sender is SESSION


@pytest.mark.parametrize(("now_s", "holds"), [(1_999.9, True), (2_000, False)])
def test_session_ends_to_the_second(now_s: float, holds: bool) -> None:
    headers = header(KEY) | {"x-amz-security-token": "held"}
    if holds:
        assert identified(headers, now_s=now_s).sender is SESSION
    else:
        with pytest.raises(Refused) as refused:
            identified(headers, now_s=now_s)
        assert refused.value.code == "ExpiredToken"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param(
            {"X-Amz-Credential": [credential(KEY, "dynamodb")]}, "IncompleteSignature", id="presigned-elsewhere"
        ),
        pytest.param({"X-Amz-Credential": [credential(KEY)] * 2}, "IncompleteSignature", id="presigned-twice"),
        pytest.param({"X-Amz-Credential": ["x"]}, "IncompleteSignature", id="presigned-form"),
        pytest.param({"X-Amz-Credential": [credential(KEY)]}, "InvalidClientTokenId", id="presigned-without-token"),
        pytest.param(
            {"AWSAccessKeyId": ["test"], "Signature": ["x"]}, "MissingAuthenticationToken", id="old-presigned"
        ),
    ],
)
def test_presigned_request_that_does_not_hold_is_refused(query: dict[str, list[str]], code: str) -> None:
    with pytest.raises(Refused) as refused:
        identified(query=query)
    assert refused.value.code == code

"""The verification plan of an IAM token, step by step: each token is whole and well signed but for one thing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from postern.types import Secret
from postern_local import rds_token
from postern_local.aws.sessions import NamedPolicy, StsSession
from postern_local.rds_token import Target, TokenRefused, verify_token
from tests.support.aws import allow, policy

NOW_S = datetime(2030, 5, 17, 12, 0, tzinfo=UTC).timestamp()
TARGET = Target("127.0.0.1", 5432, "task_1", "eu-central-1", "123456789012", "db-SHOP")
SESSION = StsSession(
    access_key_id="ASIA" + "B" * 16,
    secret_access_key=Secret("secret"),
    session_token=Secret("held"),
    account="123456789012",
    role_arn="arn:aws:iam::123456789012:role/connect",
    session_name="task-1",
    issued_at_s=int(NOW_S) - 60,
    expires_at_s=int(NOW_S) + 1000,
    identity_policies=(NamedPolicy("connect", policy(allow("rds-db:connect", TARGET.arn))),),
)
PARAMETERS = {
    "Action": "connect",
    "DBUser": "task_1",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": f"{SESSION.access_key_id}/20300517/eu-central-1/rds-db/aws4_request",
    "X-Amz-Date": "20300517T120000Z",
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Security-Token": "held",
}


def make(authority: str = "127.0.0.1:5432", **changed: str) -> str:
    """A token with these parameters changed before it was signed; `_` stands for `-` in a name."""
    parameters = PARAMETERS | {name.replace("_", "-"): value for name, value in changed.items()}
    signature = rds_token._sign(authority, parameters, "secret")
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())
    return f"{authority}/?{query}&X-Amz-Signature={signature}"


def verify(token: str, now_s: float = NOW_S) -> StsSession:
    return verify_token(token, TARGET, session={SESSION.access_key_id: SESSION}.get, now_s=now_s)


def test_whole_token_proves_its_session() -> None:
    assert verify(make()) is SESSION


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(lambda: make() + "x" * 9000, "bounded length", id="too-long"),
        pytest.param(lambda: make() + "é", "bounded length", id="not-ascii"),
        pytest.param(lambda: make().replace("/?", "?", 1), "host:port", id="no-path"),
        pytest.param(lambda: make() + "&Action=connect", "each known one once", id="twice"),
        pytest.param(lambda: make(Action="describe"), "Action", id="action"),
        pytest.param(lambda: make(X_Amz_Algorithm="AWS4-HMAC-SHA1"), "Algorithm", id="algorithm"),
        pytest.param(lambda: make(X_Amz_SignedHeaders="host;x"), "SignedHeaders", id="signed-headers"),
        pytest.param(lambda: make(X_Amz_Credential="AKID/x"), "credential", id="credential-form"),
        pytest.param(
            lambda: make(X_Amz_Credential=PARAMETERS["X-Amz-Credential"].replace("20300517", "20300516")),
            "credential's day",
            id="credential-of-another-day",
        ),
        pytest.param(
            lambda: make(X_Amz_Credential=PARAMETERS["X-Amz-Credential"].replace("rds-db", "s3")),
            "rds-db",
            id="credential-of-another-service",
        ),
        pytest.param(lambda: make().rpartition("=")[0] + "=abc", "64 hex digits", id="signature-form"),
        pytest.param(lambda: make()[:-1] + ("0" if make()[-1] != "0" else "1"), "secret gives", id="signature"),
        pytest.param(lambda: make("127.0.0.1:5433"), "host: expected", id="authority"),
        pytest.param(lambda: make(DBUser="task_2"), "DBUser", id="user"),
        pytest.param(lambda: make(X_Amz_Date="20300517T114459Z"), "age", id="older-than-15-minutes"),
        pytest.param(lambda: make(X_Amz_Date="20300517T120501Z"), "ahead", id="more-than-5-minutes-ahead"),
        pytest.param(lambda: make(X_Amz_Date="2030-05-17"), "a date and a lifetime", id="date-form"),
        pytest.param(lambda: make(X_Amz_Date="20300532T120000Z"), "calendar", id="day-32"),
        pytest.param(lambda: make(X_Amz_Expires="901"), "lifetime", id="lifetime-over-15-minutes"),
        pytest.param(lambda: make(X_Amz_Expires="0"), "lifetime", id="lifetime-of-nothing"),
        pytest.param(lambda: make(X_Amz_Expires="-5"), "lifetime", id="lifetime-negative"),
        pytest.param(lambda: make(X_Amz_Security_Token="other"), "session token", id="session-token"),
        pytest.param(
            lambda: make(X_Amz_Credential=PARAMETERS["X-Amz-Credential"].replace("BB", "CC", 1)),
            "issued here",
            id="unknown-key",
        ),
    ],
)
def test_token_that_is_wrong_in_one_thing_is_refused_for_it(token: Callable[[], str], reason: str) -> None:
    with pytest.raises(TokenRefused, match=reason):
        verify(token())


def test_expired_session_is_refused_while_the_token_is_young() -> None:
    assert verify(make(X_Amz_Date="20300517T121300Z"), NOW_S + 999) is SESSION
    with pytest.raises(TokenRefused, match="has not expired"):
        verify(make(X_Amz_Date="20300517T121300Z"), NOW_S + 1000)


@pytest.mark.parametrize(("age_s", "holds"), [(900, True), (901, False), (-300, True), (-301, False)])
def test_age_is_bounded_to_the_second(age_s: int, holds: bool) -> None:
    if holds:
        assert verify(make(), NOW_S + age_s) is SESSION
    else:
        with pytest.raises(TokenRefused, match=r"age|ahead"):
            verify(make(), NOW_S + age_s)


def test_no_reason_holds_a_secret() -> None:
    with pytest.raises(TokenRefused) as refused:
        verify(make(X_Amz_Security_Token="t0k3n"))
    assert "held" not in str(refused.value)
    assert "t0k3n" not in str(refused.value)

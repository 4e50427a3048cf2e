"""AssumeRole on the local AWS server: whom a role trusts, what a session carries, and its bounds."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from postern_local.aws.sessions import StsSession
from postern_local.failure import StackFailure
from tests.support.aws import (
    LAMBDA,
    allow,
    assume,
    client,
    error_code,
    function_session,
    make_role,
    policy,
    trust,
    unique,
)

EVERY_STEP = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
TASK = {"Key": "postern_user", "Value": "task_1"}


@pytest.fixture(scope="module")
def query(aws: AwsServer) -> StsSession:
    return function_session(aws)


@pytest.fixture(scope="module")
def connect(aws: AwsServer, query: StsSession) -> str:
    """A role as the template has it: only query assumes it, with a task's user as tag and a source identity."""
    conditions = {
        "StringLike": {"aws:RequestTag/postern_user": "task_*", "sts:SourceIdentity": "?*"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["postern_user"]},
    }
    return make_role(aws, trusted=trust({"AWS": query.role_arn}, action=EVERY_STEP, Condition=conditions))


def refusal(aws: AwsServer, by: StsSession | None, role: str, **options: Any) -> tuple[str, str]:
    """Code and message of the refusal; fails where a session is issued."""
    with pytest.raises(ClientError) as failure:
        assume(aws, by, role, **options)
    return error_code(failure), str(failure.value)


GOOD: dict[str, Any] = {"Tags": [TASK], "SourceIdentity": "task-1"}


def test_session_keeps_what_it_was_issued_with(aws: AwsServer, query: StsSession, connect: str) -> None:
    document = policy(allow("rds-db:connect"))
    before = int(time.time())
    session = assume(aws, query, connect, **GOOD, Policy=document, DurationSeconds=900, RoleSessionName="task-1")
    assert (session.role_arn, session.session_name) == (connect, "task-1")
    assert session.arn == f"arn:aws:sts::{aws.account}:assumed-role/{session.role_name}/task-1"
    assert dict(session.tags) == {"postern_user": "task_1"}
    assert session.source_identity == "task-1"
    assert session.session_policy == document
    assert before + 900 <= session.expires_at_s <= time.time() + 900


def test_answer_names_source_identity_and_a_usable_session(aws: AwsServer, query: StsSession, connect: str) -> None:
    answer = client(aws, "sts", query).assume_role(RoleArn=connect, RoleSessionName="task-1", **GOOD)
    assert answer["SourceIdentity"] == "task-1"
    session = aws.session(answer["Credentials"]["AccessKeyId"])
    assert session is not None
    assert answer["Credentials"]["SessionToken"] == session.session_token.reveal()
    identity = client(aws, "sts", session).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"] == session.arn


def test_session_of_an_unknown_key_is_none(aws: AwsServer) -> None:
    assert aws.session("ASIA" + "A" * 16) is None


def test_secrets_of_a_session_are_not_in_its_repr(query: StsSession) -> None:
    assert query.session_token.reveal() not in repr(query)
    assert query.secret_access_key.reveal() not in repr(query)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"Tags": [{"Key": "postern_user", "Value": "postgres"}]}, id="tag-of-another-shape"),
        pytest.param({"Tags": []}, id="no-tag"),
        pytest.param({"Tags": [{"Key": "other", "Value": "task_1"}]}, id="other-tag"),
        pytest.param({"Tags": [TASK, {"Key": "more", "Value": "x"}]}, id="one-tag-too-many"),
        pytest.param({"SourceIdentity": None}, id="no-source-identity"),
    ],
)
def test_trust_policys_conditions_hold(
    aws: AwsServer, query: StsSession, connect: str, changed: dict[str, Any]
) -> None:
    options = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    assert refusal(aws, query, connect, **options)[0] == "AccessDenied"


def test_role_is_refused_to_whom_it_does_not_trust(aws: AwsServer, connect: str) -> None:
    stranger = function_session(aws, allow("sts:*"))
    for by in (stranger, None):
        code, message = refusal(aws, by, connect, **GOOD)
        assert code == "AccessDenied"
        assert "trust policy" in message


def test_role_that_is_not_there_is_refused_in_the_words_of_one_that_may_not_be_assumed(aws: AwsServer) -> None:
    stranger = function_session(aws)
    code, _ = refusal(aws, stranger, f"arn:aws:iam::{aws.account}:role/absent")
    assert code == "AccessDenied"


def test_role_that_trusts_the_account_needs_the_callers_own_policy(aws: AwsServer) -> None:
    role = make_role(aws, trusted=trust({"AWS": f"arn:aws:iam::{aws.account}:root"}))
    assume(aws, function_session(aws, allow("sts:AssumeRole", role)), role)
    assert refusal(aws, function_session(aws), role)[0] == "AccessDenied"
    assume(aws, None, role)  # the administrator's policy allows everything


@pytest.mark.parametrize(
    ("missing", "options"),
    [
        ("sts:TagSession", {"Tags": [TASK]}),
        ("sts:SetSourceIdentity", {"SourceIdentity": "task-1"}),
    ],
)
def test_tags_and_source_identity_need_trust_of_their_own(
    aws: AwsServer, query: StsSession, missing: str, options: dict[str, Any]
) -> None:
    actions = [action for action in EVERY_STEP if action != missing]
    role = make_role(aws, trusted=trust({"AWS": query.role_arn}, action=actions))
    assume(aws, query, role)
    code, message = refusal(aws, query, role, **options)
    assert (code, missing in message) == ("AccessDenied", True)


@pytest.fixture(scope="module")
def open_role(aws: AwsServer, query: StsSession) -> str:
    return make_role(
        aws,
        trusted=trust({"AWS": query.role_arn}, action=EVERY_STEP),
        MaxSessionDuration=3600,
        Tags=[{"Key": "team", "Value": "data"}],
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"DurationSeconds": 3601}, id="chained-over-an-hour"),
        pytest.param({"RoleSessionName": "a b"}, id="session-name-characters"),
        pytest.param({"SourceIdentity": "a b"}, id="source-identity-characters"),
        pytest.param({"Policy": "x" * 2049}, id="policy-too-long"),
        pytest.param({"Tags": [TASK, {"Key": "POSTERN_USER", "Value": "x"}]}, id="tag-twice-by-case"),
        pytest.param({"Tags": [{"Key": "postern_user", "Value": "task_*"}]}, id="star-in-a-tag"),
        pytest.param({"Tags": [{"Key": "postern_user", "Value": "x" * 257}]}, id="tag-too-long"),
        pytest.param({"Tags": [TASK], "TransitiveTagKeys": ["other"]}, id="transitive-tag-not-passed"),
        pytest.param({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]}, id="policy-arns"),
        pytest.param({"SerialNumber": "arn:aws:iam::123456789012:mfa/x", "TokenCode": "123456"}, id="mfa"),
    ],
)
def test_parameters_are_bounded_as_sts_bounds_them(
    aws: AwsServer, query: StsSession, open_role: str, options: dict[str, Any]
) -> None:
    assert refusal(aws, query, open_role, **options)[0] == "ValidationError"


def test_shortest_session_is_fifteen_minutes(aws: AwsServer, open_role: str) -> None:
    with pytest.raises(StackFailure, match="DurationSeconds: expected 900 to 43200, got 899"):
        aws.assume_as_service(make_role(aws), session_name="function", duration_s=899)


def test_session_is_not_longer_than_the_role_allows(aws: AwsServer) -> None:
    role = make_role(aws)
    aws.assume_as_service(role, session_name="function", duration_s=3600)
    with pytest.raises(StackFailure, match="MaxSessionDuration"):
        aws.assume_as_service(role, session_name="function", duration_s=3601)


@pytest.mark.parametrize("document", ["{", '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Extra": 1}}'])
def test_broken_session_policy_is_refused(aws: AwsServer, query: StsSession, open_role: str, document: str) -> None:
    assert refusal(aws, query, open_role, Policy=document)[0] == "MalformedPolicyDocument"


def test_session_tags_lie_over_the_roles_tags(aws: AwsServer, query: StsSession, open_role: str) -> None:
    session = assume(aws, query, open_role, Tags=[{"Key": "Team", "Value": "audit"}, TASK])
    assert dict(session.tags) == {"Team": "audit", "postern_user": "task_1"}
    assert dict(assume(aws, query, open_role).tags) == {"team": "data"}


def chain(aws: AwsServer, first: StsSession) -> str:
    return make_role(aws, trusted=trust({"AWS": first.role_arn}, action=EVERY_STEP))


def test_transitive_tags_pass_down_a_chain_and_others_do_not(aws: AwsServer, query: StsSession, open_role: str) -> None:
    first = assume(
        aws, query, open_role, Tags=[TASK, {"Key": "note", "Value": "x"}], TransitiveTagKeys=["postern_user"]
    )
    second = assume(aws, first, chain(aws, first))
    assert dict(second.tags) == {"postern_user": "task_1"}


def test_transitive_tag_cannot_be_changed_down_the_chain(aws: AwsServer, query: StsSession, open_role: str) -> None:
    first = assume(aws, query, open_role, Tags=[TASK], TransitiveTagKeys=["postern_user"])
    code, _ = refusal(aws, first, chain(aws, first), Tags=[{"Key": "Postern_User", "Value": "task_2"}])
    assert code == "ValidationError"


def test_source_identity_stays_for_the_whole_chain(aws: AwsServer, query: StsSession, open_role: str) -> None:
    first = assume(aws, query, open_role, SourceIdentity="task-1")
    role = chain(aws, first)
    assert assume(aws, first, role).source_identity == "task-1"
    assert refusal(aws, first, role, SourceIdentity="task-2")[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        pytest.param(
            {"StringEquals": {"sts:ExternalId": "deployment-7"}},
            {"ExternalId": "deployment-7"},
            {"ExternalId": "deployment-8"},
            id="external-id",
        ),
        pytest.param(
            {"StringEquals": {"sts:RoleSessionName": "task-1"}},
            {"RoleSessionName": "task-1"},
            {"RoleSessionName": "task-2"},
            id="session-name",
        ),
        pytest.param(
            {"Null": {"sts:TransitiveTagKeys": "true"}},
            {"Tags": [TASK]},
            {"Tags": [TASK], "TransitiveTagKeys": ["postern_user"]},
            id="transitive-tags",
        ),
    ],
)
def test_trust_policy_reads_every_parameter(
    aws: AwsServer, query: StsSession, condition: Any, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    role = make_role(aws, trusted=trust({"AWS": query.role_arn}, action=EVERY_STEP, Condition=condition))
    assume(aws, query, role, **good)
    assert refusal(aws, query, role, **bad)[0] == "AccessDenied"


def test_role_with_a_permissions_boundary_is_not_served(aws: AwsServer) -> None:
    role = make_role(aws, allow("s3:*"), PermissionsBoundary=f"arn:aws:iam::{aws.account}:policy/bound")
    with pytest.raises(StackFailure, match="permissions boundary"):
        aws.assume_as_service(role, session_name="function")


def test_service_takes_a_session_only_of_a_role_that_trusts_it(aws: AwsServer, connect: str) -> None:
    arn = f"arn:aws:lambda:eu-central-1:{aws.account}:function:query"
    session = aws.assume_as_service(make_role(aws), session_name="query", source_function_arn=arn)
    assert session.source_function_arn == arn
    with pytest.raises(StackFailure, match="not authorized to perform: sts:AssumeRole"):
        aws.assume_as_service(connect, session_name="query")
    with pytest.raises(StackFailure):
        aws.assume_as_service(make_role(aws), session_name="query", service="ec2.amazonaws.com")


@pytest.mark.parametrize(("account", "is_taken"), [("123456789012", True), ("210987654321", False)])
def test_a_service_takes_a_role_for_this_account(aws: AwsServer, account: str, is_taken: bool) -> None:
    trusted = trust(LAMBDA, Condition={"StringEquals": {"aws:SourceAccount": account}})
    role = make_role(aws, trusted=trusted)
    if is_taken:
        assert aws.assume_as_service(role, session_name="function").role_arn == role
        return
    with pytest.raises(StackFailure, match="not authorized to perform: sts:AssumeRole"):
        aws.assume_as_service(role, session_name="function")


def test_condition_on_the_function_holds_for_its_session(aws: AwsServer) -> None:
    s3, bucket = client(aws, "s3"), unique("plain")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    arn = f"arn:aws:lambda:eu-central-1:{aws.account}:function:query"
    role = make_role(aws, allow("s3:ListBucket", Condition={"ArnEquals": {"lambda:SourceFunctionArn": arn}}))
    client(aws, "s3", aws.assume_as_service(role, session_name="function", source_function_arn=arn)).head_bucket(
        Bucket=bucket
    )
    with pytest.raises(ClientError):
        client(aws, "s3", aws.assume_as_service(role, session_name="function")).head_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("get_session_token", {}),
        ("get_federation_token", {"Name": "ann"}),
        (
            "assume_role_with_web_identity",
            {"RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "xx", "WebIdentityToken": "a.b.c.d"},
        ),
        (
            "assume_role_with_saml",
            {"RoleArn": "arn:aws:iam::123456789012:role/x", "PrincipalArn": "a" * 20, "SAMLAssertion": "PHg+"},
        ),
    ],
)
def test_no_other_way_leads_to_a_session(aws: AwsServer, call: str, options: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as failure:
        getattr(client(aws, "sts"), call)(**options)
    # Web identity and SAML are unsigned calls, refused before anything reads them.
    assert error_code(failure) in ("AccessDenied", "MissingAuthenticationToken")

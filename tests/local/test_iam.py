"""The policy evaluator: what it decides, and what it refuses to load."""

from __future__ import annotations

from typing import Any

import pytest

from postern_local.iam import (
    Allowed,
    Caller,
    Denied,
    Policy,
    PolicyError,
    PolicyKind,
    PolicySet,
    Request,
    evaluate,
    parse_policy,
)

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/query"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/query/task"
CALLER = Caller(arn=ROLE, account=ACCOUNT, session_arn=SESSION)
BUCKET = "arn:aws:s3:::evidence"
OBJECT = f"{BUCKET}/wal/v1/a"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"Effect": effect, "Action": "s3:PutObject", "Resource": f"{BUCKET}/*"}
    merged = base | elements
    return {name: value for name, value in merged.items() if value is not None}


def policy(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY, name: str = "policy") -> Policy:
    return parse_policy({"Version": "2012-10-17", "Statement": list(statements)}, kind=kind, name=name)


def bucket_policy(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, kind=PolicyKind.RESOURCE, name="bucket policy")


def request(action: str = "s3:PutObject", resource: str = OBJECT, **context: str | tuple[str, ...]) -> Request:
    values = {key: (value,) if isinstance(value, str) else value for key, value in context.items()}
    return Request(caller=CALLER, action=action, resource=resource, context=values)


def is_allowed(policies: PolicySet, asked: Request) -> bool:
    return isinstance(evaluate(policies, asked), Allowed)


def holds(condition: dict[str, Any], **context: str | tuple[str, ...]) -> bool:
    """Whether an Allow under this condition allows."""
    policies = PolicySet(identity=(policy(statement(Condition=condition)),))
    values = {key.replace("__", ":"): (v,) if isinstance(v, str) else v for key, v in context.items()}
    return is_allowed(policies, Request(caller=CALLER, action="s3:PutObject", resource=OBJECT, context=values))


@pytest.mark.parametrize(
    ("element", "allowed"),
    [
        pytest.param({"Action": "s3:PutObject"}, True, id="exact"),
        pytest.param({"Action": "S3:putobject"}, True, id="actions-ignore-case"),
        pytest.param({"Action": ["s3:GetObject", "s3:Put*"]}, True, id="one-of-a-list-with-star"),
        pytest.param({"Action": "s3:PutObjec?"}, True, id="question-mark"),
        pytest.param({"Action": "s3:PutObject?"}, False, id="question-mark-needs-a-character"),
        pytest.param({"Action": "*"}, True, id="every-action"),
        pytest.param({"Action": "s3:Get*"}, False, id="other-action"),
        pytest.param({"Action": "s3:PutObjectRetention"}, False, id="longer-action"),
        pytest.param({"Action": "s3:Put"}, False, id="no-prefix-match"),
        pytest.param({"Action": None, "NotAction": "s3:Delete*"}, True, id="not-action-of-another"),
        pytest.param({"Action": None, "NotAction": ["s3:Get*", "s3:Put*"]}, False, id="not-action-of-this"),
        pytest.param({"Resource": "*"}, True, id="every-resource"),
        pytest.param({"Resource": f"{BUCKET}/wal/*"}, True, id="prefix"),
        pytest.param({"Resource": f"{BUCKET}/log/*"}, False, id="other-prefix"),
        pytest.param({"Resource": BUCKET}, False, id="bucket-is-not-its-objects"),
        pytest.param({"Resource": f"{BUCKET}/WAL/*"}, False, id="resources-keep-case"),
        pytest.param({"Resource": f"{BUCKET}2/*"}, False, id="longer-bucket"),
        pytest.param({"Resource": "arn:aws:s3:*:*:evidence/*"}, True, id="star-in-each-component"),
        pytest.param({"Resource": None, "NotResource": f"{BUCKET}/log/*"}, True, id="not-resource-of-another"),
        pytest.param({"Resource": None, "NotResource": f"{BUCKET}/wal/*"}, False, id="not-resource-of-this"),
    ],
)
def test_action_and_resource_decide(element: dict[str, Any], allowed: bool) -> None:
    assert is_allowed(PolicySet(identity=(policy(statement(**element)),)), request()) is allowed


def test_pattern_does_not_reach_into_the_next_component() -> None:
    connect = policy(statement(Action="rds-db:connect", Resource="arn:aws:rds-db:eu-*:123456789012:dbuser:x/task_a"))
    asked = request("rds-db:connect", "arn:aws:rds-db:eu-west-1:999999999999:dbuser:x/123456789012:dbuser:x/task_a")
    assert not is_allowed(PolicySet(identity=(connect,)), asked)


def test_nothing_allows_by_itself() -> None:
    assert evaluate(PolicySet(), request()) == Denied(reason="no policy allows it", explicit=False)


@pytest.mark.parametrize("where", ["identity", "boundaries", "resource"])
def test_deny_wins_wherever_it_stands(where: str) -> None:
    allow = policy(statement(Resource="*"))
    deny = policy(statement("Deny", Sid="Never", Principal="*"), kind=PolicyKind.RESOURCE, name="deny")
    if where != "resource":
        deny = policy(statement("Deny", Sid="Never"), name="deny")
    policies: dict[str, tuple[Policy, ...]] = {"identity": (allow,), "boundaries": (allow,), "resource": ()}
    policies[where] = (*policies[where], deny)
    assert evaluate(PolicySet(**policies), request()) == Denied(reason="denied by deny (Never)", explicit=True)


def test_session_policy_narrows_and_never_widens() -> None:
    wide, narrow = policy(statement(Resource="*")), policy(statement(), name="session policy")
    inside, outside = request(), request(resource="arn:aws:s3:::other/a")
    assert is_allowed(PolicySet(identity=(wide,), boundaries=(narrow,)), inside)
    assert not is_allowed(PolicySet(identity=(wide,), boundaries=(narrow,)), outside)
    assert not is_allowed(PolicySet(identity=(narrow,), boundaries=(wide,)), outside)


def test_every_boundary_must_allow() -> None:
    allow, other = policy(statement()), policy(statement(Action="s3:GetObject"), name="boundary")
    assert evaluate(PolicySet(identity=(allow,), boundaries=(allow, other)), request()) == Denied(
        reason="not allowed by boundary", explicit=False
    )


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        pytest.param("*", True, id="anybody"),
        pytest.param({"AWS": "*"}, True, id="anybody-as-object"),
        pytest.param({"AWS": ROLE}, True, id="role"),
        pytest.param({"AWS": [f"arn:aws:iam::{ACCOUNT}:role/other", ROLE]}, True, id="one-of-a-list"),
        pytest.param({"AWS": SESSION}, True, id="session"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, False, id="other-role"),
        pytest.param({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/query/other"}, False, id="other-session"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, False, id="account-alone-allows-nothing"),
        pytest.param({"AWS": "999999999999"}, False, id="other-account"),
        pytest.param({"Service": "lambda.amazonaws.com"}, False, id="service"),
    ],
)
def test_resource_policy_allows_whom_it_names(principal: object, allowed: bool) -> None:
    policies = PolicySet(resource=(bucket_policy(statement(Principal=principal)),))
    assert is_allowed(policies, request()) is allowed


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        pytest.param({"AWS": SESSION}, True, id="session-is-beyond-the-session-policy"),
        pytest.param({"AWS": ROLE}, False, id="role-is-bounded"),
        pytest.param("*", False, id="anybody-is-bounded"),
    ],
)
def test_session_policy_bounds_what_a_resource_policy_allows_the_role(principal: object, allowed: bool) -> None:
    nothing = policy(statement(Action="s3:GetObject"))
    policies = PolicySet(boundaries=(nothing,), resource=(bucket_policy(statement(Principal=principal)),))
    assert is_allowed(policies, request()) is allowed


@pytest.mark.parametrize(
    ("named", "denied"),
    [
        pytest.param({"AWS": [ROLE, SESSION]}, False, id="named"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:role/sequencer"}, True, id="not-named"),
    ],
)
def test_deny_with_not_principal_spares_only_the_named(named: object, denied: bool) -> None:
    deny = bucket_policy(statement("Deny", NotPrincipal=named))
    policies = PolicySet(identity=(policy(statement()),), resource=(deny,))
    assert is_allowed(policies, request()) is not denied


@pytest.mark.parametrize(
    ("principal", "own", "allowed"),
    [
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, True, True, id="its account is named"),
        pytest.param({"AWS": ROLE}, True, True, id="the role is named"),
        pytest.param("*", True, True, id="anybody is named"),
        pytest.param({"AWS": ROLE}, False, False, id="the role is named and has no right of its own"),
        pytest.param({"AWS": SESSION}, False, False, id="nor has its session"),
        pytest.param({"AWS": "arn:aws:iam::210987654321:root"}, True, False, id="another account is named"),
        pytest.param(None, True, False, id="nobody is named"),
    ],
)
def test_between_accounts_both_must_allow(principal: object, own: bool, allowed: bool) -> None:
    foreign = Request(CALLER, "s3:PutObject", OBJECT, resource_account="999999999999")
    named = () if principal is None else (bucket_policy(statement(Principal=principal)),)
    policies = PolicySet(identity=(policy(statement()),) if own else (), resource=named)
    assert is_allowed(policies, foreign) is allowed
    bounded = PolicySet(policies.identity, (policy(statement(Action="s3:GetObject")),), policies.resource)
    assert not is_allowed(bounded, foreign)


def test_allow_with_not_principal_allows_nobody() -> None:
    allow = bucket_policy(statement(NotPrincipal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}))
    assert not is_allowed(PolicySet(resource=(allow,)), request())


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        # Text
        ({"StringEquals": {"aws:username": "ann"}}, {"aws__username": "ann"}, True),
        ({"StringEquals": {"aws:username": ["bob", "ann"]}}, {"aws__username": "ann"}, True),
        ({"StringEquals": {"AWS:UserName": "ann"}}, {"aws__username": "ann"}, True),
        ({"StringEquals": {"aws:username": "Ann"}}, {"aws__username": "ann"}, False),
        ({"StringEquals": {"aws:username": "a*"}}, {"aws__username": "ann"}, False),
        ({"StringEquals": {"aws:username": "ann"}}, {}, False),
        ({"StringEqualsIfExists": {"aws:username": "ann"}}, {}, True),
        ({"StringEqualsIfExists": {"aws:username": "ann"}}, {"aws__username": "bob"}, False),
        ({"StringNotEquals": {"aws:username": "ann"}}, {"aws__username": "bob"}, True),
        ({"StringNotEquals": {"aws:username": ["ann", "bob"]}}, {"aws__username": "bob"}, False),
        ({"StringNotEquals": {"aws:username": "ann"}}, {}, True),
        ({"StringEqualsIgnoreCase": {"aws:username": "ANN"}}, {"aws__username": "ann"}, True),
        ({"StringLike": {"aws:username": "task_*"}}, {"aws__username": "task_1"}, True),
        ({"StringLike": {"aws:username": "task_*"}}, {"aws__username": "xtask_1"}, False),
        ({"StringLike": {"aws:username": "task_?"}}, {"aws__username": "task_12"}, False),
        ({"StringLike": {"aws:username": "a${*}b"}}, {"aws__username": "axb"}, False),
        ({"StringLike": {"aws:username": "a${*}b"}}, {"aws__username": "a*b"}, True),
        ({"StringNotLike": {"aws:username": "task_*"}}, {"aws__username": "bob"}, True),
        ({"StringLike": {"aws:username": "task_*"}}, {"aws__username": "task_1\nx"}, True),
        ({"StringNotEquals": {"aws:username": "a*"}}, {"aws__username": "ann"}, True),
        ({"StringEqualsIgnoreCase": {"aws:username": "A*"}}, {"aws__username": "ann"}, False),
        ({"StringNotEqualsIgnoreCase": {"aws:username": "ANN"}}, {"aws__username": "ann"}, False),
        ({"StringNotEqualsIgnoreCase": {"aws:username": "A*"}}, {"aws__username": "ann"}, True),
        ({"StringNotLike": {"aws:username": "task_*"}}, {"aws__username": "task_1"}, False),
        ({"StringEquals": {"s3:ObjectCreationOperation": True}}, {"s3__ObjectCreationOperation": "true"}, True),
        # Variables inside values
        (
            {"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/task}"}},
            {"sts__RoleSessionName": "t1", "aws__PrincipalTag/task": "t1"},
            True,
        ),
        ({"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/task}"}}, {"sts__RoleSessionName": ""}, False),
        # ARNs
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/q*"}}, {"aws__PrincipalArn": ROLE}, True),
        ({"ArnEquals": {"aws:PrincipalArn": ROLE}}, {"aws__PrincipalArn": ROLE}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": ROLE}}, {"aws__PrincipalArn": ROLE}, False),
        ({"ArnNotEquals": {"aws:PrincipalArn": ROLE}}, {}, True),
        # Booleans
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws__SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws__SecureTransport": "true"}, True),
        ({"BoolIfExists": {"aws:SecureTransport": "true"}}, {}, True),
        # Null
        ({"Null": {"s3:if-none-match": "true"}}, {}, True),
        ({"Null": {"s3:if-none-match": "true"}}, {"s3__if-none-match": "*"}, False),
        ({"Null": {"s3:if-none-match": False}}, {"s3__if-none-match": "*"}, True),
        ({"Null": {"aws:TagKeys": "false"}}, {"aws__TagKeys": ("a", "b")}, True),
        # Numbers
        ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3__max-keys": "9"}, True),
        ({"NumericLessThan": {"s3:max-keys": 10}}, {"s3__max-keys": "10"}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3__max-keys": "10"}, True),
        ({"NumericGreaterThan": {"s3:max-keys": "9"}}, {"s3__max-keys": "10"}, True),
        ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}, {"s3__TlsVersion": "1.3"}, True),
        ({"NumericEquals": {"s3:max-keys": "10"}}, {"s3__max-keys": "10.0"}, True),
        ({"NumericNotEquals": {"s3:max-keys": "10"}}, {"s3__max-keys": "10"}, False),
        ({"NumericEquals": {"s3:max-keys": "10"}}, {"s3__max-keys": "ten"}, False),
        # Dates
        (
            {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
            {"aws__CurrentTime": "2029-12-31T23:59:59Z"},
            True,
        ),
        ({"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, {"aws__CurrentTime": "1893456001"}, True),
        ({"DateEquals": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "2030-01-01T01:00:00+01:00"}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "soon"}, False),
        ({"DateNotEquals": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "2030-01-01"}, False),
        ({"DateLessThanEquals": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "2030-01-01"}, True),
        ({"DateLessThanEquals": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "2030-01-02"}, False),
        ({"DateGreaterThanEquals": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "2030-01-01"}, True),
        ({"DateGreaterThanEquals": {"aws:CurrentTime": "2030-01-01"}}, {"aws__CurrentTime": "2029-01-01"}, False),
        # Keys of several values
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}, {"aws__TagKeys": ("a", "b")}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "c"}}, {"aws__TagKeys": ("a", "b")}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}, {}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": "a"}}, {}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": "a"}}, {"aws__TagKeys": ("a", "b")}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws__TagKeys": ("a", "b")}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, {"aws__TagKeys": ("a", "b")}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, {}, True),
        (
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "jwks#*"}},
            {"dynamodb__LeadingKeys": ("task#1",)},
            False,
        ),
        # Several together: every operator and every key must hold
        (
            {"StringEquals": {"aws:username": "ann", "s3:prefix": "wal/"}},
            {"aws__username": "ann", "s3__prefix": "log/"},
            False,
        ),
        (
            {"StringEquals": {"aws:username": "ann"}, "Null": {"s3:prefix": "true"}},
            {"aws__username": "ann", "s3__prefix": "log/"},
            False,
        ),
    ],
)
def test_condition_holds_as_aws_documents(
    condition: dict[str, Any], context: dict[str, str | tuple[str, ...]], expected: bool
) -> None:
    assert holds(condition, **context) is expected


CONNECT = "arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-X/${aws:PrincipalTag/postern_user}"


@pytest.mark.parametrize(
    ("tag", "user", "allowed"),
    [
        pytest.param("task_a", "task_a", True, id="its-own-user"),
        pytest.param("task_a", "task_b", False, id="another-user"),
        pytest.param(None, "${aws:PrincipalTag/postern_user}", False, id="no-tag"),
        pytest.param(None, "", False, id="no-tag-and-no-user"),
        pytest.param("task_*", "task_b", False, id="a-star-in-a-tag-is-a-star"),
        pytest.param("task_.", "task_b", False, id="a-dot-in-a-tag-is-a-dot"),
        pytest.param("task_A", "task_a", False, id="case-counts"),
    ],
)
def test_principal_tag_in_a_resource_names_one_user(tag: str | None, user: str, allowed: bool) -> None:
    policies = PolicySet(identity=(policy(statement(Action="rds-db:connect", Resource=CONNECT)),))
    context = {} if tag is None else {"aws:PrincipalTag/postern_user": (tag,)}
    asked = Request(CALLER, "rds-db:connect", f"arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-X/{user}", context)
    assert is_allowed(policies, asked) is allowed


def test_colons_inside_a_variable_do_not_part_an_arn() -> None:
    resource = "arn:aws:rds-db:eu-west-1:${aws:PrincipalTag/account:id}:dbuser:db-X/a"
    policies = PolicySet(identity=(policy(statement(Action="rds-db:connect", Resource=resource)),))
    context = {"aws:PrincipalTag/account:id": (ACCOUNT,)}
    asked = Request(CALLER, "rds-db:connect", f"arn:aws:rds-db:eu-west-1:{ACCOUNT}:dbuser:db-X/a", context)
    assert is_allowed(policies, asked)


def test_default_stands_in_for_an_absent_variable() -> None:
    policies = PolicySet(identity=(policy(statement(Resource=f"{BUCKET}/${{aws:PrincipalTag/team, 'none'}}/a")),))
    assert is_allowed(policies, request(resource=f"{BUCKET}/none/a"))


def trust(principal: object, **condition: Any) -> Policy:
    elements: dict[str, Any] = {"Principal": principal, "Action": "sts:AssumeRole", "Resource": None}
    return policy(statement(**elements, Condition=condition or None), kind=PolicyKind.TRUST, name="trust policy")


CONNECT_ROLE = f"arn:aws:iam::{ACCOUNT}:role/connect"
MAY_ASSUME = policy(statement(Action="sts:AssumeRole", Resource=CONNECT_ROLE))


@pytest.mark.parametrize(
    ("trusted", "identity", "allowed"),
    [
        pytest.param({"AWS": ROLE}, (), True, id="role-named-by-trust"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, (MAY_ASSUME,), True, id="account-and-own-policy"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, (), False, id="account-without-own-policy"),
        pytest.param({"Service": "lambda.amazonaws.com"}, (MAY_ASSUME,), False, id="own-policy-without-trust"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, (MAY_ASSUME,), False, id="trust-of-another"),
        pytest.param({"AWS": "999999999999"}, (MAY_ASSUME,), False, id="trust-of-another-account"),
    ],
)
def test_role_is_assumed_only_by_whom_it_trusts(trusted: object, identity: tuple[Policy, ...], allowed: bool) -> None:
    asked = Request(CALLER, "sts:AssumeRole", CONNECT_ROLE)
    decision = evaluate(PolicySet(identity=identity, resource=(trust(trusted),)), asked)
    assert isinstance(decision, Allowed if allowed else Denied)
    assert not (isinstance(decision, Denied) and decision.explicit)


def test_service_assumes_a_role_that_trusts_it() -> None:
    service = Caller(arn="", account="", service="lambda.amazonaws.com")
    asked = Request(service, "sts:AssumeRole", CONNECT_ROLE)
    assert is_allowed(PolicySet(resource=(trust({"Service": "lambda.amazonaws.com"}),)), asked)
    assert not is_allowed(PolicySet(resource=(trust({"Service": "ec2.amazonaws.com"}),)), asked)
    assert not is_allowed(PolicySet(resource=(trust({"AWS": ROLE}),)), asked)


def test_trust_policy_with_tag_condition_refuses_other_tags() -> None:
    by_tag = trust({"AWS": ROLE}, StringLike={"aws:RequestTag/postern_user": "task_*"})
    for tag, allowed in (("task_1", True), ("postgres", False)):
        asked = Request(CALLER, "sts:AssumeRole", CONNECT_ROLE, {"aws:RequestTag/postern_user": (tag,)})
        assert is_allowed(PolicySet(resource=(by_tag,)), asked) is allowed


@pytest.mark.parametrize(
    ("document", "kind", "says"),
    [
        pytest.param("{", PolicyKind.IDENTITY, "expected JSON", id="not-json"),
        pytest.param("[]", PolicyKind.IDENTITY, "expected an object", id="not-an-object"),
        pytest.param('{"Version":"2012-10-17","Version":"2012-10-17"}', PolicyKind.IDENTITY, "twice", id="name-twice"),
        pytest.param({"Version": "2008-10-17", "Statement": []}, PolicyKind.IDENTITY, "Version", id="old-version"),
        pytest.param({"Version": "2012-10-17", "Statement": []}, PolicyKind.IDENTITY, "at least one", id="empty"),
        pytest.param({"Version": "2012-10-17"}, PolicyKind.IDENTITY, "expected an object", id="no-statement"),
        pytest.param(
            {"Version": "2012-10-17", "Statement": [], "Extra": 1},
            PolicyKind.IDENTITY,
            "got Extra",
            id="document-element",
        ),
        pytest.param(statement(Extra=1), PolicyKind.IDENTITY, "got Extra", id="statement-element"),
        pytest.param(statement("allow"), PolicyKind.IDENTITY, "Effect", id="effect"),
        pytest.param(statement(Action=None), PolicyKind.IDENTITY, "got neither", id="no-action"),
        pytest.param(statement(NotAction="s3:*"), PolicyKind.IDENTITY, "got both", id="both-actions"),
        pytest.param(statement(Action="PutObject"), PolicyKind.IDENTITY, "service:Name", id="action-without-service"),
        pytest.param(statement(Action=[]), PolicyKind.IDENTITY, "list of text", id="empty-actions"),
        pytest.param(
            statement(Action="s3:${aws:username}"), PolicyKind.IDENTITY, "service:Name", id="variable-in-action"
        ),
        pytest.param(statement(Resource=None), PolicyKind.IDENTITY, "got neither", id="no-resource"),
        pytest.param(statement(Resource="evidence/*"), PolicyKind.IDENTITY, "expected an ARN", id="resource-not-arn"),
        pytest.param(statement(Resource="arn:aws:s3*"), PolicyKind.IDENTITY, "expected an ARN", id="half-an-arn"),
        pytest.param(
            statement(Resource=f"{BUCKET}/${{aws:Nothing}}"), PolicyKind.IDENTITY, "aws:Nothing", id="unknown-variable"
        ),
        pytest.param(
            statement(Resource=f"{BUCKET}/${{aws:TagKeys}}"), PolicyKind.IDENTITY, "aws:TagKeys", id="list-as-variable"
        ),
        pytest.param(
            statement(Resource=f"{BUCKET}/${{aws:username"), PolicyKind.IDENTITY, "closing brace", id="open-variable"
        ),
        pytest.param(statement(Principal="*"), PolicyKind.IDENTITY, "expected no Principal", id="identity-principal"),
        pytest.param(statement(), PolicyKind.RESOURCE, "got neither", id="resource-policy-without-principal"),
        pytest.param(statement(Principal="*"), PolicyKind.TRUST, "expected no Resource", id="trust-resource"),
        pytest.param(
            statement(Principal={"AWS": "arn:aws:iam::123456789012:role/*"}),
            PolicyKind.RESOURCE,
            "role/",
            id="star-role",
        ),
        pytest.param(
            statement(Principal={"CanonicalUser": "x"}), PolicyKind.RESOURCE, "CanonicalUser", id="canonical-user"
        ),
        pytest.param(statement(Principal={}), PolicyKind.RESOURCE, "expected * or an object", id="empty-principal"),
        pytest.param(statement(Principal={"AWS": []}), PolicyKind.RESOURCE, "at least one", id="principal-of-nobody"),
        pytest.param(
            statement(Principal={"Federated": "lambda.amazonaws.com"}), PolicyKind.RESOURCE, "Federated", id="federated"
        ),
        pytest.param(statement(Condition=[]), PolicyKind.IDENTITY, "expected an object", id="condition-list"),
        pytest.param(
            statement(Condition={"IpAddress": {"aws:SourceIp": "::1"}}), PolicyKind.IDENTITY, "IpAddress", id="operator"
        ),
        pytest.param(
            statement(Condition={"ForSome:StringEquals": {"aws:TagKeys": "a"}}),
            PolicyKind.IDENTITY,
            "ForSome",
            id="quantifier",
        ),
        pytest.param(
            statement(Condition={"NullIfExists": {"aws:username": "true"}}),
            PolicyKind.IDENTITY,
            "Null",
            id="null-if-exists",
        ),
        pytest.param(
            statement(Condition={"ForAllValues:Null": {"aws:TagKeys": "true"}}),
            PolicyKind.IDENTITY,
            "ForAllValues:Null",
            id="null-with-quantifier",
        ),
        pytest.param(
            statement(Condition={"StringEquals": {"aws:username": {}}}),
            PolicyKind.IDENTITY,
            "expected text",
            id="object",
        ),
        pytest.param(
            statement(Condition={"StringEquals": {"s3:nothing": "a"}}), PolicyKind.IDENTITY, "s3:nothing", id="key"
        ),
        pytest.param(
            statement(Condition={"StringEquals": {"aws:PrincipalTag/": "a"}}),
            PolicyKind.IDENTITY,
            "Tag/",
            id="tag-no-name",
        ),
        pytest.param(
            statement(Condition={"StringEquals": {"aws:TagKeys": "a"}}),
            PolicyKind.IDENTITY,
            "ForAnyValue",
            id="list-key",
        ),
        pytest.param(statement(Condition={"StringEquals": {}}), PolicyKind.IDENTITY, "object of keys", id="no-keys"),
        pytest.param(
            statement(Condition={"StringEquals": {"aws:username": []}}),
            PolicyKind.IDENTITY,
            "at least one",
            id="no-value",
        ),
        pytest.param(
            statement(Condition={"Bool": {"aws:SecureTransport": "no"}}),
            PolicyKind.IDENTITY,
            "true or false",
            id="bool",
        ),
        pytest.param(
            statement(Condition={"NumericEquals": {"s3:max-keys": "ten"}}), PolicyKind.IDENTITY, "a number", id="number"
        ),
        pytest.param(
            statement(Condition={"DateEquals": {"aws:CurrentTime": "soon"}}), PolicyKind.IDENTITY, "ISO 8601", id="date"
        ),
        pytest.param(
            statement(Condition={"ArnLike": {"aws:PrincipalArn": "role"}}),
            PolicyKind.IDENTITY,
            "an ARN",
            id="arn-value",
        ),
        pytest.param(
            statement(Condition={"Null": {"aws:username": "maybe"}}),
            PolicyKind.IDENTITY,
            "true or false",
            id="null-value",
        ),
    ],
)
def test_refuses_to_load_what_it_would_have_to_ignore(document: Any, kind: PolicyKind, says: str) -> None:
    if isinstance(document, dict) and "Effect" in document:
        document = {"Version": "2012-10-17", "Statement": document}
    with pytest.raises(PolicyError) as refused:
        parse_policy(document, kind=kind, name="infra/audit.yaml")
    assert str(refused.value).startswith("infra/audit.yaml: ")
    assert says in str(refused.value)


def test_evidence_bucket_policy_lets_only_new_objects_in() -> None:
    """The shape of the evidence bucket's policy: a Deny that holds for a PUT without the header, and only then."""
    only_new = bucket_policy(
        statement("Deny", Sid="OnlyNew", Principal="*", Condition={"Null": {"s3:if-none-match": "true"}}),
        statement("Deny", Sid="NoDelete", Principal="*", Action=["s3:DeleteObject*", "s3:PutObjectRetention"]),
    )
    policies = PolicySet(identity=(policy(statement(Action="s3:*")),), resource=(only_new,))
    new = Request(CALLER, "s3:PutObject", OBJECT, {"s3:if-none-match": ("*",)})
    assert evaluate(policies, new) == Allowed(by="policy")
    assert evaluate(policies, request()) == Denied(reason="denied by bucket policy (OnlyNew)", explicit=True)
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"):
        assert evaluate(policies, request(action)) == Denied(reason="denied by bucket policy (NoDelete)", explicit=True)

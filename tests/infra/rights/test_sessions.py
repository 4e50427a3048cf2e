"""The session policy as the code makes it, under the role that the template makes: what a task's session can do."""

from __future__ import annotations

import json

import pytest

from postern.edges.database_token import database_user_arn, session_policy
from postern.types import DatabaseAddress
from tests.support.rights.asking import Ask, Case, ours, theirs
from tests.support.rights.documents import ACCOUNT, REGION, rights_of
from tests.support.rights.places import DATABASES, RECORD, USER, Places, whole

ANOTHER = f"{USER[:-1]}2"
ONE, TWO = DATABASES
ADDRESS = DatabaseAddress(
    name="shop", host="db.example", port=5432, dbname="shop", resource_id=ONE, region=REGION, ca="ca.pem"
)
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

# Who it would log in as, where, under which tag, and whether the session's policy bounds it.
TABLE = [
    pytest.param(USER, ONE, USER, True, True, id="its own user"),
    pytest.param(ANOTHER, ONE, USER, True, False, id="another task's user"),
    pytest.param("postern_provision", ONE, USER, True, False, id="the provisioner"),
    pytest.param(USER, TWO, USER, True, False, id="its user in another database"),
    pytest.param(ANOTHER, ONE, ANOTHER, True, False, id="under another tag the session's policy still names one"),
    pytest.param(USER, ONE, ANOTHER, True, False, id="under another tag the role's policy refuses its user"),
    pytest.param(USER, ONE, None, True, False, id="without a tag"),
    pytest.param(USER, ONE, USER, False, True, id="without the session's bound its own user"),
    pytest.param(ANOTHER, ONE, USER, False, False, id="without the session's bound the tag still binds"),
]


def case(ask: Ask, *, bounded: bool) -> Case:
    """A request of a session of one task."""
    rights = rights_of(whole())
    policy = session_policy(database_user_arn(ACCOUNT, ADDRESS, USER)) if bounded else EVERYTHING
    own = tuple(rights.identity["connect"].values())
    return Case(ask, rights.arns["connect"], own, session=json.dumps(policy))


def connects(user: str, database: str, tag: str | None) -> Ask:
    context = {} if tag is None else {"aws:PrincipalTag/postern_user": (tag,)}
    return Ask("rds-db:connect", Places(whole()).user(user, database), context)


@pytest.mark.parametrize(("user", "database", "tag", "bounded", "expected"), TABLE)
def test_a_session_connects_as_its_task(
    user: str, database: str, tag: str | None, bounded: bool, expected: bool
) -> None:
    assert ours(case(connects(user, database, tag), bounded=bounded)) is expected


def test_a_session_policy_adds_no_right() -> None:
    ask = Ask("s3:PutObject", Places(whole()).object(RECORD))
    assert not ours(case(ask, bounded=False))


def test_an_evaluator_of_others_reads_session_policies_alike() -> None:
    rows = [row.values for row in TABLE]
    answers = theirs([case(connects(user, database, tag), bounded=bounded) for user, database, tag, bounded, _ in rows])

    assert [answer.allowed for answer in answers] == [expected for *_, expected in rows]
    assert {answer.error for answer in answers} == {None}

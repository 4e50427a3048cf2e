"""The evidence bucket in an account of its own: what the broker's account, and any other, can do to it."""

from __future__ import annotations

import json

import pytest

from postern_local.model import Names
from postern_local.template import Template
from tests.support.rights.asking import Ask, Case, Context, ours, theirs
from tests.support.rights.places import CHECKPOINT, ELSEWHERE, RECORD, TEXT, TILE
from tests.support.rights.walls import CREATES, EVERYTHING, EVIDENCE_ADMINISTRATOR, LOCKS, TLS, without
from tests.support.stack import PROJECT

AUDITS, WRITES, STRANGE = "123456789012", "210987654321", "999999999999"
SEQUENCER = f"arn:aws:iam::{WRITES}:role/broker-SequenceRole"
WRITER, STRANGER = f"arn:aws:iam::{WRITES}:role/broker-QueryRole", f"arn:aws:iam::{STRANGE}:role/owner"
BUCKET = "arn:aws:s3:::postern-local-evidencebucket"


@pytest.fixture(scope="module")
def policy() -> str:
    parameters = {
        "RetentionDays": "400",
        "LongestLockDays": "800",
        "EvidenceAdministratorArn": EVIDENCE_ADMINISTRATOR,
        "WriterAccountId": WRITES,
        "SequencerRoleArn": SEQUENCER,
    }
    (found,) = Template(PROJECT / "infra/audit.yaml", parameters, Names()).of_type("AWS::S3::BucketPolicy").values()
    return json.dumps(found["PolicyDocument"])


def row(name: str, caller: str, action: str, key: str | None, context: Context, expected: bool) -> object:
    resource = BUCKET if key is None else f"{BUCKET}/{key}"
    return pytest.param(caller, Ask(f"s3:{action}", resource, context), expected, id=name)


TABLE = [
    row("a writer adds a record", WRITER, "PutObject", RECORD, CREATES, True),
    row("and locks it", WRITER, "PutObjectRetention", RECORD, LOCKS, True),
    row("and a text", WRITER, "PutObject", TEXT, CREATES, True),
    row("and reads one", WRITER, "GetObject", RECORD, TLS, True),
    row("a version", WRITER, "GetObjectVersion", RECORD, TLS, True),
    row("it lists", WRITER, "ListBucket", None, TLS, True),
    row("and versions", WRITER, "ListBucketVersions", None, TLS, True),
    row("nothing in the clear", WRITER, "GetObject", RECORD, {"aws:SecureTransport": ("false",)}, False),
    row("no record over one", WRITER, "PutObject", RECORD, LOCKS, False),
    row("no object elsewhere", WRITER, "PutObject", ELSEWHERE, CREATES, False),
    row("none read elsewhere", WRITER, "GetObject", ELSEWHERE, TLS, False),
    row("no log", WRITER, "PutObject", TILE, CREATES, False),
    row("no other mode", WRITER, "PutObject", RECORD, {**CREATES, "s3:object-lock-mode": ("GOVERNANCE",)}, False),
    row("no lock at all", WRITER, "PutObject", RECORD, without(CREATES, "s3:object-lock-mode"), False),
    row("no delete", WRITER, "DeleteObject", RECORD, TLS, False),
    row("no delete of a version", WRITER, "DeleteObjectVersion", RECORD, TLS, False),
    row("no legal hold", WRITER, "PutObjectLegalHold", RECORD, TLS, False),
    row("no policy", WRITER, "PutBucketPolicy", None, TLS, False),
    row("no versioning", WRITER, "PutBucketVersioning", None, TLS, False),
    row("no access control", WRITER, "PutObjectAcl", RECORD, TLS, False),
    row("the sequencer writes the log", SEQUENCER, "PutObject", CHECKPOINT, CREATES, True),
    row("and no record", SEQUENCER, "PutObject", RECORD, CREATES, False),
    row("a stranger reads nothing", STRANGER, "GetObject", RECORD, TLS, False),
    row("adds nothing", STRANGER, "PutObject", RECORD, CREATES, False),
    row("and lists nothing", STRANGER, "ListBucket", None, TLS, False),
    row("the administrator changes the policy", EVIDENCE_ADMINISTRATOR, "PutBucketPolicy", None, TLS, True),
    row("and deletes nothing", EVIDENCE_ADMINISTRATOR, "DeleteObjectVersion", RECORD, TLS, False),
]


def case(caller: str, ask: Ask, policy: str) -> Case:
    """A caller whose own account lets it do everything."""
    return Case(ask, caller, (EVERYTHING,), resource=policy, account=caller.split(":")[4], owner=AUDITS)


@pytest.mark.parametrize(("caller", "ask", "expected"), TABLE)
def test_another_account_adds_and_reads_and_no_more(caller: str, ask: Ask, expected: bool, policy: str) -> None:
    assert ours(case(caller, ask, policy)) is expected


def test_between_accounts_the_callers_own_policies_must_allow_too(policy: str) -> None:
    asked = case(WRITER, Ask("s3:PutObject", f"{BUCKET}/{RECORD}", CREATES), policy)
    bare = Case(asked.ask, WRITER, (), resource=policy, account=WRITES, owner=AUDITS)

    assert not ours(bare)
    assert [answer.allowed for answer in theirs([asked, bare])] == [True, False]


def test_an_evaluator_of_others_reads_it_alike(policy: str) -> None:
    rows = [one.values for one in TABLE]  # type: ignore[attr-defined]
    answers = theirs([case(caller, ask, policy) for caller, ask, _ in rows])

    assert [answer.allowed for answer in answers] == [expected for *_, expected in rows]
    assert {(answer.error, answer.ignored) for answer in answers} == {(None, ())}

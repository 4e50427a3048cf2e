"""What the bucket's, the keys' and the queue's policies and the trust of roles refuse, whatever a caller may besides.

The caller's own policies allow everything, so only the wall decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postern_local.iam import PolicyKind
from tests.support.stack import PARAMETERS

from .asking import Ask, Case, Context
from .documents import ACCOUNT, REGION, Rights
from .places import CHECKPOINT, ELSEWHERE, FUNCTIONS, RECORD, TEXT, TILE, USER, Places
from .tables import Question

OTHER = "210987654321"
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
EVIDENCE_ADMINISTRATOR = PARAMETERS["EvidenceAdministratorArn"]
OWNER = f"arn:aws:iam::{ACCOUNT}:role/owner"
TLS: Context = {"aws:SecureTransport": ("true",)}
LOCKS: Context = {
    **TLS,
    "s3:object-lock-mode": ("COMPLIANCE",),
    "s3:object-lock-retain-until-date": ("2028-02-05T00:00:00Z",),
    "s3:object-lock-remaining-retention-days": ("500",),
}
CREATES: Context = {**LOCKS, "s3:if-none-match": ("*",)}
MOVES: Context = {**LOCKS, "s3:if-match": ("etag",)}


@dataclass(frozen=True, slots=True)
class Wall:
    """A document, what it guards and whom it is asked about."""

    rights: Rights
    places: Places

    def ask(self, caller: str, ask: Ask, expected: bool, *, of: str, account: str = ACCOUNT) -> Question:
        """`of`: the ARN whose policy decides."""
        kind = PolicyKind.KEY if ":kms:" in of else PolicyKind.RESOURCE
        document = self.rights.resource[of]
        service = caller.endswith(".amazonaws.com")
        identity = () if service else (EVERYTHING,)
        case = Case(ask, caller, identity, resource=document, kind=kind, account=account)
        return Question(caller.rpartition("/")[2], case, expected)

    def trust(self, caller: str, ask: Ask, role: str, expected: bool, account: str = ACCOUNT) -> Question:
        identity = () if caller.endswith(".amazonaws.com") else (EVERYTHING,)
        case = Case(ask, caller, identity, resource=self.rights.trust[role], kind=PolicyKind.TRUST, account=account)
        return Question(caller.rpartition("/")[2], case, expected)


def questions(wall: Wall) -> list[Question]:
    return [*_puts(wall), *_locks(wall), *_closed(wall), *_signing(wall), *_sealing(wall), *_queue(wall), *trusts(wall)]


def without(context: Context, name: str) -> Context:
    return {key: values for key, values in context.items() if key != name}


def _puts(wall: Wall) -> Iterator[Question]:
    """Who writes where, and never over what is there."""
    places, of = wall.places, wall.places.bucket
    sequencer = wall.rights.arns["sequence"]

    def put(caller: str, key: str, context: Context, expected: bool) -> Iterator[Question]:
        yield wall.ask(caller, Ask("s3:PutObject", places.object(key), context), expected, of=of)

    for caller, key in ((OWNER, RECORD), (OWNER, TEXT), (sequencer, TILE), (sequencer, CHECKPOINT)):
        yield from put(caller, key, CREATES, True)
        yield from put(caller, key, LOCKS, False)
        yield from put(caller, key, {**CREATES, "aws:SecureTransport": ("false",)}, False)
        yield from put(caller, key, MOVES, key == CHECKPOINT)
        yield from put(caller, key, {**CREATES, "s3:x-amz-server-side-encryption": ("AES256",)}, True)
        for kms in ("aws:kms", "aws:kms:dsse", "aes256"):
            yield from put(caller, key, {**CREATES, "s3:x-amz-server-side-encryption": (kms,)}, False)
        yield from put(
            caller, key, {**CREATES, "s3:x-amz-server-side-encryption-customer-algorithm": ("AES256",)}, False
        )
        yield from put(caller, key, {**CREATES, "s3:object-lock-event-hold": ("ON",)}, False)
    for action in ("PutObject", "PutObjectRetention"):
        for caller in (OWNER, EVIDENCE_ADMINISTRATOR, f"{sequencer}2"):
            for key in (TILE, CHECKPOINT):
                yield wall.ask(caller, Ask(f"s3:{action}", places.object(key), _asked(action, CREATES)), False, of=of)
        for key in (RECORD, TEXT, ELSEWHERE):
            yield wall.ask(sequencer, Ask(f"s3:{action}", places.object(key), _asked(action, CREATES)), False, of=of)
    yield from put(OWNER, "wal/log/x/checkpoint", MOVES, False)
    yield from put(sequencer, "log/test-2026/checkpoints/7", MOVES, False)
    for caller, key in (
        (OWNER, RECORD),
        (OWNER, TILE),
        (sequencer, RECORD),
        (sequencer, TILE),
        (sequencer, CHECKPOINT),
    ):
        yield wall.ask(caller, Ask("s3:ReplicateObject", places.object(key), TLS), False, of=of)


def _asked(action: str, context: Context) -> Context:
    return without(context, "s3:if-none-match") if action == "PutObjectRetention" else context


def _locks(wall: Wall) -> Iterator[Question]:
    """Which retention, when it is put and afterwards."""
    days = "s3:object-lock-remaining-retention-days"
    changes: dict[tuple[str, str], bool] = {
        (days, "400"): True,
        (days, "399"): False,
        (days, "800"): True,
        (days, "801"): False,
        (days, ""): False,
        ("s3:object-lock-mode", "GOVERNANCE"): False,
        ("s3:object-lock-mode", ""): False,
        ("s3:object-lock-event-hold", "ON"): False,
    }
    sequencer = wall.rights.arns["sequence"]
    for caller, key in ((OWNER, RECORD), (EVIDENCE_ADMINISTRATOR, TEXT), (sequencer, TILE), (sequencer, CHECKPOINT)):
        arn = wall.places.object(key)
        yield wall.ask(caller, Ask("s3:PutObjectRetention", arn, LOCKS), True, of=wall.places.bucket)
        for (name, value), expected in changes.items():
            context = {**LOCKS, name: (value,)} if value else without(LOCKS, name)
            ask = Ask("s3:PutObjectRetention", arn, context)
            yield wall.ask(caller, ask, expected, of=wall.places.bucket)
        for name in ("s3:object-lock-mode",):
            ask = Ask("s3:PutObject", arn, {**CREATES, name: ("GOVERNANCE",)})
            yield wall.ask(caller, ask, False, of=wall.places.bucket)
            yield wall.ask(caller, Ask("s3:PutObject", arn, without(CREATES, name)), False, of=wall.places.bucket)


_ON_OBJECTS = (
    *("DeleteObject", "DeleteObjectVersion", "ReplicateDelete", "BypassGovernanceRetention", "PutObjectLegalHold"),
    "UpdateObjectEncryption",
)
_ON_BUCKET = (
    *("DeleteBucket", "PutBucketObjectLockConfiguration", "PutBucketOwnershipControls", "PutBucketPublicAccessBlock"),
    *("PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration"),
)
_ADMINISTERED = ("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketNotification", "PutInventoryConfiguration")


def _closed(wall: Wall) -> Iterator[Question]:
    """What nobody may, and what one role may."""
    places, of = wall.places, wall.places.bucket
    for caller in (OWNER, EVIDENCE_ADMINISTRATOR, wall.rights.arns["sequence"], wall.rights.arns["reap"]):
        for key in (RECORD, TEXT, CHECKPOINT, ELSEWHERE):
            yield from (
                wall.ask(caller, Ask(f"s3:{name}", places.object(key), TLS), False, of=of) for name in _ON_OBJECTS
            )
        yield from (wall.ask(caller, Ask(f"s3:{name}", of, TLS), False, of=of) for name in _ON_BUCKET)
        administers = caller == EVIDENCE_ADMINISTRATOR
        yield from (wall.ask(caller, Ask(f"s3:{name}", of, TLS), administers, of=of) for name in _ADMINISTERED)
        yield wall.ask(caller, Ask("s3:GetObject", places.object(RECORD), TLS), True, of=of)
        yield wall.ask(caller, Ask("s3:ListBucket", of, TLS), True, of=of)
        plain: Context = {"aws:SecureTransport": ("false",)}
        yield wall.ask(caller, Ask("s3:GetObject", places.object(RECORD), plain), False, of=of)
        yield wall.ask(caller, Ask("s3:ListBucket", of, plain), False, of=of)
    impostor = f"{EVIDENCE_ADMINISTRATOR}2"
    yield from (wall.ask(impostor, Ask(f"s3:{name}", of, TLS), False, of=of) for name in _ADMINISTERED)
    # From another account nothing is open: the bucket's policy allows nobody by itself.
    stranger = f"arn:aws:iam::{OTHER}:role/owner"
    for ask in (
        Ask("s3:GetObject", places.object(RECORD), TLS),
        Ask("s3:PutObject", places.object(RECORD), CREATES),
        Ask("s3:ListBucket", of, TLS),
    ):
        yield wall.ask(stranger, ask, False, of=of, account=OTHER)


SIGNS: Context = {"kms:MessageType": ("RAW",), "kms:SigningAlgorithm": ("ED25519_SHA_512",)}


def _signing(wall: Wall) -> Iterator[Question]:
    of, sequencer = wall.places.key(signs=True), wall.rights.arns["sequence"]
    yield wall.ask(sequencer, Ask("kms:Sign", of, SIGNS), True, of=of)
    for context in (
        {**SIGNS, "kms:MessageType": ("DIGEST",)},
        {**SIGNS, "kms:SigningAlgorithm": ("ED25519_PH_SHA_512",)},
        without(SIGNS, "kms:MessageType"),
        without(SIGNS, "kms:SigningAlgorithm"),
    ):
        yield wall.ask(sequencer, Ask("kms:Sign", of, context), False, of=of)
    for caller in (OWNER, f"{sequencer}2", *(wall.rights.arns[name] for name in sorted(FUNCTIONS - {"sequence"}))):
        yield wall.ask(caller, Ask("kms:Sign", of, SIGNS), False, of=of)
    for caller in (OWNER, sequencer):
        for action in ("CreateGrant", "ImportKeyMaterial", "ReplicateKey", "Encrypt", "Decrypt"):
            yield wall.ask(caller, Ask(f"kms:{action}", of), False, of=of)
        for action in ACCOUNT_KEEPS:
            yield wall.ask(caller, Ask(f"kms:{action}", of), True, of=of)
    stranger = f"arn:aws:iam::{OTHER}:role/owner"
    for ask in (Ask("kms:Sign", of, SIGNS), Ask("kms:GetPublicKey", of), Ask("kms:PutKeyPolicy", of)):
        yield wall.ask(stranger, ask, False, of=of, account=OTHER)


ACCOUNT_KEEPS = (
    *("CancelKeyDeletion", "DescribeKey", "DisableKey", "EnableKey", "GetKeyPolicy", "GetKeyRotationStatus"),
    *("GetPublicKey", "ListGrants", "ListKeyPolicies", "ListResourceTags", "PutKeyPolicy", "ScheduleKeyDeletion"),
    *("TagResource", "UntagResource", "UpdateKeyDescription", "Verify"),
)


def _sealing(wall: Wall) -> Iterator[Question]:
    of = wall.places.key(signs=False)
    yield wall.ask(OWNER, Ask("kms:Decrypt", of), True, of=of)
    for sealer in ("query", "run"):
        caller = wall.rights.arns[sealer]
        yield wall.ask(caller, Ask("kms:GenerateDataKey", of), True, of=of)
        for action in ("Decrypt", "CreateGrant", "ReEncryptFrom"):
            yield wall.ask(caller, Ask(f"kms:{action}", of), False, of=of)
            yield wall.ask(f"{caller}2", Ask(f"kms:{action}", of), True, of=of)
    yield wall.ask(f"arn:aws:iam::{OTHER}:role/owner", Ask("kms:Decrypt", of), False, of=of, account=OTHER)


def _queue(wall: Wall) -> Iterator[Question]:
    of = wall.places.queue("Queue")
    told: Context = {**TLS, "aws:SourceAccount": (ACCOUNT,), "aws:SourceArn": (wall.places.bucket,)}
    s3 = "s3.amazonaws.com"
    yield wall.ask(s3, Ask("sqs:SendMessage", of, told), True, of=of)
    yield wall.ask(s3, Ask("sqs:SendMessage", of, {**told, "aws:SecureTransport": ("false",)}), False, of=of)
    yield from (wall.ask(s3, Ask(f"sqs:{name}", of, told), False, of=of) for name in ("ReceiveMessage", "PurgeQueue"))
    yield wall.ask("ec2.amazonaws.com", Ask("sqs:SendMessage", of, told), False, of=of)
    for name, value in (("aws:SourceAccount", OTHER), ("aws:SourceArn", f"arn:aws:sns:{REGION}:{ACCOUNT}:a")):
        yield wall.ask(s3, Ask("sqs:SendMessage", of, {**told, name: (value,)}), False, of=of)
        yield wall.ask(s3, Ask("sqs:SendMessage", of, without(told, name)), False, of=of)
    for action in ("SendMessage", "PurgeQueue"):
        yield wall.ask(OWNER, Ask(f"sqs:{action}", of, TLS), True, of=of)
        yield wall.ask(OWNER, Ask(f"sqs:{action}", of, {"aws:SecureTransport": ("false",)}), False, of=of)
        yield wall.ask(f"arn:aws:iam::{OTHER}:role/owner", Ask(f"sqs:{action}", of, TLS), False, of=of, account=OTHER)


SERVICES: Mapping[str, str] = {
    **dict.fromkeys(FUNCTIONS, "lambda.amazonaws.com"),
    "shift": "codedeploy.amazonaws.com",
    "gatewaylog": "apigateway.amazonaws.com",
}
ASSUMES: Context = {
    "aws:RequestTag/postern_user": (USER,),
    "aws:TagKeys": ("postern_user",),
    "sts:SourceIdentity": (USER.removeprefix("task_"),),
}
# The keys that AWS's reference has for each of the three rights that one request asks.
_OF_RIGHT = {
    "AssumeRole": ("aws:RequestTag/postern_user", "aws:TagKeys", "sts:SourceIdentity"),
    "TagSession": ("aws:RequestTag/postern_user", "aws:TagKeys"),
    "SetSourceIdentity": ("sts:SourceIdentity",),
}


def trusts(wall: Wall) -> Iterator[Question]:
    for role, service in SERVICES.items():
        if role not in wall.rights.trust:
            continue
        arn, own = wall.rights.arns[role], {"aws:SourceAccount": (ACCOUNT,)}
        # Of the other services nothing says that they tell for which account they ask.
        names_its_account = service == "lambda.amazonaws.com"
        yield wall.trust(service, Ask("sts:AssumeRole", arn, own), role, True)
        yield wall.trust(
            service, Ask("sts:AssumeRole", arn, {"aws:SourceAccount": (OTHER,)}), role, not names_its_account
        )
        yield wall.trust(service, Ask("sts:AssumeRole", arn), role, not names_its_account)
        yield wall.trust("ec2.amazonaws.com", Ask("sts:AssumeRole", arn, own), role, False)
        for caller in (OWNER, wall.rights.arns["query"]):
            yield wall.trust(caller, Ask("sts:AssumeRole", arn, own), role, False)
    yield from _connects(wall)


def _connects(wall: Wall) -> Iterator[Question]:
    role, callers = wall.rights.arns["connect"], {name: wall.rights.arns[name] for name in FUNCTIONS}
    for right, keys in _OF_RIGHT.items():
        whole = {key: ASSUMES[key] for key in keys}
        for name, caller in sorted(callers.items()):
            yield wall.trust(caller, Ask(f"sts:{right}", role, whole), "connect", name in ("query", "run"))
        yield wall.trust(OWNER, Ask(f"sts:{right}", role, whole), "connect", False)
        stranger = f"arn:aws:iam::{OTHER}:role/postern-local-QueryRole"
        yield wall.trust(stranger, Ask(f"sts:{right}", role, whole), "connect", False, OTHER)
        for key in keys:
            yield wall.trust(callers["query"], Ask(f"sts:{right}", role, without(whole, key)), "connect", False)
        if "aws:TagKeys" in keys:
            for name in ("postgres", "postern_provision", "xtask_1"):
                wrong = {**whole, "aws:RequestTag/postern_user": (name,)}
                yield wall.trust(callers["query"], Ask(f"sts:{right}", role, wrong), "connect", False)
            more = {**whole, "aws:TagKeys": ("postern_user", "other")}
            yield wall.trust(callers["query"], Ask(f"sts:{right}", role, more), "connect", False)

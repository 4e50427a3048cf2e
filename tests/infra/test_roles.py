"""Least privilege, evaluated: what each function's role can do, and above all what it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Deployment, Role
from tests.support.stack import project_deployment

ACCOUNT = "123456789012"
DATABASES = ("db-ONE", "cluster-TWO")
FUNCTIONS = (
    "authorize",
    "tasks",
    "query",
    "provision",
    "run",
    "revoke",
    "sequence",
    "reap",
    "receipts",
    "inspect",
    "console",
    "mcp",
    "deploy",
)
WRITERS = ("tasks", "query", "provision", "run", "revoke", "deploy")
RECORD = "wal/v1/test-2026/a/20261122/10/018f/1-intent.json"
USER = "task_018f0000000070008000000000000001"


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()


def role_of(deployed: Deployment, function: str) -> Role:
    (role,) = (role for role in deployed.roles if role.name == deployed.function(f"postern-{function}").role)
    return role


def connect_role(deployed: Deployment) -> Role:
    (role,) = (role for role in deployed.roles if role.name.endswith("ConnectRole"))
    return role


def may(role: Role, action: str, resource: str, context: dict[str, tuple[str, ...]] | None = None) -> bool:
    policies = tuple(
        parse_policy(document, kind=PolicyKind.IDENTITY, name=name) for name, document in role.policies.items()
    )
    request = Request(Caller(role.arn, ACCOUNT), action, resource, context or {})
    return isinstance(evaluate(PolicySet(identity=policies), request), Allowed)


def statements(role: Role) -> Iterator[dict[str, Any]]:
    for document in role.policies.values():
        yield from document["Statement"]


def listed(element: str | list[str]) -> list[str]:
    return [element] if isinstance(element, str) else element


def test_every_function_has_a_role_of_its_own(deployed: Deployment) -> None:
    assert len({function.role for function in deployed.functions}) == len(FUNCTIONS)


def test_the_authorizer_may_write_its_log_and_its_own_items_of_state(deployed: Deployment) -> None:
    role = role_of(deployed, "authorize")
    actions = {action for one in statements(role) for action in listed(one["Action"])}
    state = table_arn(deployed, "StateTable")

    assert actions == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"),
        *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    }
    for name, expected in {"GetItem": "jwks#i", "UpdateItem": "jwks#i", "PutItem": "dpop#a"}.items():
        keys = ("jwks#i", "dpop#a", "task#1", "deny", "approval#1", "rate#a", "pending#a", "jwks", "xjwks#i")
        allowed = [key for key in keys if may(role, f"dynamodb:{name}", state, {"dynamodb:LeadingKeys": (key,)})]
        assert allowed == [expected], name
        assert not may(role, f"dynamodb:{name}", state, {"dynamodb:LeadingKeys": (expected, "task#1")})
        assert not may(role, f"dynamodb:{name}", table_arn(deployed, "LogTable"))
    for index in ("by_principal", "by_deadline"):
        assert not may(role, "dynamodb:Query", f"{state}/index/{index}")


_STATE_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLInsert")


@pytest.mark.parametrize("key", ["jwks#https://issuer.example", "dpop#" + "a" * 64])
def test_nobody_but_the_authorizer_writes_keys_of_issuers_or_names_of_proofs(key: str, deployed: Deployment) -> None:
    """Who could write a key set could sign as anyone."""
    state = table_arn(deployed, "StateTable")

    for role in deployed.roles:
        if role.name == role_of(deployed, "authorize").name:
            continue
        for action in _STATE_WRITES:
            for keys in ((key,), (key, "task#1"), ("task#1", key)):
                assert not may(role, f"dynamodb:{action}", state, {"dynamodb:LeadingKeys": keys}), (role.name, action)


@pytest.mark.parametrize("function", WRITERS)
def test_writers_add_records_of_their_log_only(function: str, deployed: Deployment) -> None:
    role = role_of(deployed, function)
    bucket = f"arn:aws:s3:::{deployed.buckets[0].name}"

    # A PUT that brings its own retention asks both rights; the bucket's policy says which retention.
    for action in ("s3:PutObject", "s3:PutObjectRetention"):
        assert may(role, action, f"{bucket}/{RECORD}")
        assert not may(role, action, f"{bucket}/{RECORD.replace('2026/', '2027/', 1)}")
        assert may(role, action, f"{bucket}/blob/test-2026/018f/0")
        assert not may(role, action, f"{bucket}/blob/test-2027/018f/0")
        assert not may(role, action, f"{bucket}/log/test-2026/checkpoint")
    for action in ("s3:ListBucket", "s3:DeleteObject", "s3:BypassGovernanceRetention", "s3:PutBucketPolicy"):
        assert not may(role, action, bucket)
        assert not may(role, action, f"{bucket}/{RECORD}")


@pytest.mark.parametrize(
    ("function", "key", "expected"),
    [
        pytest.param("sequence", RECORD, False, id="the sequencer adds no record"),
        pytest.param("sequence", "blob/test-2026/018f/0", False, id="nor a text beside one"),
        pytest.param("sequence", "log/test-2026/checkpoint", True, id="it writes the log"),
        pytest.param("sequence", "log/test-2025/checkpoint", True, id="and finishes the one before"),
        pytest.param("reap", RECORD, True, id="the reaper adds records"),
        pytest.param("reap", RECORD.replace("2026/", "2025/", 1), True, id="and ends the log before"),
        pytest.param("reap", "log/test-2026/checkpoint", False, id="it does not write the log"),
        pytest.param("receipts", RECORD, False, id="receipts write no record"),
        pytest.param("receipts", "log/test-2026/checkpoint", False, id="nor the log"),
    ],
)
def test_nobody_writes_both_records_and_the_log(function: str, key: str, expected: bool, deployed: Deployment) -> None:
    arn = f"arn:aws:s3:::{deployed.buckets[0].name}/{key}"

    for action in ("s3:PutObject", "s3:PutObjectRetention"):
        assert may(role_of(deployed, function), action, arn) is expected


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_deletes_evidence(function: str, deployed: Deployment) -> None:
    bucket = f"arn:aws:s3:::{deployed.buckets[0].name}"

    for action in ("DeleteObject", "DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectLegalHold"):
        for key in (RECORD, "log/test-2026/checkpoint"):
            assert not may(role_of(deployed, function), f"s3:{action}", f"{bucket}/{key}")


@pytest.mark.parametrize(
    ("function", "prefix", "expected"),
    [
        pytest.param("sequence", "wal/v1/test-2026/a/20261122/10/", True, id="sequencer, an hour of records"),
        pytest.param("sequence", "log/test-2026/checkpoint", True, id="sequencer, versions of the checkpoint"),
        pytest.param("sequence", "blob/", False, id="sequencer, texts"),
        pytest.param("sequence", "", False, id="sequencer, everything"),
        pytest.param("reap", "wal/v1/test-2026/a/20261122/10/", True, id="reaper, an hour of records"),
        pytest.param("reap", "blob/", False, id="reaper, texts"),
        pytest.param("receipts", "wal/v1/test-2026/", False, id="receipts"),
        pytest.param("query", "wal/v1/test-2026/", False, id="query"),
        pytest.param("run", "wal/v1/test-2026/", False, id="run"),
    ],
)
def test_versions_are_listed_where_the_log_is_made_of_them(
    function: str, prefix: str, expected: bool, deployed: Deployment
) -> None:
    bucket = f"arn:aws:s3:::{deployed.buckets[0].name}"

    assert may(role_of(deployed, function), "s3:ListBucketVersions", bucket, {"s3:prefix": (prefix,)}) is expected


READ, WRITE = "dynamodb:GetItem", "dynamodb:PutItem"
LOG_ITEMS = ("head#l", "entry#wal/v1/l/x", "watermark#test-2026", "watermark#l", "epoch#l", "quarantine#k", "keys#l")


@pytest.mark.parametrize(
    ("function", "action", "expected"),
    [
        pytest.param("sequence", READ, {"head#l", "epoch#l"}, id="sequencer reads"),
        pytest.param("sequence", WRITE, {"head#l"}, id="sequencer writes"),
        pytest.param("sequence", "dynamodb:BatchWriteItem", {"entry#wal/v1/l/x"}, id="sequencer batches"),
        pytest.param("sequence", "dynamodb:DeleteItem", set(), id="sequencer deletes"),
        pytest.param("reap", READ, set(LOG_ITEMS), id="reaper reads"),
        pytest.param("reap", WRITE, {"epoch#l", "quarantine#k", "keys#l"}, id="reaper writes"),
        pytest.param("reap", "dynamodb:DeleteItem", set(), id="reaper deletes"),
        pytest.param(
            "receipts",
            READ,
            {"head#l", "entry#wal/v1/l/x", "keys#l", "watermark#test-2026", "watermark#l"},
            id="receipts reads",
        ),
        pytest.param("inspect", READ, {"keys#l"}, id="inspect reads"),
        pytest.param("inspect", "dynamodb:BatchGetItem", {"entry#wal/v1/l/x"}, id="inspect reads by the hundred"),
        pytest.param("inspect", WRITE, set(), id="inspect writes"),
        pytest.param("receipts", WRITE, set(), id="receipts writes"),
        pytest.param("query", READ, {"watermark#test-2026"}, id="query reads the watermark of its log"),
        pytest.param("query", WRITE, set(), id="query writes"),
        pytest.param("run", READ, {"watermark#test-2026"}, id="run reads the watermark of its log"),
        pytest.param("run", WRITE, set(), id="run writes"),
        pytest.param("tasks", READ, set(), id="tasks"),
        pytest.param("provision", READ, set(), id="provision"),
    ],
)
def test_an_item_of_the_log_table_is_one_functions_to_write(
    function: str, action: str, expected: set[str], deployed: Deployment
) -> None:
    role, table = role_of(deployed, function), table_arn(deployed, "LogTable")

    allowed = {key for key in LOG_ITEMS if may(role, action, table, {"dynamodb:LeadingKeys": (key,)})}

    assert allowed == expected
    # One key that is not its own among others is one too many.
    mixed = {"dynamodb:LeadingKeys": tuple(LOG_ITEMS)}
    assert may(role, action, table, mixed) is (expected == set(LOG_ITEMS))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nobody_scans_or_drops_the_log_table(function: str, deployed: Deployment) -> None:
    role, table = role_of(deployed, function), table_arn(deployed, "LogTable")

    for action in ("Scan", "Query", "DeleteItem", "DeleteTable", "UpdateTable"):
        assert not may(role, f"dynamodb:{action}", table)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_messages_are_sent_by_the_reaper_and_taken_by_the_sequencer(function: str, deployed: Deployment) -> None:
    (queue,) = (queue for queue in deployed.queues if queue.name.endswith("-Queue"))
    role = role_of(deployed, function)

    assert may(role, "sqs:SendMessage", queue.arn) is (function == "reap")
    assert may(role, "sqs:ReceiveMessage", queue.arn) is (function == "sequence")
    assert may(role, "sqs:DeleteMessage", queue.arn) is (function == "sequence")
    assert not may(role, "sqs:PurgeQueue", queue.arn)


@pytest.mark.parametrize("mode", ["full", "normalized", "sealed"])
def test_query_and_run_add_keys_to_the_seals_in_the_mode_that_seals_and_open_none(mode: str) -> None:
    deployed = project_deployment(StatementText=mode)
    seals = table_arn(deployed, "SealTable")
    keys = [key for key in deployed.keys if "KeySpec" not in key.create]

    for function in ("query", "run"):
        role = role_of(deployed, function)
        assert may(role, "dynamodb:PutItem", seals) is (mode == "sealed")
        for action in ("GetItem", "Query", "Scan", "DeleteItem", "UpdateItem"):
            assert not may(role, f"dynamodb:{action}", seals)
    assert len(keys) == (mode == "sealed")


def test_a_seal_is_asked_for_a_task_of_this_log_and_opened_by_no_function() -> None:
    deployed = project_deployment(StatementText="sealed")
    (key,) = (key for key in deployed.keys if "KeySpec" not in key.create)
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key.id}"
    of_task = {
        "kms:EncryptionContext:deployment": ("postern",),
        "kms:EncryptionContext:log": ("test-2026",),
        "kms:EncryptionContext:task": ("018f",),
    }

    for seals in (role_of(deployed, "query"), role_of(deployed, "run")):
        assert may(seals, "kms:GenerateDataKey", arn, of_task)
        assert not may(seals, "kms:GenerateDataKey", arn)
        assert not may(seals, "kms:GenerateDataKey", arn, {**of_task, "kms:EncryptionContext:log": ("other",)})
    for function in FUNCTIONS:
        assert not may(role_of(deployed, function), "kms:Decrypt", arn, of_task)


def table_arn(deployed: Deployment, name: str) -> str:
    (table,) = (table for table in deployed.tables if table.name.endswith(name))
    return f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table.name}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_provisioner_and_reaper_connect_each_as_its_own_user(function: str, deployed: Deployment) -> None:
    role = role_of(deployed, function)

    for database in DATABASES:
        users = f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:{database}"
        assert may(role, "rds-db:connect", f"{users}/postern_provision") is (function == "provision")
        assert may(role, "rds-db:connect", f"{users}/postern_reap") is (function == "reap")
        assert not may(role, "rds-db:connect", f"{users}/{USER}")
        assert not may(role, "rds-db:connect", f"{users}/postgres")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_query_and_run_assume_the_connect_role(function: str, deployed: Deployment) -> None:
    connect = connect_role(deployed)

    assert may(role_of(deployed, function), "sts:AssumeRole", connect.arn) is (function in ("query", "run"))
    assert is_trusted(connect, role_of(deployed, function).arn) is (function in ("query", "run"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_who_opens_and_ends_tasks_invokes_the_provisioner(function: str, deployed: Deployment) -> None:
    role = role_of(deployed, function)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"

    assert may(role, "lambda:InvokeFunction", f"{arn}:postern-provision:live") is (
        function in ("tasks", "run", "revoke", "reap")
    )
    assert may(role, "lambda:InvokeFunction", f"{arn}:postern-run:live") is (function == "tasks")
    assert not may(role, "lambda:InvokeFunction", f"{arn}:postern-query:live")


@pytest.mark.parametrize("key", ["approval#1", "deny", "rate#a", "pending#a", "jwks#i", "dpop#a", "xtask#1"])
def test_who_runs_approved_statements_writes_its_tasks_and_no_word_of_an_approver(
    key: str, deployed: Deployment
) -> None:
    role, state = role_of(deployed, "run"), table_arn(deployed, "StateTable")

    assert may(role, "dynamodb:GetItem", state, {"dynamodb:LeadingKeys": ("task#1",)})
    assert may(role, "dynamodb:UpdateItem", state, {"dynamodb:LeadingKeys": ("task#1",)})
    assert may(role, "dynamodb:GetItem", state, {"dynamodb:LeadingKeys": (key,)}) is (key == "approval#1")
    for action in _STATE_WRITES:
        assert not may(role, f"dynamodb:{action}", state, {"dynamodb:LeadingKeys": (key,)})
        assert not may(role, f"dynamodb:{action}", state, {"dynamodb:LeadingKeys": ("task#1", key)})
    for function in FUNCTIONS:
        assert not may(
            role, "lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:postern-{function}:live"
        ) or (function == "provision")


def test_nobody_deletes_or_scans_the_state(deployed: Deployment) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{deployed.tables[0].name}"

    for function in FUNCTIONS:
        for action in ("DeleteItem", "DeleteTable", "Scan", "BatchWriteItem", "UpdateTable"):
            assert not may(role_of(deployed, function), f"dynamodb:{action}", table)


@pytest.mark.parametrize(
    ("functions", "index"),
    [({"tasks"}, "by_principal"), ({"tasks", "revoke", "reap"}, "by_deadline")],
    ids=["by-principal", "by-deadline"],
)
def test_an_index_is_read_by_who_needs_it(functions: set[str], index: str, deployed: Deployment) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{deployed.tables[0].name}/index/{index}"

    assert {one for one in FUNCTIONS if may(role_of(deployed, one), "dynamodb:Query", arn)} == functions


DENY = {"dynamodb:LeadingKeys": ("deny",)}


@pytest.mark.parametrize(
    ("action", "functions"),
    [
        pytest.param("PutItem", {"revoke"}, id="written by who revokes"),
        pytest.param("UpdateItem", {"revoke", "reap"}, id="lifted by the reaper too"),
        pytest.param("Query", {"revoke", "reap"}, id="listed"),
        pytest.param("DeleteItem", set(), id="deleted by nobody"),
        pytest.param("BatchWriteItem", set(), id="nor in batches"),
    ],
)
def test_a_denial_is_written_by_who_revokes_alone(action: str, functions: set[str], deployed: Deployment) -> None:
    """Above all not by the function that runs statements, whose task it may be about."""
    table = table_arn(deployed, "StateTable")

    assert {one for one in FUNCTIONS if may(role_of(deployed, one), f"dynamodb:{action}", table, DENY)} == functions
    for function in FUNCTIONS:
        mixed = {"dynamodb:LeadingKeys": ("task#1", "deny")}
        assert not may(role_of(deployed, function), f"dynamodb:{action}", table, mixed)


@pytest.mark.parametrize("function", ["tasks", "provision", "revoke", "reap"])
def test_who_makes_a_task_active_checks_that_no_denial_stands(function: str, deployed: Deployment) -> None:
    role, table = role_of(deployed, function), table_arn(deployed, "StateTable")

    assert may(role, "dynamodb:ConditionCheckItem", table, DENY)
    # One of several approvals changes nothing of its task, and counts only where that still waits.
    of_task = may(role, "dynamodb:ConditionCheckItem", table, {"dynamodb:LeadingKeys": ("task#1",)})
    assert of_task is (function == "tasks")


def test_revoking_has_room_that_no_flood_of_tasks_takes(deployed: Deployment) -> None:
    assert deployed.function("postern-revoke").concurrency == 5


def test_who_revokes_marks_tasks_and_reads_no_approval(deployed: Deployment) -> None:
    role, table = role_of(deployed, "revoke"), table_arn(deployed, "StateTable")

    for key in ("approval#1", "pending#a", "jwks#i", "dpop#p"):
        for action in ("GetItem", "UpdateItem", "PutItem"):
            assert not may(role, f"dynamodb:{action}", table, {"dynamodb:LeadingKeys": (key,)})
    assert not may(role, "dynamodb:PutItem", table, {"dynamodb:LeadingKeys": ("task#1",)})


def session(**tags: str) -> dict[str, tuple[str, ...]]:
    return {f"aws:PrincipalTag/{name}": (value,) for name, value in tags.items()}


@pytest.mark.parametrize(
    ("user", "tags", "expected"),
    [
        pytest.param(USER, {"postern_user": USER}, True, id="its own role"),
        pytest.param(USER, {"postern_user": f"{USER[:-1]}2"}, False, id="another task's role"),
        pytest.param("postgres", {"postern_user": USER}, False, id="superuser"),
        pytest.param("postern_provision", {"postern_user": USER}, False, id="provisioner"),
        pytest.param(USER, {}, False, id="no tag"),
        pytest.param(USER, {"postern_user": "task_*"}, False, id="tag with a wildcard"),
        pytest.param(USER, {"other": USER}, False, id="another tag"),
    ],
)
def test_a_connect_session_logs_in_as_its_tag_says(
    user: str, tags: dict[str, str], expected: bool, deployed: Deployment
) -> None:
    role = connect_role(deployed)

    for database in DATABASES:
        arn = f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:{database}/{user}"
        assert may(role, "rds-db:connect", arn, session(**tags)) is expected
    assert not may(
        role, "rds-db:connect", f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:db-OTHER/{user}", session(**tags)
    )


def is_trusted(role: Role, caller: str, changed: dict[str, tuple[str, ...]] | None = None) -> bool:
    """Whether the trust policy lets the caller assume the role with everything in order but what is changed."""
    context = {
        "aws:RequestTag/postern_user": (USER,),
        "aws:TagKeys": ("postern_user",),
        "sts:SourceIdentity": (USER.removeprefix("task_"),),
    } | (changed or {})
    trust = parse_policy(role.trust, kind=PolicyKind.TRUST, name="trust")
    request = Request(
        Caller(caller, ACCOUNT, session_arn=caller.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + "/s"),
        "sts:AssumeRole",
        role.arn,
        {name: values for name, values in context.items() if values},
    )
    return isinstance(evaluate(PolicySet(resource=(trust,)), request), Allowed)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"aws:RequestTag/postern_user": ("postgres",)}, id="user that is no task's"),
        pytest.param({"aws:RequestTag/postern_user": ("postern_provision",)}, id="provisioner"),
        pytest.param({"aws:RequestTag/postern_user": ()}, id="no tag"),
        pytest.param({"aws:TagKeys": ("postern_user", "other")}, id="a second tag"),
        pytest.param({"sts:SourceIdentity": ()}, id="no source identity"),
    ],
)
def test_the_connect_role_trusts_a_whole_request_only(
    changed: dict[str, tuple[str, ...]], deployed: Deployment
) -> None:
    query = role_of(deployed, "query")

    assert is_trusted(connect_role(deployed), query.arn)
    assert not is_trusted(connect_role(deployed), query.arn, changed)


def test_roles_of_functions_trust_lambda_only(deployed: Deployment) -> None:
    for function in FUNCTIONS:
        (statement,) = role_of(deployed, function).trust["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}

"""`postern audit unseal` and `erase`: an auditor's own rights on KMS and the seal table, as moto answers for them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from postern.audit.asides import Asides
from postern.audit.keys import record_key
from postern.audit.records import Record, RecordType
from postern.audit.statements import Asked, Closed
from postern.edges.seal_keys import KmsSealKeys
from postern.edges.seal_table import DynamoSealTable
from postern.errors import IntegrityError, UpstreamError
from postern.statement_text.sealing import Place, Unsealed, seal
from postern.types import CommandId, Erasure
from postern_cli import audit_erase, audit_unseal
from postern_cli.audit import app
from postern_cli.aws import AwsAccess
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.audit import MemoryRecordStore
from tests.support.aws import unique
from tests.support.denied import denying
from tests.support.domain import NOW_S, TASK_ID

assert audit_erase
assert audit_unseal

ID = CommandId("0199a0b0-c0d0-7000-8000-00000000000a")
DIGEST_KEY = b"k" * 32
SENT = ["7", None]
ASKED = Unsealed("SELECT 'Ann'", "SELECT 'Ann' FROM \"x\"", None, DIGEST_KEY)


run = partial(command_line.run, app)


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, Any]]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield {service: boto3.client(service, region_name="us-east-1") for service in ("dynamodb", "kms", "sts")}


@dataclass
class Sealed:
    """A pulled folder with one sealed statement, and the table that holds its key."""

    folder: Path
    keys: KmsSealKeys

    def write(self, asked: Unsealed) -> None:
        write(self.folder, self.keys, asked)

    def unseal(self, *more: str | Path, command: str = ID) -> command_line.Ended:
        return run("unseal", "--dir", self.folder, "--command", command, "--seal-table", self.keys.table, *more)


def make_keys(aws: dict[str, Any]) -> KmsSealKeys:
    """A seal table and a seal key of their own, and an environment that uses them."""
    table = unique("seals")
    aws["dynamodb"].create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    key = aws["kms"].create_key()["KeyMetadata"]["Arn"]
    return KmsSealKeys(aws["kms"], aws["dynamodb"], table, key, "shop", "prod-2026")


@pytest.fixture(scope="module")
def keys(aws: dict[str, Any]) -> KmsSealKeys:
    return make_keys(aws)


@pytest.fixture
def sealed(aws: dict[str, Any], keys: KmsSealKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    monkeypatch.setattr(AwsAccess, "client", lambda _, service: aws[service])
    write(tmp_path, keys, ASKED)
    return Sealed(tmp_path, keys)


def write(folder: Path, keys: KmsSealKeys, asked: Unsealed) -> None:
    """Stores an intent that seals this, and what stands beside it, as a pull does."""
    content = seal(asked, keys.key_of(TASK_ID), Place("prod-2026", TASK_ID, ID))
    asides = Asides()
    closed = Closed("sealed", "SELECT $1", None, None, 256, content)
    member = Asked(asked.text, asked.ran, None, SENT, DIGEST_KEY, closed=closed).member(asides)
    body = {"task": {"id": TASK_ID}, "statement": member, "decision": {"result": "allow"}}
    store = MemoryRecordStore()
    store.put(Record(RecordType.INTENT, "statement", ID, NOW_S * 1_000_000, body, tuple(asides.blobs)))
    for name, data in store.objects.items():
        (folder / "objects" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "objects" / name).write_bytes(data)


def test_prints_the_statement_as_it_was_asked_and_what_ran(sealed):
    ended = sealed.unseal()
    assert (ended.code, ended.out) == (Exit.DONE, "SELECT 'Ann'\n-- what ran for it: SELECT 'Ann' FROM \"x\"\n")


def test_prints_it_for_machines(sealed):
    assert json.loads(sealed.unseal("--json").out) == {"text": ASKED.text, "ran": ASKED.ran, "reason": None}


@pytest.mark.parametrize(("texts", "holds"), [(SENT, True), (["7", ""], False)])
def test_checks_parameters_that_it_is_given(sealed, tmp_path, texts, holds):
    given = tmp_path / "parameters.json"
    given.write_text(json.dumps(texts))
    if holds:
        assert sealed.unseal("--parameters", given).code == Exit.DONE
    else:
        with pytest.raises(IntegrityError):
            sealed.unseal("--parameters", given)


@pytest.mark.parametrize("text", ["{}", "[7]", "[", ""])
def test_refuses_parameters_that_are_none(sealed, tmp_path, text):
    given = tmp_path / "parameters.json"
    given.write_text(text)
    assert sealed.unseal("--parameters", given).code == Exit.USAGE


def test_prints_no_control_character(sealed):
    text = "SELECT '\x1b[2J\u202e'\n-- line"
    sealed.write(Unsealed(text, text + "\x07", "why \x1b", DIGEST_KEY))
    out = sealed.unseal().out
    assert out.startswith("SELECT '\\x1b[2J\\u202e'\n-- line\n")
    assert "-- refused: why \\x1b" in out
    assert all(one.isprintable() or one == "\n" for one in out)


def test_reads_what_stands_beside_a_long_statements_record(sealed):
    text = "SELECT '" + "x" * 50_000 + "'"
    sealed.write(Unsealed(text, text, None, DIGEST_KEY))
    assert list((sealed.folder / "objects/blob/prod-2026" / ID).iterdir())
    assert sealed.unseal().out == text + "\n"


def test_cannot_tell_once_the_key_is_erased_and_says_why(sealed, aws):
    erased = Sealed(sealed.folder, make_keys(aws))
    erased.write(ASKED)
    assert erased.unseal().code == Exit.DONE
    seals = DynamoSealTable(aws["dynamodb"], erased.keys.table)
    seals.mark_erased(TASK_ID, Erasure(NOW_S * 1_000_000, "ann", "Art. 17"))
    seals.delete_keys(TASK_ID)
    ended = erased.unseal()
    assert (ended.code, ended.out) == (Exit.UNKNOWN, "")
    assert "it was erased: Art. 17" in ended.line


def test_cannot_tell_without_the_table(sealed):
    with pytest.raises(UpstreamError, match="the seal table cannot be reached"):
        run("unseal", "--dir", sealed.folder, "--command", ID, "--seal-table", "absent")


def test_cannot_tell_without_the_right_to_decrypt(sealed, monkeypatch):
    from botocore.exceptions import ClientError

    class Refusing:
        def decrypt(self, **_: object) -> object:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "Decrypt")

    whole = AwsAccess.client
    monkeypatch.setattr(
        AwsAccess, "client", lambda self, service: Refusing() if service == "kms" else whole(self, service)
    )
    ended = sealed.unseal()
    assert (ended.code, "AccessDeniedException" in ended.line) == (Exit.UNKNOWN, True)


def test_cannot_tell_of_a_command_that_was_not_pulled(sealed):
    assert sealed.unseal(command="0199a0b0-c0d0-7000-8000-00000000000b").code == Exit.UNKNOWN


@pytest.mark.parametrize("command", ["../../../etc/passwd", "../../x", "", "0199a0b0-c0d0-4000-8000-00000000000a"])
def test_takes_no_id_that_is_none(sealed, command):
    assert sealed.unseal(command=command).code == Exit.USAGE


OTHER_ID = CommandId("0199a0b0-c0d0-7000-8000-00000000000b")


@pytest.mark.parametrize(("log", "command"), [("prod-2026", OTHER_ID), ("prod-2027", ID)], ids=["command", "log"])
def test_opens_no_other_statement_than_the_one_asked_for(sealed, aws, log, command, monkeypatch):
    """Whoever wrote the folder put one command's record in another's place."""
    objects = sealed.folder / "objects"
    whole = objects / record_key("prod-2026", RecordType.INTENT, ID)
    moved = objects / record_key(log, RecordType.INTENT, command)
    moved.parent.mkdir(parents=True, exist_ok=True)
    whole.rename(moved)
    monkeypatch.setattr(AwsAccess, "client", lambda *_: pytest.fail("nothing is asked of AWS"))
    ended = sealed.unseal(command=command)
    assert (ended.code, ended.out) == (Exit.REFUSED, "")
    assert "says it is another's" in ended.line


def test_passes_over_folders_that_are_no_logs(sealed):
    (sealed.folder / "objects/wal/v1/No Log").mkdir()
    assert sealed.unseal().code == Exit.DONE


def test_cannot_tell_of_a_record_that_it_may_not_open(sealed, monkeypatch):
    monkeypatch.setattr(os, "open", denying("1-intent.json"))
    ended = sealed.unseal()
    assert ended.code == Exit.UNKNOWN
    assert "1-intent.json: expected to read it, got Permission denied" in ended.line


def test_takes_no_ready_file_or_parameters_that_are_too_deep_to_read(sealed, tmp_path):
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    assert run("unseal", "--dir", sealed.folder, "--command", ID, "--ready", deep).code == Exit.UNKNOWN
    assert sealed.unseal("--parameters", deep).code == Exit.USAGE


def test_refuses_a_record_that_seals_nothing(sealed, tmp_path):
    store = MemoryRecordStore()
    body = {"statement": {"text": "SELECT 1"}, "decision": {"result": "allow"}}
    store.put(Record(RecordType.INTENT, "statement", ID, NOW_S * 1_000_000, body))
    (tmp_path / "objects" / record_key("prod-2026", RecordType.INTENT, ID)).write_bytes(
        next(iter(store.objects.values()))
    )
    assert sealed.unseal().code == Exit.REFUSED


def test_names_the_seal_table_of_a_local_stack(sealed, tmp_path):
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps({"aws": "http://127.0.0.1:1", "seal_table": sealed.keys.table}))
    assert run("unseal", "--dir", sealed.folder, "--command", ID, "--ready", ready).code == Exit.DONE
    ready.write_text(json.dumps({"aws": "http://127.0.0.1:1"}))
    assert run("unseal", "--dir", sealed.folder, "--command", ID, "--ready", ready).code == Exit.USAGE
    assert run("unseal", "--dir", sealed.folder, "--command", ID).code == Exit.USAGE


@dataclass
class Reaper:
    """The function that erases: what it was sent, and what it answers."""

    answer: object
    fault: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "postern-reap"
        self.sent.append(json.loads(Payload))
        answer = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return answer | ({"FunctionError": "Unhandled"} if self.fault else {})


ERASED = {"status": "ok", "task_id": TASK_ID, "erased_at": "2026-09-21T14:13:20.000000Z", "keys": 2, "event_id": ID}


def erase(aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch, reaper: Reaper) -> command_line.Ended:
    monkeypatch.setattr(AwsAccess, "client", lambda _, service: {**aws, "lambda": reaper}[service])
    return run("erase", "--task", TASK_ID, "--reason", "Art. 17")


def test_asks_the_reaper_and_says_what_stays_provable(aws, monkeypatch):
    reaper = Reaper(ERASED)
    ended = erase(aws, monkeypatch, reaper)
    assert ended.code == Exit.DONE
    [sent] = reaper.sent
    assert (sent["action"], sent["task_id"], sent["reason"]) == ("erase", TASK_ID, "Art. 17")
    assert sent["by"].startswith("arn:aws:")
    assert f"erased 2 keys of task {TASK_ID}" in ended.out
    assert str(ID) in ended.out
    assert "still provable" in ended.out


@pytest.mark.parametrize(
    "answer", [ERASED | {"event_id": "\x1b[2J\x9b"}, {"status": "ok"}], ids=["escapes", "too little"]
)
def test_what_the_function_answers_moves_no_cursor(aws, monkeypatch, answer):
    ended = erase(aws, monkeypatch, Reaper(answer))
    assert ended.code == Exit.DONE
    assert all(line.isprintable() for line in ended.out.splitlines())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param({"status": "refused", "code": "task.state", "detail": "end it first"}, Exit.REFUSED, id="runs"),
        pytest.param({"status": "refused", "code": "task.unknown", "detail": "none"}, Exit.REFUSED, id="unknown"),
        pytest.param({"status": "refused", "code": "evidence.unavailable", "detail": "x"}, Exit.UNKNOWN, id="away"),
        pytest.param({}, Exit.UNKNOWN, id="nothing"),
        pytest.param(None, Exit.UNKNOWN, id="null"),
    ],
)
def test_says_when_nothing_was_erased(aws, monkeypatch, answer, code):
    assert erase(aws, monkeypatch, Reaper(answer)).code == code


def test_a_fault_of_the_reaper_is_no_success(aws, monkeypatch):
    assert erase(aws, monkeypatch, Reaper(ERASED, fault=True)).code == Exit.UNKNOWN

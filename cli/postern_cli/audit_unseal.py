"""`postern audit unseal`: the text of a sealed statement, for who may decrypt its data key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.audit.ids import uuid7_time_ms
from postern.errors import IntegrityError
from postern.types import CommandId, DataKey
from postern_cli.audit import app
from postern_cli.aws import AwsAccess, reached
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

if TYPE_CHECKING:
    from postern.statement_text.sealing import Unsealed
    from postern.statement_text.unsealing import SealedStatement

_MAX_BLOB_BYTES = 32 * 1024 * 1024


@app.command()
def unseal(
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    command: Annotated[str, typer.Option(help="The command's id.")],
    seal_table: Annotated[str | None, typer.Option(help="The seal table's name, if not that of a local stack.")] = None,
    parameters: Annotated[
        Path | None, typer.Option(help="File with the JSON array of parameter texts, to be checked too.")
    ] = None,
    ready: Annotated[Path | None, typer.Option(help="Ready file of a local stack.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where AWS answers, if not at AWS.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was sealed as JSON.")] = False,
) -> None:
    """Print a sealed statement as it was asked, checked against its record. Needs kms:Decrypt and the seal table.

    Parameters are on record as a commitment alone, in every mode: they can be checked, and never printed.
    Exit code: 0 it opens and is what the record commits to; 1 it is not; 3 the key is gone, or it cannot be told.
    """
    from postern.statement_text.unsealing import check_parameters
    from postern.statement_text.unsealing import unseal as open_statement

    try:
        uuid7_time_ms(command)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"--command: {error.detail}") from error
    statement = _find(PulledFolder(folder), CommandId(command))
    access = AwsAccess.of(ready, endpoint_url)
    opened = open_statement(
        statement, _data_key(access, seal_table or access.named("seal_table", "--seal-table"), statement)
    )
    if parameters is not None:
        check_parameters(statement, opened, _read_parameters(parameters))
    _print(opened, as_json=as_json)


def _find(pulled: PulledFolder, command: CommandId) -> SealedStatement:
    """The command's intent, in whichever log of the folder it is.

    Raises `Stop` where it is none, or says that it is another's: its words, not its key, choose what is decrypted.
    """
    from postern.audit.canonical import MAX_RECORD_BYTES
    from postern.audit.keys import LOG_NAME, record_key
    from postern.audit.records import RecordType
    from postern.statement_text.unsealing import parse_sealed

    for log in sorted(filter(LOG_NAME.fullmatch, pulled.names("wal/v1"))):
        key = record_key(log, RecordType.INTENT, command)
        try:
            record = pulled.read(key, MAX_RECORD_BYTES)
            statement = parse_sealed(record, lambda name: pulled.read(name, _MAX_BLOB_BYTES))
        except KeyError:
            continue
        except OSError as error:
            raise Stop(Exit.UNKNOWN, f"{error.filename}: expected to read it, got {error.strerror}") from error
        if statement is None:
            raise Stop(Exit.REFUSED, f"{command}: expected a sealed statement, got a record that seals nothing")
        if (statement.place.log, statement.place.command) != (log, command):
            raise Stop(Exit.REFUSED, f"{key}: expected the record of this key, got one that says it is another's")
        return statement
    raise Stop(Exit.UNKNOWN, f"{command}: expected its intent in {pulled.path}, got none; was all of it pulled?")


def _data_key(access: AwsAccess, table: str, statement: SealedStatement) -> DataKey:
    from postern.edges.seal_items import encryption_context
    from postern.edges.seal_table import DynamoSealTable

    task, key_id = statement.place.task, statement.sealed.key_id
    with reached(table):
        seals = DynamoSealTable(access.client("dynamodb"), table)
        wrapped = seals.wrapped(task, key_id)
    if wrapped is None:
        erasure = seals.erasure(task)
        why = "it is not in the seal table" if erasure is None else f"it was erased: {erasure.reason}"
        raise Stop(Exit.UNKNOWN, f"key {key_id} of task {task}: expected it, but {why}")
    with reached("kms:Decrypt"):
        opened = access.client("kms").decrypt(
            CiphertextBlob=wrapped,
            EncryptionContext=encryption_context(statement.deployment, statement.place.log, task),
        )
    return DataKey(key_id, opened["Plaintext"])


def _read_parameters(path: Path) -> list[str | None]:
    try:
        texts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Stop(Exit.USAGE, f"{path}: expected a JSON array of texts, got {type(error).__name__}") from error
    if not isinstance(texts, list) or not all(isinstance(one, str | None) for one in texts):
        raise Stop(Exit.USAGE, f"{path}: expected a JSON array of texts and nulls, got something else")
    return texts


def _print(opened: Unsealed, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"text": opened.text, "ran": opened.ran, "reason": opened.reason}))
        return
    text, ran = (printable(one, keep="\n") for one in (opened.text, opened.ran))
    print(text)
    if opened.ran != opened.text:
        print(f"-- what ran for it: {ran}")
    if opened.reason is not None:
        print(f"-- refused: {printable(opened.reason)}")

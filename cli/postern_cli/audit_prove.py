"""`postern audit prove` and `check-proof`: files that prove, by themselves, that the log holds a command's records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from postern.audit.ids import uuid7_time_ms
from postern.audit.stored import parse_record
from postern.audit.times import format_time
from postern.errors import IntegrityError
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.notes import VerifierKey
from postern.tlog.tlog_proof import (
    MAX_PROOF_BYTES,
    TlogProof,
    format_tlog_proof,
    parse_tlog_proof,
    verify_tlog_proof,
)
from postern.types import CommandId
from postern_cli.audit import app
from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable
from postern_cli.vkeys import read_vkey

_VKEY = Annotated[str, typer.Option(help="The log's verifier key, as its operator told you.")]


@app.command()
def prove(
    command: Annotated[str, typer.Argument(help="The command's id, as its receipt has it.")],
    vkey: _VKEY,
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")] = None,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    out: Annotated[Path, typer.Option(help="Folder to write the proofs to; made where it is not there.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Write a proof file for each record of a command. Each holds the record, and proves it with the key alone.

    The records come from a pulled copy (--dir), or else from the gate. What is written was checked as `check-proof`
    checks it, wherever it came from.
    Exit code: 0 written; 1 a proof does not hold; 3 there is none, or not yet.
    """
    from postern_cli.proof_sources import ApiSource, CopySource

    if folder is not None and url is not None:
        raise Stop(Exit.USAGE, "prove: expected either --dir or --url, got both")
    key, command_id = read_vkey(vkey), _command_id(command)
    source: CopySource | ApiSource
    if folder is not None:
        source = CopySource(PulledFolder(folder), key)
    else:
        source = ApiSource(ApiClient.of(url, token_file, profile), key)
    proofs = source.proofs(command_id)
    if not proofs:
        raise Stop(Exit.UNKNOWN, f"{command_id}: expected its records, got none; is it of the log {key.name}?")
    written = []
    for proof in proofs:
        name, told = _check_one(proof, key, command_id)
        file = out / f"{command_id}.{name}.tlog-proof"
        try:
            out.mkdir(parents=True, exist_ok=True)
            file.write_bytes(format_tlog_proof(proof))
        except OSError as error:
            raise Stop(Exit.UNKNOWN, f"{file}: expected to write it, got {error.strerror}") from error
        written.append({"file": str(file), "record": name, "told": told})
        _say(written[-1], as_json=as_json)
    if as_json:
        print(json.dumps({"holds": True, "proofs": written}))


@app.command("check-proof")
def check_proof(
    files: Annotated[list[Path], typer.Argument(help="Proof files.")],
    vkey: _VKEY,
    record: Annotated[Path | None, typer.Option(help="The record, for a proof file that does not hold it.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the record that is proved.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check proof files against the log's key, offline: its owner signed a tree that holds this very record.

    Exit code: 0 all hold; 1 one does not; 3 one cannot be read.
    """
    key = read_vkey(vkey)
    given = None if record is None else _read(record, MAX_ENTRY_BYTES)
    held = []
    for file in files:
        proof = _parse(file)
        entry = given if given is not None else proof.unverified_extra
        if entry is None:
            raise Stop(Exit.USAGE, f"{file}: the proof does not hold its record: give it with --record")
        head = _verify(str(file), proof, entry, key)
        shown = {"entry": _shown(entry)} if show else {}
        held.append({"file": str(file), "told": _told(proof, entry, head), **shown})
        _say(held[-1], as_json=as_json)
    if as_json:
        print(json.dumps({"holds": True, "proofs": held}))


def _say(proved: Mapping[str, str], *, as_json: bool) -> None:
    """A file and what it proves, at once: one after it may not hold."""
    if not as_json:
        print(printable(f"{proved['file']}: {proved['told']}"))
        if "entry" in proved:
            print(proved["entry"])


def _check_one(proof: TlogProof, key: VerifierKey, command_id: CommandId) -> tuple[str, str]:
    """The type of the record that a proof from outside proves, and what there is to say of it."""
    entry = proof.unverified_extra
    if entry is None:
        raise Stop(Exit.UNKNOWN, f"{command_id}: expected proofs that hold their records, got one without")
    head = _verify(command_id, proof, entry, key)
    record = parse_record(entry)
    if record.id != command_id:
        raise Stop(Exit.REFUSED, f"does not hold: expected a record of {command_id}, got one of {record.id}")
    return record.type.value, _told(proof, entry, head)


def _verify(what: str, proof: TlogProof, entry: bytes, key: VerifierKey) -> Checkpoint:
    try:
        return verify_tlog_proof(proof, entry, [key], key.name)
    except IntegrityError as error:
        raise Stop(Exit.REFUSED, f"{what}: does not hold: {error.detail}") from error


def _parse(file: Path) -> TlogProof:
    try:
        return parse_tlog_proof(_read(file, MAX_PROOF_BYTES))
    except IntegrityError as error:
        raise Stop(Exit.REFUSED, f"{file}: does not hold: {error.detail}") from error


def _told(proof: TlogProof, entry: bytes, head: Checkpoint) -> str:
    place = f"holds: entry {proof.index:,} of {head.size:,} in {head.origin}"
    try:
        record = parse_record(entry)
    except IntegrityError:
        return f"{place}; {len(entry)} bytes that are no record"
    return f"{place}; {record.kind} {record.type.value} of {record.id}, {format_time(record.time_us)}, {record.sha256}"


def _shown(entry: bytes) -> str:
    """The entry for a terminal: whatever is in it moves no cursor."""
    return json.dumps(json.loads(entry)) if _is_json(entry) else ascii(entry)


def _is_json(entry: bytes) -> bool:
    try:
        parse_record(entry)
    except IntegrityError:
        return False
    return True


def _command_id(text: str) -> CommandId:
    try:
        uuid7_time_ms(text)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"command: {error.detail}") from error
    return CommandId(text)


def _read(file: Path, limit: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{file}: expected to read it, got {error.strerror}") from error

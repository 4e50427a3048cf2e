"""`postern audit timestamp`: an authority's word for when a checkpoint existed (RFC 3161), asked for and checked.

A time stamp covers the SHA-256 of the checkpoint file's bytes, signature lines and all.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import typer

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from postern.tlog.notes import MAX_NOTE_BYTES, VerifierKey, parse_note
from postern_cli.audit import app
from postern_cli.gate.options import JsonOption
from postern_cli.openssl import run_openssl
from postern_cli.stamps import argument, check_token, reason, time_of, token_of
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable
from postern_cli.vkeys import read_vkey

timestamp_app = typer.Typer(no_args_is_help=True, help="Have a checkpoint time stamped (RFC 3161), and check a stamp.")
app.add_typer(timestamp_app, name="timestamp")

_CheckpointFile = Annotated[Path, typer.Option("--checkpoint", metavar="FILE", help="A signed checkpoint.")]

_QUERY_TYPE, _REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
_MAX_REPLY_BYTES = 1024 * 1024
_TIMEOUT_S = 30


@timestamp_app.command()
def request(
    checkpoint: _CheckpointFile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the reply goes; or the query, with --query-only.")],
    tsa: Annotated[str | None, typer.Option(help="The authority's address, https:// or http://.")] = None,
    query_only: Annotated[
        bool, typer.Option("--query-only", help="Write the query alone; send it to an authority by other means.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask a time stamp authority for a stamp of a checkpoint, and keep its reply. `check` says whether it holds.

    The authority learns a digest and no more. Exit code: 0 written; 1 the authority refused; 3 it cannot be told.
    """
    _read_checkpoint(checkpoint)
    if (tsa is None) != query_only:
        raise Stop(Exit.USAGE, "timestamp: expected either --tsa or --query-only")
    query = _make_query(checkpoint)
    if tsa is None:
        _write(out, query)
        said = {"query": str(out), "content_type": _QUERY_TYPE}
        print(json.dumps(said) if as_json else f"query written to {out}; send it as {_QUERY_TYPE}")
        return
    reply = _send(tsa, query)
    stamped_at = time_of(token_of(reply))
    _write(out, reply)
    if as_json:
        print(json.dumps({"reply": str(out), "says": stamped_at, "checked": False}))
        return
    print(f"the reply says {printable(stamped_at)}, unchecked (`check` checks it); written to {out}")


@timestamp_app.command()
def check(
    checkpoint: _CheckpointFile,
    reply: Annotated[Path, typer.Option(metavar="FILE", help="The authority's reply, as `request` wrote it.")],
    ca: Annotated[Path, typer.Option(metavar="FILE", help="Certificates that you trust to be an authority's root.")],
    untrusted: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates between those and the authority's own.")
    ] = None,
    vkey: Annotated[str | None, typer.Option(help="The log's public key: it must have signed the checkpoint.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that an authority stamped exactly this checkpoint, and say when. With --vkey also that the log signed it.

    Exit code: 0 it holds; 1 it does not; 3 it cannot be told: a file or openssl is missing.
    """
    key = None if vkey is None else read_vkey(vkey)
    head, data = _read_checkpoint(checkpoint), _read(checkpoint)
    for path in (ca, *([untrusted] if untrusted else [])):
        _read(path)
    if key is not None:
        _check_signature(checkpoint, data, key)
    token = token_of(_read(reply))
    try:
        check_token(token, data, ca, untrusted)
    except Stop as stop:
        raise Stop(stop.code, f"{reply}: does not hold for {checkpoint}: {stop.line}") from stop
    if as_json:
        stamp = {"existed_by": time_of(token), "origin": head.origin, "size": head.size}
        print(json.dumps({"holds": True, **stamp, "signer_checked": key is not None}))
        return
    said = f"that {printable(head.origin)} had {head.size:,} entries"
    if key is None:
        print(f"holds: these bytes existed by {time_of(token)}. They say {said}; who signed them was not checked")
    else:
        print(f"holds: these bytes existed by {time_of(token)}, and the log's key signed in them {said}")


def _check_signature(checkpoint: Path, data: bytes, key: VerifierKey) -> None:
    try:
        open_checkpoint(data, [key], key.name)
    except IntegrityError as error:
        raise Stop(Exit.REFUSED, f"{checkpoint}: does not hold: {error.detail}") from error


def _make_query(checkpoint: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "query.tsq"
        # The authority's certificate comes along, so that the reply can be checked without asking it again.
        answer = run_openssl(["ts", "-query", "-data", argument(checkpoint), "-sha256", "-cert", "-out", str(file)])
        if not answer.succeeded:
            raise Stop(Exit.UNKNOWN, f"openssl: expected a query, got: {reason(answer.complaint)}")
        return _read(file)


def _send(tsa: str, query: bytes) -> bytes:
    if not tsa.startswith(("https://", "http://")):
        raise Stop(Exit.USAGE, "--tsa: expected https:// or http:// (the reply is signed)")
    asked = urllib.request.Request(  # noqa: S310 - the scheme was checked
        tsa, data=query, headers={"Content-Type": _QUERY_TYPE, "Accept": _REPLY_TYPE}
    )
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            if answer.headers.get_content_type() != _REPLY_TYPE:
                raise Stop(Exit.UNKNOWN, f"{tsa}: expected {_REPLY_TYPE}, got {answer.headers.get_content_type()}")
            reply = bytes(answer.read(_MAX_REPLY_BYTES + 1))
    except urllib.error.HTTPError as error:
        raise Stop(Exit.UNKNOWN, f"{tsa}: expected a time stamp, got status {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Stop(Exit.UNKNOWN, f"{tsa}: expected a time stamp, got {type(error).__name__}") from error
    if len(reply) > _MAX_REPLY_BYTES:
        raise Stop(Exit.UNKNOWN, f"{tsa}: expected at most {_MAX_REPLY_BYTES:,} bytes, got more")
    return reply


def _read_checkpoint(path: Path) -> Checkpoint:
    """What the file says; whose it is and whether its signatures hold is `audit verify`'s to tell."""
    try:
        return parse_checkpoint(parse_note(_read(path)).text)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"{path}: expected a signed checkpoint: {error.detail}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max(MAX_NOTE_BYTES, _MAX_REPLY_BYTES) + 1)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{path}: expected to read it, got {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{path}: expected to write it, got {error.strerror}") from error

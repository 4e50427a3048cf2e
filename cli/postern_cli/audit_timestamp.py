"""`postern audit timestamp`: an authority's word for when a checkpoint existed (RFC 3161), asked for and checked.

A time stamp covers the SHA-256 of the checkpoint file's bytes, signature lines and all.
"""

from __future__ import annotations

import http.client
import re
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import typer

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, parse_checkpoint
from postern.tlog.notes import MAX_NOTE_BYTES, parse_note
from postern_cli.audit import app
from postern_cli.openssl import run_openssl
from postern_cli.stop import Exit, Stop

timestamp_app = typer.Typer(no_args_is_help=True, help="Have a checkpoint time stamped (RFC 3161), and check a stamp.")
app.add_typer(timestamp_app, name="timestamp")

_CheckpointFile = Annotated[Path, typer.Option("--checkpoint", metavar="FILE", help="A signed checkpoint.")]

_QUERY_TYPE, _REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
_MAX_REPLY_BYTES = 1024 * 1024
_TIMEOUT_S = 30
_GRANTED = re.compile(r"^Status: Granted", re.MULTILINE)  # with modifications too: a token came along
_STAMPED_AT = re.compile(r"^Time stamp: (.+)$", re.MULTILINE)


@timestamp_app.command()
def request(
    checkpoint: _CheckpointFile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the reply goes; or the query, with --query-only.")],
    tsa: Annotated[str | None, typer.Option(help="The authority's address, https:// or http://.")] = None,
    query_only: Annotated[
        bool, typer.Option("--query-only", help="Write the query alone; send it to an authority by other means.")
    ] = False,
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
        print(f"query written to {out}; send it as {_QUERY_TYPE}")
        return
    reply = _send(tsa, query)
    stamped_at = _time_of(reply)
    _write(out, reply)
    print(f"stamped {stamped_at}; reply written to {out}")


@timestamp_app.command()
def check(
    checkpoint: _CheckpointFile,
    reply: Annotated[Path, typer.Option(metavar="FILE", help="The authority's reply, as `request` wrote it.")],
    ca: Annotated[Path, typer.Option(metavar="FILE", help="Certificates that you trust to be an authority's root.")],
    untrusted: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates between those and the authority's own.")
    ] = None,
) -> None:
    """Check that an authority stamped exactly this checkpoint, and say when.

    Exit code: 0 it holds; 1 it does not; 3 it cannot be told: a file or openssl is missing.
    """
    head = _read_checkpoint(checkpoint)
    for path in (reply, ca, *([untrusted] if untrusted else [])):
        _read(path)
    between = ["-untrusted", _argument(untrusted)] if untrusted else []
    answer = run_openssl(
        ["ts", "-verify", "-data", _argument(checkpoint), "-in", _argument(reply), "-CAfile", _argument(ca), *between]
    )
    if not answer.succeeded or "Verification: OK" not in answer.output + answer.complaint:
        raise Stop(Exit.REFUSED, f"{reply}: does not hold for {checkpoint}: {_reason(answer.complaint)}")
    print(f"holds: {head.origin} had {head.size:,} entries by {_time_of(_read(reply))}")


def _argument(path: Path) -> str:
    """The path as an argument that cannot be taken for an option."""
    return str(path.absolute())


def _make_query(checkpoint: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "query.tsq"
        # The authority's certificate comes along, so that the reply can be checked without asking it again.
        answer = run_openssl(["ts", "-query", "-data", _argument(checkpoint), "-sha256", "-cert", "-out", str(file)])
        if not answer.succeeded:
            raise Stop(Exit.UNKNOWN, f"openssl: expected a query, got: {_reason(answer.complaint)}")
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


def _time_of(reply: bytes) -> str:
    """When a reply says that the stamp was made, unverified. Raises `Stop` where it is none, or refuses."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reply.tsr"
        file.write_bytes(reply)
        answer = run_openssl(["ts", "-reply", "-in", str(file), "-text"])
    if not answer.succeeded:
        raise Stop(Exit.UNKNOWN, f"reply: expected one of RFC 3161, got: {_reason(answer.complaint)}")
    time = _STAMPED_AT.search(answer.output)
    if _GRANTED.search(answer.output) is None or time is None:
        raise Stop(Exit.REFUSED, "reply: expected a time stamp, and the authority did not grant one")
    return time[1].strip()


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


def _reason(complaint: str) -> str:
    """The last of what openssl complained of, without its place in openssl's own code."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    return lines[-1].split(":")[-1].strip() if lines else "no reason given"

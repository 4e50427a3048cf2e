"""`postern audit vkey`: the log's key as verifiers take it, made of the public half that KMS tells.

It is asked of KMS by a person and handed over out of band. The API and the bucket tell a key, too; whoever could
change the log could change those.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Annotated

import typer

from postern.errors import IntegrityError
from postern.tlog.notes import format_vkey
from postern.tlog.origins import log_of
from postern_cli.audit import app
from postern_cli.gate.options import JsonOption
from postern_cli.stop import Exit, Stop


@app.command()
def vkey(
    origin: Annotated[str, typer.Option(help="The log's origin: the output LogOrigin of the broker's stack.")],
    public_key: Annotated[
        Path,
        typer.Option(metavar="FILE", help="What `aws kms get-public-key --query PublicKey --output text` printed."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Print the verifier key of a log, made of its signing key's public half. Nothing is sent anywhere.

    Exit code: 0 printed; 2 origin or key is none; 3 the file cannot be read.
    """
    public = _ed25519(_read(public_key), public_key)
    try:
        log_of(origin)
        key = format_vkey(origin, public)
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"--origin: {error.detail}") from error
    print(json.dumps({"vkey": key}) if as_json else key)


def _read(path: Path) -> bytes:
    try:
        text = path.read_text("ascii")
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{path}: expected to read it, got {error.strerror}") from error
    except UnicodeDecodeError:
        text = ""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise _no_key(path) from None


def _ed25519(der: bytes, path: Path) -> bytes:
    """The 32 bytes of the key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path)
    return key.public_bytes_raw()


def _no_key(path: Path) -> Stop:
    return Stop(Exit.USAGE, f"{path}: expected an Ed25519 public key in base64, as KMS tells it, got another text")

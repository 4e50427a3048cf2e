"""`postern audit vkey`: the key that verifiers take, from what KMS tells."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from postern.tlog.notes import parse_vkey
from postern_cli import audit_vkey
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.command_line import Ended
from tests.support.receipts import KEY

ORIGIN = KEY.verifier.name
RAW = KEY.verifier.public


def told(der: bytes, *, width: int = 0) -> str:
    """As `aws --output text` prints bytes."""
    text = base64.b64encode(der).decode()
    return (text if not width else "\n".join(text[i : i + width] for i in range(0, len(text), width))) + "\n"


def ed25519() -> bytes:
    return Ed25519PublicKey.from_public_bytes(RAW).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def run(folder: Path, text: str, origin: str = ORIGIN) -> Ended:
    (folder / "key").write_text(text)
    return command_line.run(audit_vkey.app, "vkey", "--origin", origin, "--public-key", folder / "key")


@pytest.mark.parametrize("width", [pytest.param(0, id="one line"), pytest.param(20, id="wrapped")])
def test_prints_the_key_that_the_log_is_verified_with(width: int, tmp_path: Path) -> None:
    ended = run(tmp_path, told(ed25519(), width=width))

    assert ended.code == Exit.DONE
    assert ended.out.strip() == str(KEY.verifier)
    assert parse_vkey(ended.out.strip()).public == RAW


OTHER_KIND = (
    generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("None\n", id="what aws prints for nothing"),
        pytest.param(told(RAW), id="the bare key"),
        pytest.param(told(ed25519()[:-1]), id="cut"),
        pytest.param(told(OTHER_KIND), id="a key of another kind"),
        pytest.param("{}", id="JSON"),
        pytest.param("ключ", id="no ASCII"),
    ],
)
def test_refuses_what_is_no_such_key(text: str, tmp_path: Path) -> None:
    ended = run(tmp_path, text)
    assert (ended.code, ended.out) == (Exit.USAGE, "")


@pytest.mark.parametrize("origin", ["", "postern", "postern.prod/a b", "elsewhere.prod/prod-2026", f"{ORIGIN}+x"])
def test_refuses_an_origin_that_no_log_of_ours_has(origin: str, tmp_path: Path) -> None:
    ended = run(tmp_path, told(ed25519()), origin)
    assert (ended.code, ended.out) == (Exit.USAGE, "")


def test_cannot_tell_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    ended = command_line.run(audit_vkey.app, "vkey", "--origin", ORIGIN, "--public-key", tmp_path / "none")
    assert ended.code == Exit.UNKNOWN

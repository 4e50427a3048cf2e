"""No file of the project holds a secret; what only looks like one is named here, with the reason why it may."""

from __future__ import annotations

import subprocess
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.secret_shapes import SHAPES, secrets_in

ROOT = Path(__file__).parent.parent
# Of AWS's own documentation: the key that is nobody's.
NOBODYS = (b"AKIAIOSFODNN7EXAMPLE",)
# What looks like a secret, by file and form. Nothing here opens anything.
SAMPLES: dict[tuple[str, str], str] = {
    ("tests/data/detectors.jsonl", "*"): "made up, for the detectors to find",
    ("tests/data/detectors/*.jsonl", "*"): "made up, for the detectors to find or to let pass",
    ("tests/masking/test_scrub.py", "token"): "the token of jwt.io's own example",
    ("tests/cli/test_dsn.py", "password in a URL"): "addresses that must be refused",
    ("tests/cli/gate/test_address.py", "password in a URL"): "an address that must be refused",
    ("tests/cli/golden/scenes.py", "password in a URL"): "an address that must be refused",
    ("tests/cli/operate/test_revoke.py", "password in a URL"): "an address that must be refused",
    ("tests/local/test_issuer_code.py", "password in a URL"): "an address that must be refused",
    ("tests/masking/test_detectors.py", "password in a URL"): "an address that detectors look at",
}


def _files() -> list[str]:
    """What is in the repository, or would be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def _secrets(name: str, data: bytes) -> list[tuple[str, str, int]]:
    for known in NOBODYS:
        data = data.replace(known, b"")
    return [(name, seen.shape, seen.line) for seen in secrets_in(data)]


def _is_sample(name: str, shape: str) -> bool:
    return any(fnmatch(name, file) and fnmatch(shape, form) for file, form in SAMPLES)


def test_no_file_holds_a_secret() -> None:
    found = [one for name in _files() for one in _secrets(name, (ROOT / name).read_bytes())]
    assert [one for one in found if not _is_sample(one[0], one[1])] == []
    # A reason whose sample is gone would let a secret pass that came later.
    used = Counter(key for key in SAMPLES for one in found if fnmatch(one[0], key[0]) and fnmatch(one[1], key[1]))
    assert [key for key in SAMPLES if not used[key]] == []


BEGIN = "-----BEGIN {}PRIVATE KEY-----"  # in two pieces, as below: this file is searched too
PLANTED = {
    "private key": BEGIN.format("EC ") + "\nMHcCAQEEIIGLfAuOqEaXbAoGCCqGSM49AwEHoUQDQgAE",
    "private key in JSON": BEGIN.format("") + "\\nMHcCAQEEIIGLfAuOqEaXbAoGCCqGSM49AwEHoUQDQgAE",
    "witness key": "PRIVATE+KEY+" + "a.example/w+0011aabb+" + "B" * 44,
    "private JWK": '{"kty": "OKP", "d": "' + "a" * 43 + '"}',
    "token": "Bearer " + "eyJ" + "a" * 20 + ".eyJ" + "b" * 40 + "." + "c" * 60,
    "database token": "db:5432/?Action=connect&DBUser=x&X-Amz-Expires=900&X-Amz-Signature=" + "0" * 64,
    "AWS key id": "id = " + "AKIA" + "Q" * 16,
    "AWS session's key id": "id = " + "ASIA" + "Q" * 16,
    "AWS secret key": "AWS_SECRET_ACCESS_KEY=" + "a/+Z" * 10,
    "AWS secret key in JSON": '"SecretAccessKey": "' + "a/+Z" * 10 + '"',
    "password in a URL": "postgresql://app:" + "s3cret@db.example/shop",
    "token of a service": "ghp_" + "A" * 36,
}


@pytest.mark.parametrize("text", PLANTED.values(), ids=PLANTED.keys())
def test_each_form_is_found(text: str) -> None:
    [(_, shape, line)] = _secrets("x.py", f"first\n{text}\nlast".encode())
    assert shape in SHAPES
    assert line == 2


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PUBLIC KEY-----\nMHcCAQEEIIGLfAuOqEaXbAoGCCqGSM49AwEHoUQDQgAE",
        "eyJhbGciOiJub25lIn0",
        "https://db.example:5432/shop",
        "AWS_SECRET_ACCESS_KEY=test",
        "AKIAIOSFODNN7EXAMPLE",
        "postgresql://{user}:{password}@{host}/x",
    ],
)
def test_what_is_no_secret_passes(text: str) -> None:
    assert _secrets("x.py", text.encode()) == []

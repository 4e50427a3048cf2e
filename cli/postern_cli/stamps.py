"""A time stamp authority's reply (RFC 3161), read with openssl.

A reply is a status, in words that nobody signed, and a token, which the authority signed. Whatever is told of a stamp
is read from the token alone, and from the very bytes that were checked.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from postern_cli.openssl import run_openssl
from postern_cli.stop import Exit, Stop

# The status comes first, before any words of whoever sent the reply. With modifications too: a token came along.
_GRANTED = re.compile(r"Status info:\s+Status: Granted(?: with modifications)?\.(?:\n|\Z)")
_STAMPED_AT = re.compile(r"^Time stamp: (.+)$", re.MULTILINE)


def token_of(reply: bytes) -> bytes:
    """The token in a reply, unverified. Raises `Stop` where it is no reply, or grants none."""
    with tempfile.TemporaryDirectory() as folder:
        file, token = Path(folder) / "reply.tsr", Path(folder) / "token"
        file.write_bytes(reply)
        shown = run_openssl(["ts", "-reply", "-in", str(file), "-text"])
        if not shown.succeeded:
            raise Stop(Exit.UNKNOWN, f"reply: expected one of RFC 3161, got: {reason(shown.complaint)}")
        taken = run_openssl(["ts", "-reply", "-in", str(file), "-token_out", "-out", str(token)])
        data = token.read_bytes() if taken.succeeded and token.is_file() else b""
    if _GRANTED.match(shown.output) is None or not data:
        raise Stop(Exit.REFUSED, "reply: expected a time stamp, and the authority did not grant one")
    return data


def time_of(token: bytes) -> str:
    """When a token says that the stamp was made; it is the authority's word once `check_token` has returned."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "token"
        file.write_bytes(token)
        # openssl makes a reply of its own around the token: nothing but the authority's own fields is in it.
        shown = run_openssl(["ts", "-reply", "-in", str(file), "-token_in", "-token_out", "-text"])
    times = _STAMPED_AT.findall(shown.output)
    if not shown.succeeded or len(times) != 1:
        raise Stop(Exit.UNKNOWN, f"token: expected one time, got {len(times)}: {reason(shown.complaint)}")
    return str(times[0]).strip()


def check_token(token: bytes, data: bytes, ca: Path, untrusted: Path | None) -> None:
    """Raises `Stop` (refused) unless an authority under these roots stamped exactly these bytes."""
    between = ["-untrusted", argument(untrusted)] if untrusted is not None else []
    with tempfile.TemporaryDirectory() as folder:
        file, stamped = Path(folder) / "token", Path(folder) / "data"
        file.write_bytes(token)
        stamped.write_bytes(data)
        files = ["-data", str(stamped), "-in", str(file), "-token_in", "-CAfile", argument(ca), *between]
        answer = run_openssl(["ts", "-verify", *files])
    if not answer.succeeded or "Verification: OK" not in answer.output + answer.complaint:
        raise Stop(Exit.REFUSED, reason(answer.complaint))


def argument(path: Path) -> str:
    """The path as an argument that cannot be taken for an option."""
    return str(path.absolute())


def reason(complaint: str) -> str:
    """The last of what openssl complained of, without its place in openssl's own code."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    return lines[-1].split(":")[-1].strip() if lines else "no reason given"

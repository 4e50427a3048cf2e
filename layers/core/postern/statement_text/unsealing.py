"""A sealed statement as its intent's record holds it, read back and checked with nothing taken on trust.

That the record is in the log, unaltered, is for `audit.verify` to say.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from postern.audit.asides import MAX_ASIDE_BYTES
from postern.audit.canonical import canonical_bytes, malformed, parse_canonical
from postern.audit.digests import keyed_digest, sha256_hex
from postern.audit.keys import blob_key
from postern.audit.statements import Sealed
from postern.errors import IntegrityError
from postern.statement_text.sealing import Place, Unsealed, open_sealed
from postern.types import CommandId, DataKey, TaskId

Read = Callable[[str], bytes]  # an object of the pulled log by its key


@dataclass(frozen=True, slots=True)
class SealedStatement:
    """What an intent says of its sealed statement."""

    deployment: str
    place: Place
    sealed: Sealed
    text_hmac: str
    parameters_hmac: str


def parse_sealed(record: bytes, read: Read) -> SealedStatement | None:
    """The sealed statement of an intent's record; None where it is not sealed.

    Raises `IntegrityError` (`evidence.malformed`) where a member or a blob has not its form.
    """
    members = parse_canonical(record)
    statement = members.get("statement")
    if not isinstance(statement, dict) or "sealed" not in statement:
        return None
    try:
        return _parse(members, statement, read)
    except (KeyError, TypeError, ValueError) as error:
        raise malformed("statement.sealed", "the members of a sealed statement", "others") from error


def unseal(statement: SealedStatement, data_key: DataKey) -> Unsealed:
    """What was sealed, held against what the record commits to. Raises `IntegrityError` as `open_sealed` does, and
    `evidence.sealed` where it is not the text that was committed to.
    """
    opened = open_sealed(statement.sealed, data_key, statement.place)
    _check(keyed_digest(opened.digest_key, opened.text.encode()), statement.text_hmac, "text")
    return opened


def check_parameters(statement: SealedStatement, opened: Unsealed, texts: Sequence[str | None]) -> None:
    """Raises `IntegrityError` (`evidence.sealed`) unless these are the parameters that were committed to."""
    sent = canonical_bytes(list(texts), max_bytes=MAX_ASIDE_BYTES)
    _check(keyed_digest(opened.digest_key, sent), statement.parameters_hmac, "parameters")


def _check(found: str, committed: str, what: str) -> None:
    if not hmac.compare_digest(found.encode(), committed.encode()):
        raise IntegrityError("evidence.sealed", f"{what}: expected what the record commits to, got something else")


def _parse(members: dict[str, Any], statement: dict[str, Any], read: Read) -> SealedStatement:
    sealed, command = statement["sealed"], CommandId(members["id"])
    return SealedStatement(
        deployment=str(members["deployment"]),
        place=Place(str(members["log"]), TaskId(members["task"]["id"]), command),
        sealed=Sealed(
            key_id=str(sealed["key"]),
            nonce=base64.b64decode(sealed["nonce"], validate=True),
            ciphertext=base64.b64decode(_ciphertext(sealed["ciphertext"], members, read), validate=True),
        ),
        text_hmac=str(statement["hmac_sha256"]),
        parameters_hmac=str(statement["parameters"]["hmac_sha256"]),
    )


def _ciphertext(member: str | dict[str, Any], members: dict[str, Any], read: Read) -> str | bytes:
    if isinstance(member, str):
        return member
    key = blob_key(str(members["log"]), CommandId(members["id"]), int(member["blob"]))
    try:
        data = read(key)
    except KeyError as error:
        raise malformed(key, "the blob that its record names", "none") from error
    if sha256_hex(data) != member["sha256"]:
        raise malformed(key, "the bytes that its record names", "others")
    return data

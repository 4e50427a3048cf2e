"""The answers about the log, as they go over HTTP: a part of the contract, like `edges/contract.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from postern.audit.times import format_time

if TYPE_CHECKING:
    from postern.services.receipts import PublicLog, Receipt


class ProofBody(Struct, frozen=True):
    """One record of the command. `proof` is a C2SP tlog-proof file whose extra line holds the record's bytes.

    `sha256` is of those bytes, as in the answer's receipt; `leaf` is their hash in the tree. Both in hex.
    """

    type: str
    key: str
    index: int
    sha256: str
    leaf: str
    proof: str


class ReceiptAnswer(Struct, frozen=True):
    """What the log's published tree, of `size` records, holds of a command; what is not in it yet is not listed."""

    command_id: str
    log: str
    size: int
    records: list[ProofBody]


class KeyBody(Struct, frozen=True):
    """A verifier key of the log, and from when until when it signs; `until` is null for one that still does."""

    vkey: str
    valid_from: str
    valid_until: str | None


class LogAnswer(Struct, frozen=True):
    """The log's origin, its keys and its latest signed checkpoint, null before the first.

    Whoever checks evidence takes the key from its operator and keeps it: a server that lies would lie here too.
    """

    origin: str
    keys: list[KeyBody]
    checkpoint: str | None


def receipt_answer(receipt: Receipt) -> ReceiptAnswer:
    return ReceiptAnswer(
        receipt.command_id,
        receipt.origin,
        receipt.size,
        [
            ProofBody(one.type.value, one.key, one.index, one.sha256, one.leaf.hex(), one.proof.decode())
            for one in receipt.records
        ],
    )


def log_answer(log: PublicLog) -> LogAnswer:
    keys = [
        KeyBody(key.vkey, format_time(key.from_us), None if key.until_us is None else format_time(key.until_us))
        for key in log.keys
    ]
    return LogAnswer(log.origin, keys, None if log.note is None else log.note.decode())

"""The answers about the log, as they go over HTTP: a part of the contract, like `edges/contract.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from postern.audit.times import format_time
from postern.errors import IntegrityError

if TYPE_CHECKING:
    from postern.reaped import Watermark
    from postern.services.log_health import Cosigned
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


class WatermarkBody(Struct, frozen=True):
    """What was written before `at` is under a published checkpoint; that lies `behind_s` seconds back.

    With more than `max_staleness_s` no statement runs. `is_closed`: the log has ended, and another goes on.
    """

    at: str
    behind_s: int
    max_staleness_s: int
    is_closed: bool


class CosignedBody(Struct, frozen=True):
    """What a witness's operator reported: the tree of this `size` was seen by the holder of `vkey`, at its `time`.

    Check the note with the witness's key that you were given. Where it does not hold all is null but `wrong`, which
    says why.
    """

    vkey: str
    size: int | None
    time: str | None
    note: str | None
    wrong: str | None


class LogAnswer(Struct, frozen=True):
    """The log's origin, its keys and its latest signed checkpoint, null before the first, and how the log is.

    `size` is null where the checkpoint's signature does not hold. `cosigned` is null where nobody reported one.
    Whoever checks evidence takes the key from its operator and keeps it: a server that lies would lie here too.
    """

    origin: str
    keys: list[KeyBody]
    checkpoint: str | None
    size: int | None
    watermark: WatermarkBody | None
    cosigned: CosignedBody | None


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


def log_answer(log: PublicLog, *, now_us: int, max_staleness_s: int) -> LogAnswer:
    keys = [
        KeyBody(key.vkey, format_time(key.from_us), None if key.until_us is None else format_time(key.until_us))
        for key in log.keys
    ]
    return LogAnswer(
        log.origin,
        keys,
        None if log.note is None else log.note.decode(),
        log.size,
        None if log.watermark is None else _watermark(log.watermark, now_us, max_staleness_s),
        None if log.cosigned is None else _cosigned(log.cosigned),
    )


def _watermark(mark: Watermark, now_us: int, max_staleness_s: int) -> WatermarkBody:
    behind_s = max(0, (now_us - mark.at_us) // 1_000_000)
    return WatermarkBody(format_time(mark.at_us), behind_s, max_staleness_s, mark.is_closed)


def _cosigned(one: Cosigned) -> CosignedBody:
    return CosignedBody(
        one.vkey,
        one.size,
        None if one.time_s is None else _moment(one.time_s),
        None if one.note is None else one.note.decode(),
        one.wrong,
    )


def _moment(time_s: int) -> str | None:
    """None for a time that no calendar has: whoever signs may say any."""
    try:
        return format_time(time_s * 1_000_000)
    except IntegrityError:
        return None

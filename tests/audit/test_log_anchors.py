"""What the owner of the signing key can hide from who kept nothing, and that an anchor shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from postern.audit.findings import Step
from postern.audit.records import RecordType
from postern.audit.verify import Cosigned, Options
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.cosignatures import cosign
from postern.tlog.hashing import Hash
from postern.tlog.notes import COSIGNATURE, format_note, parse_note, verifier_key
from tests.support.good_log import (
    FIRST_KEY,
    NEW_ORIGIN,
    Batch,
    GoodLog,
    good,
    rewrite,
)
from tests.support.log_copy import log_key as signing_key
from tests.support.log_copy import signed
from tests.support.log_tampering import (
    LATEST,
    OPTIONS,
    STRANGER,
    VKEYS,
    WITNESS,
    Owning,
    check,
    drop_all,
    only,
    small_copy,
    statements,
)

# What the owner of the key can hide from who kept nothing.


def rolled_back(log: GoodLog) -> None:
    """Everything after the sixth batch is gone, as if it had never been."""
    log.new.batches = log.new.batches[:6]
    kept = sum(batch.entries for batch in log.new.batches)
    log.new.order = log.new.order[:kept]
    log.new.objects = {key: data for key, data in log.new.objects.items() if key in log.new.order}
    log.new.left_stage = False


def last_outcome_dropped(log: GoodLog) -> None:
    drop_all(log, statements(log, RecordType.OUTCOME)[-1])


def settlement_turned(log: GoodLog) -> None:
    rewrite(
        log.new,
        only(lambda record: record["type"] == "settled" and record["status"] == "rolled_back", status="committed"),
    )


def statement_rewritten(log: GoodLog) -> None:
    rewrite(
        log.new,
        only(
            lambda record: record["type"] == "intent" and record["statement"] == {"text": "select 5"},
            statement={"text": "select 6"},
        ),
    )


def environment_dropped(log: GoodLog) -> None:
    """Nothing is left of what one environment wrote."""
    rewrite(log.new, lambda _, record: None if record["code"] == {"function": "tasks", "version": "0.1.0"} else record)


def signed_by_another(log: GoodLog) -> None:
    """Another history from the first entry on, under the same key."""
    rewrite(log.new, only(lambda record: record["type"] == "intent", purpose="harmless"))


def in_one_batch(log: GoodLog) -> None:
    """The same entries in another order."""
    log.new.order[3:30] = sorted(log.new.order[3:30])
    log.new.batches = [Batch(len(log.new.order), (FIRST_KEY,))]


HIDDEN: list[tuple[str, Owning, str]] = [
    (
        "a rollback to a smaller signed tree",
        rolled_back,
        "44 entries under a checkpoint, got 23: the log was rolled back",
    ),
    ("the last record of a chain dropped", last_outcome_dropped, "rolled back"),
    ("a rolled-back write settled as committed", settlement_turned, "another history"),
    ("a statement rewritten", statement_rewritten, "another history"),
    ("an environment dropped", environment_dropped, "rolled back"),
    ("history written anew", signed_by_another, "another history"),
    ("the same entries in another order", in_one_batch, "another history"),
]


def kept() -> Options:
    return Options(vkeys=VKEYS, kept=(small_copy().objects[LATEST],))


def cosigned() -> Options:
    return Options(vkeys=VKEYS, cosigned=(Cosigned(cosigned_note(), (witness_key(),)),))


def witness_key() -> object:
    return verifier_key(WITNESS.name, WITNESS.public, COSIGNATURE)


def cosigned_note() -> bytes:
    note = parse_note(small_copy().objects[LATEST])
    line = cosign(note.text, WITNESS.name, WITNESS.public, 1_795_350_000, WITNESS.private.sign)
    return format_note(note.text, [*note.signatures, line])


@pytest.mark.parametrize(
    ("tamper", "says"), [case[1:] for case in HIDDEN], ids=[case[0].replace(" ", "-") for case in HIDDEN]
)
def test_what_only_an_anchor_shows(tamper: Owning, says: str) -> None:
    log = good(small=True)
    tamper(log)
    copy = log.lay_down()

    without_anchor, with_kept, with_witness = (check(copy, options) for options in (OPTIONS, kept(), cosigned()))

    assert [str(finding) for finding in without_anchor.findings] == []
    for report in (with_kept, with_witness):
        assert [(finding.step, says in str(finding)) for finding in report.findings] == [(Step.KEPT, True)]


@pytest.mark.parametrize("options", [kept, cosigned])
def test_the_good_log_holds_with_an_anchor(options: Callable[[], Options]) -> None:
    assert [str(finding) for finding in check(small_copy(), options()).findings] == []


def bad_anchors() -> Iterator[object]:
    note = cosigned_note()
    latest = small_copy().objects[LATEST]
    other = verifier_key("other.example", STRANGER.public, COSIGNATURE)
    text = parse_note(latest).text
    broken = parse_note(note).signatures[-1]
    broken = replace(broken, signature=broken.signature[:-1] + b"\x00")
    yield pytest.param(
        Options(VKEYS, cosigned=(Cosigned(latest, (witness_key(),)),)),
        Step.WITNESS,
        "one of witness.example, got none",
        id="nobody cosigned",
    )  # type: ignore[arg-type]
    yield pytest.param(
        Options(VKEYS, cosigned=(Cosigned(note, (witness_key(), other)),)),
        Step.WITNESS,
        "one of other.example",
        id="one of two did",
    )  # type: ignore[arg-type]
    yield pytest.param(
        Options(
            VKEYS, cosigned=(Cosigned(format_note(text, [*parse_note(latest).signatures, broken]), (witness_key(),)),)
        ),
        Step.WITNESS,
        "one that holds",
        id="a cosignature that does not hold",
    )  # type: ignore[arg-type]
    yield pytest.param(
        Options(VKEYS, kept=(b"nothing",)), Step.KEPT, "one of its form", id="a kept file that is no checkpoint"
    )
    yield pytest.param(
        Options(VKEYS, kept=(signed(Checkpoint(NEW_ORIGIN, 286, Hash(bytes(32))), STRANGER),)),
        Step.KEPT,
        "signature of",
        id="a kept checkpoint that the log did not sign",
    )
    yield pytest.param(
        Options(
            VKEYS, kept=(signed(Checkpoint("postern.shop/gone", 5, Hash(bytes(32))), signing_key("postern.shop/gone")),)
        ),
        Step.KEPT,
        "nothing of it in the copy",
        id="a kept checkpoint of a log that is gone",
    )


@pytest.mark.parametrize(("options", "step", "says"), list(bad_anchors()))
def test_an_anchor_that_does_not_hold_is_refused(options: Options, step: Step, says: str) -> None:
    report = check(small_copy(), options)

    assert [finding.step for finding in report.findings] == [step]
    assert says in str(report.first)

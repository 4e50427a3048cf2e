"""Who owns the signing key too changes what was written, makes the tree anew and signs it: what a copy alone shows."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from postern.audit.findings import Step
from postern.audit.keys import parse_record_key, record_key
from postern.audit.records import RecordType
from postern.tlog.checkpoints import Checkpoint, format_checkpoint
from postern.tlog.hashing import Hash
from postern.tlog.notes import format_note
from postern.types import CommandId
from tests.support.audit import Json, Story
from tests.support.good_log import (
    NEW,
    OLD,
    OLD_KEY,
    GoodLog,
    add_entry,
    drop_entry,
    good,
    good_copy,
    rewrite,
    tree_of,
)
from tests.support.log_copy import log_key as signing_key
from tests.support.log_copy import signed
from tests.support.log_tampering import (
    LATER_US,
    Owning,
    Tampering,
    beyond,
    check,
    drop_all,
    forked,
    only,
    statements,
)

# Ways of who signs: the tree is made anew over what was changed.


def edited(change: Callable[[str, Json], Json | None], *, old: bool = False) -> Owning:
    """Records changed or dropped, with every digest after them."""
    return lambda log: rewrite(log.old if old else log.new, change)


def is_event(kind: str) -> Callable[[Json], bool]:
    return lambda record: record["kind"] == kind and record["type"] == "event"


def twice(log: GoodLog) -> None:
    add_entry(log.new, log.new.order[8], 30)


def left_out(log: GoodLog) -> None:
    """An object whose record never came into the tree."""
    drop_entry(log.new, statements(log, RecordType.OUTCOME)[-1])


def never_quarantined(log: GoodLog) -> None:
    rewrite(log.new, only(is_event("quarantine")))


def quarantined_another(log: GoodLog) -> None:
    rewrite(log.new, only(is_event("quarantine"), sha256="1" * 64))


def back_dated(log: GoodLog) -> None:
    """A record written now, at the tree's end, with the id, the time and the line of two days ago."""
    second = -2 * 86_400
    id_ = Story().id_at(second)
    record = json.loads(log.new.objects[statements(log, RecordType.INTENT)[0]])
    time = "2026-11-20T10:00:00.000000Z"
    record.update(id=id_, time=time, type="event", writer={"env": "0" * 32, "n": 0, "prev": None})
    key = record_key(NEW, RecordType.EVENT, id_)
    log.new.objects[key] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    add_entry(log.new, key, len(log.new.order))


def in_both_logs(log: GoodLog) -> None:
    """The id of a record of the old log, used again in the new one."""
    id_ = parse_record_key(log.old.order[1]).id
    record = json.loads(log.old.objects[log.old.order[1]])
    record.update(log=NEW, writer={"env": "0" * 32, "n": 0, "prev": None})
    key = record_key(NEW, RecordType.EVENT, CommandId(id_))
    log.new.objects[key] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    add_entry(log.new, key, 5)


def other_first(log: GoodLog) -> None:
    log.new.order[0], log.new.order[1] = log.new.order[1], log.new.order[0]


def after_the_end(log: GoodLog) -> None:
    log.old.order[-1], log.old.order[-2] = log.old.order[-2], log.old.order[-1]


def closed_earlier(log: GoodLog) -> None:
    """The new epoch holds a checkpoint of the old one that was not the last."""
    note = signed(Checkpoint(f"postern.shop/{OLD}", 3, tree_of(log.old)[0].root), OLD_KEY).decode()
    change_previous(log, checkpoint=note)


def closed_otherwise(log: GoodLog) -> None:
    """The new epoch holds a closing checkpoint, of the right size and signed, of another history."""
    note = signed(Checkpoint(f"postern.shop/{OLD}", tree_of(log.old)[-1].size, Hash(bytes(32))), OLD_KEY).decode()
    change_previous(log, checkpoint=note)


def closed_by_nobody(log: GoodLog) -> None:
    head = tree_of(log.old)[-1]
    text = format_checkpoint(Checkpoint(f"postern.shop/{OLD}", head.size, head.root))
    change_previous(log, checkpoint=format_note(text, [signing_key(f"postern.shop/{OLD}", 8).sign(text)]).decode())


def change_previous(log: GoodLog, **members: object) -> None:
    def to(_: str, record: Json) -> Json:
        if record["kind"] != "epoch_start":
            return record
        previous = record["previous"]
        assert isinstance(previous, dict)
        return {**record, "previous": {**previous, **members}}

    rewrite(log.new, to)


def is_late_query(record: Json) -> bool:
    return record["code"]["function"] == "query" and record["writer"]["n"] > 2  # type: ignore[index,call-overload,operator]


OWNER: list[tuple[str, Owning, Step, str]] = [
    (
        "a chain that goes on from other code",
        edited(only(is_late_query, code={"function": "query", "version": "9.9.9"})),
        Step.CHAIN,
        "source of chain",
    ),
    ("an entry twice", twice, Step.ENTRY, "each record once, got one that is there twice"),
    ("an object left out of the tree", left_out, Step.ENTRY, "it under a checkpoint, or a quarantine of it"),
    (
        "an outcome dropped from the middle of a chain",
        lambda log: drop_all(log, statements(log, RecordType.OUTCOME)[3]),
        Step.CHAIN,
        "a record at",
    ),
    ("an object never quarantined", never_quarantined, Step.ENTRY, "or a quarantine of it, got neither"),
    ("another object quarantined", quarantined_another, Step.ENTRY, "quarantined object's SHA-256"),
    ("a back-dated record", back_dated, Step.ORDER, "when a checkpoint did not cover it"),
    ("an id in two logs", in_both_logs, Step.ORDER, "in prod-2025 and prod-2026"),
    ("another first entry", other_first, Step.EPOCH, "first entry: expected an epoch_start"),
    (
        "no first entry",
        lambda log: rewrite(log.new, only(is_event("epoch_start"))),
        Step.EPOCH,
        "first entry: expected an epoch_start",
    ),
    (
        "another origin",
        edited(only(is_event("epoch_start"), origin="postern.evil/prod-2026")),
        Step.EPOCH,
        "origin: expected postern.shop",
    ),
    (
        "keys that are not named",
        edited(lambda _, record: {**record, "vkeys": []} if "vkeys" in record else record),
        Step.EPOCH,
        "keys that the log names",
    ),
    (
        "a shorter promise of locks kept longer",
        edited(only(is_event("epoch_start"), retain_until="2031-01-01T00:00:00.000000Z")),
        Step.LOCK,
        "2031-01-01",
    ),
    ("entries after the end", after_the_end, Step.EPOCH, "last entry: expected an epoch_end that names prod-2026"),
    (
        "an epoch that nobody ended",
        edited(only(is_event("epoch_end")), old=True),
        Step.EPOCH,
        "an epoch_end that names prod-2026",
    ),
    (
        "an epoch that another follows",
        edited(only(is_event("epoch_end"), next=OLD), old=True),
        Step.EPOCH,
        "an epoch_end that names prod-2026",
    ),
    (
        "an epoch without the one before",
        edited(only(is_event("epoch_start"), previous=None)),
        Step.EPOCH,
        "previous log: expected prod-2025",
    ),
    (
        "an earlier closing checkpoint",
        closed_earlier,
        Step.EPOCH,
        "the closing checkpoint, of 13 entries, got one of 3",
    ),
    ("another closing checkpoint", closed_otherwise, Step.KEPT, "another history"),
    ("a closing checkpoint that nobody signed", closed_by_nobody, Step.EPOCH, "previous log's checkpoint"),
]


@pytest.mark.parametrize(
    ("tamper", "step", "says"), [case[1:] for case in OWNER], ids=[case[0].replace(" ", "-") for case in OWNER]
)
def test_finds_what_the_owner_of_the_key_did(tamper: Owning, step: Step, says: str) -> None:
    log = good(small=True)
    tamper(log)

    report = check(log.lay_down(), now_us=LATER_US)

    found = [finding for finding in report.findings if finding.step is step and says in str(finding)]
    assert found, [str(finding) for finding in report.findings]


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        pytest.param(
            beyond, "checkpoints/400: entries: expected 400, got 286 that can be read", id="more than there is"
        ),
        pytest.param(forked, "checkpoints/101: root", id="another history at that size"),
    ],
)
def test_finds_a_checkpoint_signed_over_something_else(tamper: Tampering, says: str) -> None:
    copy = good_copy()
    tamper(copy)

    (finding,) = [finding for finding in check(copy).findings if finding.step is Step.ROOT]
    assert says in str(finding)

"""Receipts: for whom, of what, and that every proof in them holds with the key alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from postern.audit.bodies import principal_member
from postern.audit.records import RecordType
from postern.errors import BadRequest, EvidenceUnavailable, IntegrityError, NotFound
from postern.tlog.hashing import leaf_hash
from postern.tlog.tlog_proof import parse_tlog_proof, verify_tlog_proof
from tests.support.audit import MemoryRecordStore
from tests.support.domain import AGENT, OTHER
from tests.support.log_copy import log_key
from tests.support.log_fakes import LogStore
from tests.support.receipts import KEY, LOG, ORIGIN, Commands, published, receipts_of


@pytest.fixture
def commands() -> Commands:
    return Commands()


def test_every_record_of_a_command_is_proved_with_the_key_alone(commands):
    commands.run(OTHER)
    mine = commands.run(settled=True)
    commands.run(OTHER)
    receipt = published(commands).receipts.of_command(AGENT, LOG, mine)
    assert (receipt.command_id, receipt.origin, receipt.size) == (mine, ORIGIN, 7)
    assert [one.type for one in receipt.records] == [RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED]
    for one in receipt.records:
        proof, stored = parse_tlog_proof(one.proof), commands.objects[one.key]
        assert proof.unverified_extra == stored
        assert (proof.index, one.leaf, one.sha256) == (
            one.index,
            leaf_hash(stored),
            hashlib.sha256(stored).hexdigest(),
        )
        assert verify_tlog_proof(proof, stored, [KEY.verifier], ORIGIN).size == 7


def test_a_command_is_proved_in_a_log_of_several_tiles(commands):
    for _ in range(130):
        commands.run(OTHER)
    mine = commands.run()
    receipt = published(commands, batches=(3, 200, 59)).receipts.of_command(AGENT, LOG, mine)
    assert [one.index for one in receipt.records] == [260, 261]


def test_an_event_is_a_record_too(commands):
    store = MemoryRecordStore(objects=commands.objects)
    body = {"principal": principal_member(AGENT), "decision": {"result": "refuse"}}
    event = commands.story.event(store, "refusal", body)
    receipt = published(commands).receipts.of_command(AGENT, LOG, event)
    assert [one.type for one in receipt.records] == [RecordType.EVENT]


def refused(code: str, call) -> None:
    with pytest.raises(NotFound) as raised:
        call()
    assert raised.value.code == code


STRANGERS = {
    "another-subject": OTHER,
    "another-issuer": replace(AGENT, issuer="other"),
    "another-issuer-of-the-name": replace(AGENT, issuer_url="https://other.example"),
    "the-same-agent-for-a-person": replace(AGENT, on_behalf_of="ann@example.com"),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_receipt_is_for_who_sent_the_command_and_nobody_else(commands, stranger):
    mine = commands.run()
    receipts = published(commands).receipts
    refused("receipt.unknown", lambda: receipts.of_command(stranger, LOG, mine))


def test_the_principal_of_today_has_another_token_and_the_same_receipts(commands):
    mine = commands.run()
    later = replace(AGENT, token_sha256="f" * 64, expires_at_s=AGENT.expires_at_s + 9000, groups=())
    assert published(commands).receipts.of_command(later, LOG, mine).records


def test_what_is_not_there_not_in_the_log_and_not_yours_look_the_same(commands):
    mine, theirs, late = commands.run(), commands.run(OTHER), commands.run()
    receipts = published(commands, batches=(4,)).receipts
    absent = commands.story.id_at(99)
    said = set()
    for command_id in (theirs, late, absent):
        with pytest.raises(NotFound) as raised:
            receipts.of_command(AGENT, LOG, command_id)
        said.add((raised.value.code, raised.value.detail.replace(command_id, "")))
    assert len(said) == 1
    assert receipts.of_command(AGENT, LOG, mine).records


def test_a_record_that_is_not_under_the_checkpoint_yet_is_not_listed(commands):
    mine = commands.run(settled=True)
    receipt = published(commands, batches=(2,)).receipts.of_command(AGENT, LOG, mine)
    assert [one.type for one in receipt.records] == [RecordType.INTENT, RecordType.OUTCOME]


def test_an_outcome_alone_tells_nobody_whose_it_is(commands):
    mine = commands.run()
    at = published(commands)
    del at.store.places[next(key for key in at.store.places if key.endswith("1-intent.json"))]
    refused("receipt.unknown", lambda: at.receipts.of_command(AGENT, LOG, mine))


@pytest.mark.parametrize(
    "text", ["", "x", "../../etc/passwd", "0199a0b0-c0d0-4000-8000-00000000000a", "%" * 5000], ids=len
)
def test_an_id_that_is_none_is_unknown(commands, text):
    refused("receipt.unknown", lambda: published(commands).receipts.of_command(AGENT, LOG, text))


@pytest.mark.parametrize("log", ["", "a/b", "A", "x" * 41])
def test_a_log_name_that_is_none_is_refused(commands, log):
    with pytest.raises(BadRequest):
        published(commands).receipts.of_command(AGENT, log, commands.run())
    with pytest.raises(BadRequest):
        published(commands).receipts.log(log)


def test_another_log_has_no_receipt_of_this_ones_commands(commands):
    mine = commands.run()
    refused("receipt.unknown", lambda: published(commands).receipts.of_command(AGENT, "prod-2027", mine))


def integrity_error(call) -> str:
    with pytest.raises(IntegrityError) as raised:
        call()
    return raised.value.code


def test_an_index_that_points_at_another_record_gives_nothing(commands):
    """The index is a table: whoever can write it must not get at other people's records by it."""
    mine, theirs = commands.run(), commands.run(OTHER)
    at = published(commands)
    outcome = next(key for key in at.store.places if theirs in key and key.endswith("2-outcome.json"))
    own = next(key for key in at.store.places if mine in key and key.endswith("2-outcome.json"))
    at.store.places[own] = at.store.places[outcome]
    assert integrity_error(lambda: at.receipts.of_command(AGENT, LOG, mine)) == "evidence.conflict"


@pytest.mark.parametrize(
    ("path", "code"), [("tile/0/000.p/4", "evidence.proof"), ("tile/entries/000.p/4", "evidence.proof")]
)
def test_a_changed_tile_or_entry_gives_no_proof(commands, path, code):
    mine, _ = commands.run(), commands.run()
    at = published(commands)
    data = at.store.objects[LOG, path]
    if "entries" in path:
        data = data.replace(b"select 1", b"select 2")
    else:
        data = data[:40] + bytes([data[40] ^ 1]) + data[41:]
    at.store.objects[LOG, path] = data
    assert integrity_error(lambda: at.receipts.of_command(AGENT, LOG, mine)) == code


def test_a_checkpoint_that_another_key_signed_gives_no_proof(commands):
    mine = commands.run()
    at = published(commands, key=log_key(ORIGIN, 2))
    assert integrity_error(lambda: at.receipts.of_command(AGENT, LOG, mine)) == "evidence.signature"


def test_before_the_first_checkpoint_there_is_nothing_to_prove_with(commands):
    mine = commands.run()
    at = published(commands)
    at.store.latest.clear()
    with pytest.raises(EvidenceUnavailable):
        at.receipts.of_command(AGENT, LOG, mine)


def test_a_stranger_who_guesses_ids_costs_one_read():
    at = published(Commands())
    at.store.requests.clear()
    with pytest.raises(NotFound):
        at.receipts.of_command(AGENT, LOG, Commands().story.id_at(1))
    assert dict(at.store.requests) == {"positions": 1}


def test_a_receipt_reads_each_object_once(commands):
    for _ in range(140):
        last = commands.run()
    at = published(commands)
    at.store.requests.clear()
    at.receipts.of_command(AGENT, LOG, last)
    assert dict(at.store.requests) == {"positions": 1, "get checkpoint": 1, "get": 3}


def test_anyone_may_have_the_logs_keys_and_its_head(commands):
    commands.run()
    at = published(commands)
    told = at.receipts.log(LOG)
    assert told.origin == ORIGIN
    assert [key.vkey for key in told.keys] == [str(KEY.verifier)]
    assert told.note == at.store.latest[LOG][-1]


def test_a_log_that_has_not_begun_has_neither():
    told = receipts_of(LogStore()).log("prod-2030")
    assert (told.origin, told.keys, told.note) == ("postern.shop/prod-2030", (), None)


def test_of_a_log_that_has_not_begun_the_bucket_is_not_asked():
    """Who may not list a bucket gets 403 for what is not there, which is no answer."""

    def away(log):
        raise AssertionError(f"{log}: asked for")

    told = replace(receipts_of(LogStore()), buckets=away).log("prod-2030")
    assert (told.keys, told.note) == ((), None)

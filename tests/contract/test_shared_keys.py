"""What environments share: one contract, run on the fakes and on DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from postern.edges.issuer_http import MAX_BODY_BYTES
from postern.edges.shared_keys import DynamoKeySets
from postern.edges.used_proofs import DynamoUsedProofs
from postern.errors import StateUnavailable
from postern.identity.key_sets import KEEP_S, SKEW_S, Ask, KeySet, Known, SharedKeySets
from postern.identity.keys import parse_key_set
from postern.identity.proofs import Proof, UsedProofs
from postern.types import Sha256Hex
from tests.support.identity import NOW_S, jwk, key_set
from tests.support.places import Place, places
from tests.support.proofs import MemoryUsedProofs
from tests.support.shared_keys import MemoryKeySets

URL = "https://issuer.example"
OLD, NEW = key_set(jwk("ES256")), key_set(jwk("EdDSA"))
PROOF = Proof(Sha256Hex("a" * 64), NOW_S + 61)


@dataclass
class Table:
    """An empty state table."""

    client: Any
    name: str

    def item(self, url: str = URL) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_item(TableName=self.name, Key=key(url))["Item"]
        return found

    def put(self, **attributes: dict[str, Any]) -> None:
        self.client.put_item(TableName=self.name, Item={**key(URL), **attributes})


def key(url: str) -> dict[str, Any]:
    return {"pk": {"S": f"jwks#{url}"}, "sk": {"S": "keys"}}


def table_at(place: Place) -> Table:
    return Table(place.client("dynamodb"), place.state_table())


@pytest.fixture(params=places("dynamodb"))
def table(request: pytest.FixtureRequest) -> Table:
    return table_at(request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", *places("dynamodb")])
def shared(request: pytest.FixtureRequest) -> SharedKeySets:
    if request.param == "fake":
        return MemoryKeySets()
    table = table_at(request.getfixturevalue(request.param))
    return DynamoKeySets(table.client, table.name)


@pytest.fixture(params=["fake", *places("dynamodb")])
def used(request: pytest.FixtureRequest) -> UsedProofs:
    if request.param == "fake":
        return MemoryUsedProofs()
    table = table_at(request.getfixturevalue(request.param))
    return DynamoUsedProofs(table.client, table.name)


def test_knows_nothing_of_an_issuer_that_nobody_asked(shared):
    assert shared.read(URL) == Known()


def test_gives_the_set_that_was_put_to_everybody(shared):
    shared.put(URL, OLD, fetched_at_s=NOW_S)
    assert shared.read(URL) == Known(KeySet(parse_key_set(OLD), NOW_S))


def test_replaces_a_set_by_a_newer_one_and_never_by_an_older(shared):
    for fetched_at_s, body in ((NOW_S, OLD), (NOW_S + 1, NEW), (NOW_S, OLD)):
        shared.put(URL, body, fetched_at_s=fetched_at_s)
    assert shared.read(URL).key_set == KeySet(parse_key_set(NEW), NOW_S + 1)


def test_replaces_a_set_that_a_wrong_clock_dated_ahead(shared):
    for fetched_at_s, body in ((NOW_S + SKEW_S + 1, OLD), (NOW_S, NEW)):
        shared.put(URL, body, fetched_at_s=fetched_at_s)
    assert shared.read(URL).key_set == KeySet(parse_key_set(NEW), NOW_S)


def test_lets_one_of_all_that_saw_the_same_ask(shared):
    seen = shared.read(URL)
    assert shared.claim(URL, seen, Ask(NOW_S + 5), now_s=NOW_S)
    assert not shared.claim(URL, seen, Ask(NOW_S + 5), now_s=NOW_S)
    after = shared.read(URL)
    assert after == Known(None, NOW_S, NOW_S + 5)
    assert shared.claim(URL, after, Ask(NOW_S + 35), now_s=NOW_S + 1)
    assert not shared.claim(URL, after, Ask(NOW_S + 35), now_s=NOW_S + 1)


def test_keeps_set_and_claims_apart(shared):
    shared.put(URL, OLD, fetched_at_s=NOW_S)
    shared.claim(URL, shared.read(URL), Ask(NOW_S + 30), now_s=NOW_S + 1)
    shared.put(URL, NEW, fetched_at_s=NOW_S + 1)
    assert shared.read(URL) == Known(KeySet(parse_key_set(NEW), NOW_S + 1), NOW_S + 1, NOW_S + 30)


def test_keeps_issuers_apart(shared):
    shared.put(URL, OLD, fetched_at_s=NOW_S)
    shared.put(f"{URL}/", NEW, fetched_at_s=NOW_S)
    assert shared.read(URL).key_set == KeySet(parse_key_set(OLD), NOW_S)


def test_lets_the_table_forget_an_issuer_that_is_used_no_more(table):
    shared = DynamoKeySets(table.client, table.name)
    shared.claim(URL, Known(), Ask(NOW_S), now_s=NOW_S)
    shared.put(URL, OLD, fetched_at_s=NOW_S)
    assert int(table.item()["ttl_s"]["N"]) > NOW_S + KEEP_S


def test_keeps_the_largest_set_that_an_issuer_may_publish(table):
    shared = DynamoKeySets(table.client, table.name)
    shared.put(URL, OLD.ljust(MAX_BODY_BYTES), fetched_at_s=NOW_S)
    assert shared.read(URL).key_set == KeySet(parse_key_set(OLD), NOW_S)


def test_reads_what_was_written_before_it_and_nothing_older(table, monkeypatch):
    """DynamoDB reads otherwise from a copy that may lag; moto has none, so what is asked for is looked at."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(table, "client", SimpleNamespace(get_item=lambda **named: asked.append(named) or {}))
    DynamoKeySets(table.client, table.name).read(URL)
    assert [one["ConsistentRead"] for one in asked] == [True]


MALFORMED: dict[str, dict[str, dict[str, Any]]] = {
    "no set": {"key_set": {"B": b"<html>"}},
    "set with a name twice": {"key_set": {"B": b'{"keys":[],"keys":[]}'}},
    "set as text": {"key_set": {"S": OLD.decode()}},
    "set too large": {"key_set": {"B": OLD.ljust(MAX_BODY_BYTES + 1)}},
    "set without its time": {"key_set": {"B": OLD}, "fetched_at_s": {"NULL": True}},
    "time as text": {"fetched_at_s": {"S": str(NOW_S)}},
    "negative time": {"fetched_at_s": {"N": "-1"}},
    "broken time": {"asked_at_s": {"N": "1.5"}},
    "endless number": {"paid_until_s": {"N": "9" * 30}},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED.keys())
def test_believes_nothing_of_a_malformed_entry(changes, table):
    table.put(**{"key_set": {"B": OLD}, "fetched_at_s": {"N": str(NOW_S)}, **changes})
    with pytest.raises(StateUnavailable, match="shared key set"):
        DynamoKeySets(table.client, table.name).read(URL)


def test_says_that_the_table_cannot_be_reached(table):
    client = table.client
    nowhere = DynamoKeySets(client, "nowhere")
    for call in (
        lambda: nowhere.read(URL),
        lambda: nowhere.claim(URL, Known(), Ask(NOW_S), now_s=NOW_S),
        lambda: nowhere.put(URL, OLD, fetched_at_s=NOW_S),
        lambda: DynamoUsedProofs(client, "nowhere").use(PROOF, now_s=NOW_S),
    ):
        with pytest.raises(StateUnavailable):
            call()


def test_lets_a_proof_be_used_once(used):
    assert used.use(PROOF, now_s=NOW_S)
    assert not used.use(PROOF, now_s=NOW_S)
    assert not used.use(Proof(PROOF.name, PROOF.until_s + 60), now_s=PROOF.until_s - 1)
    assert used.use(Proof(Sha256Hex("b" * 64), PROOF.until_s), now_s=NOW_S)


def test_a_name_is_free_again_once_its_proof_is_too_old_to_be_sent(used):
    assert used.use(PROOF, now_s=NOW_S)
    assert used.use(Proof(PROOF.name, PROOF.until_s + 61), now_s=PROOF.until_s)
    assert not used.use(Proof(PROOF.name, PROOF.until_s + 61), now_s=PROOF.until_s)

"""Issuers' keys among many processes: fresh ones, an issuer that is away, strangers, rotation, a table that is away."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import boto3
import pytest
from moto import mock_aws

from postern.edges.jwks import AWAY_S, PAUSES_S, IssuerKeys
from postern.edges.shared_keys import DynamoKeySets
from postern.errors import IssuerUnavailable
from postern.identity.issuers import IssuerRules, LocalIssuer, parse_issuers
from postern.identity.key_sets import AT_ONCE, COOL_DOWN_S, FRESH_S, KEEP_S, RETRY_S, Ask, Known, SharedKeySets
from tests.support.fake_clock import FakeClock
from tests.support.identity import jwk, key_set
from tests.support.issuer_server import DISCOVERY, KEY_SET, IssuerServer, issuer_server
from tests.support.shared_keys import MemoryKeySets
from tests.support.tables import OneAtATime, make_state_table

KID = "ES256"
HOUR_S = 3600


@dataclass
class Site:
    """An issuer, a table, a clock, and processes that share them."""

    server: IssuerServer
    shared: SharedKeySets = field(default_factory=MemoryKeySets)
    clock: FakeClock = field(default_factory=FakeClock)
    paused: list[float] = field(default_factory=list)

    @property
    def rules(self) -> IssuerRules:
        text = b"issuers: [{name: a, issuer: local, audience: us}]"
        return parse_issuers(text, file="issuers.yaml", local=LocalIssuer(self.server.url))[0]

    def process(self) -> IssuerKeys:
        """A process that knows nothing yet."""
        return IssuerKeys(self.clock, self.shared, pause=self.paused.append)

    def kids(self, process: IssuerKeys, kid: str | None = KID, *, issued_s: int = 0) -> list[str | None]:
        """What a process serves for a token that was issued that long ago."""
        iat_s = self.clock.now_us() // 1_000_000 - issued_s
        return [key.kid for key in process.keys(self.rules, kid, unverified_iat_s=iat_s)]

    def pass_time(self, seconds: int) -> None:
        self.clock.at_us += seconds * 1_000_000

    @property
    def fetches(self) -> int:
        assert self.server.asked[DISCOVERY] >= self.server.asked[KEY_SET]
        return self.server.asked[DISCOVERY]


@pytest.fixture
def site() -> Iterator[Site]:
    with issuer_server() as server:
        server.publish(key_set(jwk(KID)))
        yield Site(server)


@pytest.fixture
def dynamodb_site(site, monkeypatch) -> Iterator[Site]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        make_state_table(client, "state")
        site.shared = DynamoKeySets(OneAtATime(client), "state")  # type: ignore[arg-type]
        yield site


def test_a_fresh_process_takes_the_keys_from_the_table(site):
    site.kids(site.process())
    assert site.kids(site.process()) == [KID]
    assert site.fetches == 1


def test_a_process_that_has_fresh_keys_does_not_go_to_the_table(site):
    process = site.process()
    site.kids(process)
    calls = site.shared.calls
    site.kids(process)
    assert site.shared.calls == calls


def test_good_tokens_pass_for_an_hour_without_the_issuer_in_fresh_processes_too(dynamodb_site):
    site = dynamodb_site
    site.kids(site.process())
    site.server.fail()
    for _ in range(60):
        site.pass_time(60)
        assert site.kids(site.process()) == [KID]
    # Fresh for 15 minutes, then asked in vain in each minute that is left.
    assert site.fetches == 1 + (HOUR_S - FRESH_S) // 60 + 1


def test_kept_keys_end_after_a_day_in_every_process(site):
    old = site.process()
    site.kids(old)
    site.server.fail()
    site.pass_time(KEEP_S - 1)
    for process in (old, site.process()):
        assert site.kids(process) == [KID]
    site.pass_time(1)
    for process in (old, site.process()):
        with pytest.raises(IssuerUnavailable):
            site.kids(process)


def test_a_key_that_the_issuer_withdrew_is_refused_after_its_time_by_every_process(site):
    old = site.process()
    site.kids(old)
    site.server.publish(key_set(jwk("EdDSA")))
    site.pass_time(FRESH_S - 1)
    late = site.process()
    assert site.kids(late) == [KID]  # by the age of the set, not by when this process read it
    site.pass_time(1)
    for process in (old, late, site.process()):
        assert site.kids(process, issued_s=60) == ["EdDSA"]
    assert site.fetches == 1 + 3  # once since the set is stale, and each again for the `kid` that is gone


def test_a_thousand_processes_ask_for_unknown_kids_as_often_as_one(site):
    site.kids(site.process())
    site.pass_time(FRESH_S - 1)
    for number in range(1000):
        with_answer(site, site.process(), f"unknown-{number}")
    assert site.fetches == 1 + AT_ONCE
    for _ in range(10):
        site.pass_time(COOL_DOWN_S)
        for number in range(20):
            with_answer(site, site.process(), f"unknown-{number}")
    assert site.fetches == 1 + AT_ONCE + 10


def test_what_a_wrong_clock_wrote_lets_nobody_ask_more_often(dynamodb_site):
    site = dynamodb_site
    site.pass_time(HOUR_S)
    wrong = site.process()
    for number in range(AT_ONCE):
        with_answer(site, wrong, f"unknown-{number}")
    site.pass_time(-HOUR_S)
    before, process = site.fetches, site.process()
    for number in range(50):
        assert site.kids(process) == [KID]
        with_answer(site, process, f"unknown-{number}")
    assert site.fetches - before <= 1 + AT_ONCE


def with_answer(site: Site, process: IssuerKeys, kid: str) -> str:
    try:
        assert KID in site.kids(process, kid, issued_s=60)
    except IssuerUnavailable:
        return "unavailable"
    return "refused"


@pytest.mark.parametrize("kept", [True, False], ids=["with keys", "without any"])
def test_processes_that_race_ask_once_together(dynamodb_site, kept):
    """Sixteen at the same moment, with a kid that is new to them: one asks, the others take what it got."""
    site = dynamodb_site
    if kept:
        site.kids(site.process())
        site.server.publish(key_set(jwk(KID), jwk("EdDSA")))
    before, began = site.fetches, threading.Barrier(16)
    site.pass_time(60)

    def race(_: int) -> list[str | None]:
        # Real pauses, so that those who wait leave the processor to the one that asks.
        process = IssuerKeys(site.clock, site.shared, pause=lambda pause_s: threading.Event().wait(pause_s) and None)
        began.wait(20)
        return site.kids(process, "EdDSA" if kept else KID)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(race, range(16)))
    assert Counter(map(len, answers)) == {2 if kept else 1: 16}
    assert site.fetches == before + 1


def test_waits_for_the_one_that_asks_and_takes_what_it_got(site):
    site.kids(site.process())
    site.pass_time(60)
    now_s = site.clock.now_us() // 1_000_000
    site.shared.claim(site.rules.issuer, site.shared.read(site.rules.issuer), Ask(now_s + 30), now_s=now_s)
    fetched = key_set(jwk(KID), jwk("EdDSA"))
    pauses: list[float] = []

    def pause(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 2:
            site.shared.put(site.rules.issuer, fetched, fetched_at_s=now_s)

    waiting = IssuerKeys(site.clock, site.shared, pause=pause)
    assert site.kids(waiting, "EdDSA") == [KID, "EdDSA"]
    assert pauses == list(PAUSES_S[:2])
    assert site.fetches == 1


def test_waits_no_longer_than_it_may_for_one_that_died_while_asking(site):
    now_s = site.clock.now_us() // 1_000_000
    site.shared.claim(site.rules.issuer, Known(), Ask(now_s + RETRY_S), now_s=now_s)
    with pytest.raises(IssuerUnavailable):
        site.kids(site.process())
    assert site.paused == list(PAUSES_S)
    site.pass_time(RETRY_S)
    assert site.kids(site.process()) == [KID]


def test_asks_by_its_own_rules_while_the_table_is_away(site):
    site.shared.away = True
    process = site.process()
    assert site.kids(process) == [KID]
    site.pass_time(60)
    for number in range(20):
        with_answer(site, process, f"unknown-{number}")
    assert site.fetches == 1 + AT_ONCE
    assert site.paused == []
    site.server.fail()
    site.pass_time(KEEP_S // 2)
    assert site.kids(process) == [KID]


def test_leaves_a_table_that_is_away_alone_for_a_while_and_then_comes_back_to_it(site):
    site.shared.away = True
    process = site.process()
    site.kids(process)
    for number in range(20):
        with_answer(site, process, f"unknown-{number}")
    assert site.shared.calls == 1
    site.shared.away = False
    site.pass_time(AWAY_S + COOL_DOWN_S)
    with_answer(site, process, "unknown")
    known = site.shared.read(site.rules.issuer)
    assert known.key_set is not None
    assert known.asked_at_s == site.clock.now_us() // 1_000_000


def test_serves_what_it_fetched_where_the_table_cannot_take_it(site, monkeypatch):
    def away(*_: object, **__: object) -> None:
        site.shared.away = True
        site.shared.read("x")

    monkeypatch.setattr(site.shared, "put", away)
    assert site.kids(site.process()) == [KID]


def test_takes_keys_of_the_issuer_of_the_entry_and_no_other(site):
    site.kids(site.process())
    with issuer_server() as other:
        other.fail()
        elsewhere = replace(site, server=other)
        with pytest.raises(IssuerUnavailable):
            elsewhere.kids(elsewhere.process())

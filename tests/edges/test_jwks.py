"""Issuers' keys over real HTTP, by one process: what is asked, when, and what is served while the issuer is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from postern.edges import issuer_http
from postern.edges.issuer_http import MAX_BODY_BYTES
from postern.edges.jwks import IssuerKeys
from postern.errors import IssuerUnavailable
from postern.identity.issuers import IssuerRules, LocalIssuer, parse_issuers
from postern.identity.key_sets import AT_ONCE, COOL_DOWN_S, FRESH_S, KEEP_S, RETRY_S, SKEW_S
from tests.support.fake_clock import FakeClock
from tests.support.identity import jwk, key_set
from tests.support.issuer_server import DISCOVERY, KEY_SET, Answer, IssuerServer, issuer_server
from tests.support.shared_keys import MemoryKeySets
from tests.support.tls import self_signed

KID = "ES256"


@pytest.fixture
def server() -> Iterator[IssuerServer]:
    with issuer_server() as running:
        running.publish(key_set(jwk(KID)))
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(clock) -> IssuerKeys:
    return alone(clock)


def alone(clock: FakeClock, *get: Callable[[str], bytes], time_s: float = 3.0) -> IssuerKeys:
    """A process whose table holds nothing of others'."""
    return IssuerKeys(clock, MemoryKeySets(), *get, time_s=time_s, pause=lambda _: None)


def local(server: IssuerServer) -> IssuerRules:
    return rules("local", LocalIssuer(server.url))


def rules(issuer: str, local_issuer: LocalIssuer | None = None) -> IssuerRules:
    text = f"issuers: [{{name: a, issuer: '{issuer}', audience: us}}]"
    return parse_issuers(text.encode(), file="issuers.yaml", local=local_issuer)[0]


def kids(keys: IssuerKeys, server: IssuerServer, kid: str | None = KID) -> list[str | None]:
    """What is served for a token of this second."""
    iat_s = keys._clock.now_us() // 1_000_000
    return [key.kid for key in keys.keys(local(server), kid, unverified_iat_s=iat_s)]


def pass_time(clock: FakeClock, seconds: int) -> None:
    clock.at_us += seconds * 1_000_000


def test_fetches_the_key_set_that_discovery_names(keys, server):
    assert kids(keys, server) == [KID]
    assert server.asked == {DISCOVERY: 1, KEY_SET: 1}


def test_asks_for_discovery_under_an_issuer_with_a_path_and_a_trailing_slash(keys, server):
    issuer = server.url + "/tenant/"
    server.publish(key_set(jwk(KID)), issuer=issuer)
    server.answers["/tenant" + DISCOVERY] = server.answers[DISCOVERY]
    assert keys.keys(rules("local", LocalIssuer(issuer)), KID, unverified_iat_s=None)


def test_keeps_the_query_of_a_key_sets_address(keys, server):
    server.publish(key_set(), jwks_uri=f"{server.url}{KEY_SET}?p=policy")
    server.answers[f"{KEY_SET}?p=policy"] = Answer(key_set(jwk(KID)))
    assert kids(keys, server) == [KID]


def test_serves_fresh_keys_without_asking_again(keys, server, clock):
    kids(keys, server)
    pass_time(clock, FRESH_S - 1)
    for kid in (KID, None, KID):
        kids(keys, server, kid)
    assert server.asked[KEY_SET] == 1


def test_asks_again_when_the_keys_are_no_longer_fresh(keys, server, clock):
    kids(keys, server)
    server.publish(key_set(jwk("EdDSA")))
    pass_time(clock, FRESH_S)
    assert kids(keys, server) == ["EdDSA"]


def test_finds_a_new_key_when_it_is_first_used(keys, server):
    """Right after the last fetch: a rotation need not wait for a cool-down."""
    kids(keys, server)
    server.publish(key_set(jwk(KID), jwk("EdDSA")))
    assert kids(keys, server, "EdDSA") == [KID, "EdDSA"]


def test_asks_a_few_times_at_once_and_then_once_in_a_cool_down_however_many_kids_are_unknown(keys, server, clock):
    kids(keys, server)
    pass_time(clock, FRESH_S - 1)
    for number in range(100):
        assert kids(keys, server, f"unknown-{number}") == [KID]
    assert server.asked == {DISCOVERY: 1 + AT_ONCE, KEY_SET: 1 + AT_ONCE}
    for _ in range(3):
        pass_time(clock, COOL_DOWN_S)
        for number in range(100):
            kids(keys, server, f"unknown-{number}")
    assert server.asked[KEY_SET] == 1 + AT_ONCE + 3


def test_does_not_refuse_a_token_of_a_new_key_during_the_cool_down(keys, server, clock):
    """The worst case of a rotation: strangers have used up what may be asked. Try again, and nothing is refused."""
    for number in range(AT_ONCE):
        kids(keys, server, f"unknown-{number}")
    server.publish(key_set(jwk("EdDSA")))
    pass_time(clock, 1)
    with pytest.raises(IssuerUnavailable, match="newer key set"):
        kids(keys, server, "EdDSA")
    pass_time(clock, COOL_DOWN_S - 1)
    assert kids(keys, server, "EdDSA") == ["EdDSA"]


def test_serves_the_last_good_keys_for_a_day_while_the_issuer_is_away(keys, server, clock):
    kids(keys, server)
    server.fail()
    pass_time(clock, KEEP_S - 1)
    assert kids(keys, server) == [KID]
    pass_time(clock, 1)
    with pytest.raises(IssuerUnavailable):
        kids(keys, server)


def test_asks_an_issuer_that_is_away_once_in_a_cool_down(keys, server, clock):
    kids(keys, server)
    server.fail()
    pass_time(clock, FRESH_S)
    for _ in range(20):
        kids(keys, server)
    assert server.asked[DISCOVERY] == 2


def test_takes_the_issuer_back_when_it_answers_again(keys, server, clock):
    kids(keys, server)
    server.fail()
    pass_time(clock, FRESH_S)
    kids(keys, server)
    server.publish(key_set(jwk("EdDSA")))
    pass_time(clock, COOL_DOWN_S)
    assert kids(keys, server) == ["EdDSA"]


def test_refuses_while_an_issuer_was_never_reached_and_asks_seldom(keys, server, clock):
    server.fail()
    for _ in range(20):
        with pytest.raises(IssuerUnavailable):
            kids(keys, server)
    assert server.asked[DISCOVERY] == 1
    server.publish(key_set(jwk(KID)))
    pass_time(clock, RETRY_S)
    assert kids(keys, server) == [KID]


def test_drops_keys_that_the_issuer_withdraws(keys, server, clock):
    kids(keys, server)
    server.publish(key_set())
    pass_time(clock, FRESH_S)
    assert kids(keys, server) == []


def test_serves_no_keys_of_an_age_that_cannot_be_told(keys, server, clock):
    kids(keys, server)
    server.fail()
    pass_time(clock, -SKEW_S - 1)
    with pytest.raises(IssuerUnavailable):
        kids(keys, server)


def test_keeps_issuers_apart(keys, server):
    with issuer_server() as other:
        other.publish(key_set(jwk("EdDSA")))
        assert kids(keys, server) == [KID]
        assert kids(keys, other) == ["EdDSA"]
        assert kids(keys, server) == [KID]


def test_gives_up_on_an_issuer_that_is_gone(keys):
    with issuer_server() as gone:
        pass
    with pytest.raises(IssuerUnavailable):
        kids(keys, gone)


BAD_ANSWERS = {
    "not json": Answer(b"<html>"),
    "array": Answer(b"[]"),
    "empty": Answer(b""),
    "name twice": Answer(b'{"keys":[],"keys":[],"issuer":"x","issuer":"x"}'),
    "cut short": Answer(b'{"keys":[]}', headers={"Content-Length": "400"}),
    "too large": Answer(b'{"keys":[],"x":"' + b"x" * MAX_BODY_BYTES + b'"}'),
    "compressed": Answer(b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("path", [DISCOVERY, KEY_SET])
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_takes_no_keys_from_a_bad_answer(keys, server, path, answer):
    server.answers[path] = answer
    with pytest.raises(IssuerUnavailable):
        kids(keys, server)


@pytest.mark.parametrize("path", [DISCOVERY, KEY_SET])
@pytest.mark.parametrize("status", [201, 203, 206, 300, 404, 500, 503])
def test_takes_no_keys_from_a_good_body_under_another_status(keys, server, path, status):
    server.answers[path] = replace(server.answers[path], status=status)
    with pytest.raises(IssuerUnavailable):
        kids(keys, server)


@pytest.mark.parametrize("path", [DISCOVERY, KEY_SET])
@pytest.mark.parametrize("length", [str, lambda _: ""], ids=["announced", "unannounced"])
def test_takes_keys_from_a_body_up_to_the_bound_and_no_longer(keys, server, path, length):
    body = server.answers[path].body
    server.answers[path] = Answer(body.ljust(MAX_BODY_BYTES), headers={"Content-Length": length(MAX_BODY_BYTES)})
    assert kids(alone(FakeClock()), server) == [KID]
    longer = MAX_BODY_BYTES + 1
    server.answers[path] = Answer(body.ljust(longer), headers={"Content-Length": length(longer)})
    with pytest.raises(IssuerUnavailable):
        kids(keys, server)


@pytest.mark.parametrize("path", [DISCOVERY, KEY_SET])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(keys, server, path, status):
    with issuer_server() as elsewhere:
        elsewhere.publish(key_set(jwk(KID)), issuer=server.url)
        server.answers[path] = Answer(status=status, headers={"Location": elsewhere.url + path})
        with pytest.raises(IssuerUnavailable):
            kids(keys, server)
        assert not elsewhere.asked


@pytest.mark.parametrize("issuer", ["https://other.example", "{url}/", "{url}x", None, 1, ["{url}"]], ids=str)
def test_refuses_discovery_that_is_about_another_issuer(keys, server, issuer):
    named = issuer.format(url=server.url) if isinstance(issuer, str) else issuer
    document = {"issuer": named, "jwks_uri": server.url + KEY_SET}
    server.answers[DISCOVERY] = Answer(json.dumps(document).encode())
    with pytest.raises(IssuerUnavailable):
        kids(keys, server)
    assert server.asked[KEY_SET] == 0


@pytest.mark.parametrize(
    "jwks_uri",
    [
        *(
            "http://keys.example/keys",
            "https://keys.example/keys",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
        ),
        *(
            "/keys",
            "",
            None,
            1,
            ["x"],
            "http://127.0.0.1@keys.example/",
            "http://127.0.0.1:1/#",
            "http://127.0.0.1:1/a?\n",
        ),
    ],
    ids=str,
)
def test_refuses_a_key_set_of_the_local_issuer_off_the_loopback_interface(clock, jwks_uri):
    assert addresses_asked(clock, local_issuer="http://127.0.0.1:8080", jwks_uri=jwks_uri) == 1


@pytest.mark.parametrize(
    "jwks_uri",
    [
        *("http://issuer.example/keys", "http://127.0.0.1/keys", "https://u@issuer.example/keys", "file:///etc/passwd"),
        *("https://issuer.example/keys#x", "https://issuer.example/keys?a b\n", "//issuer.example/keys", "", None),
        "https://issuer.example/keys?a#b",
    ],
    ids=str,
)
def test_refuses_a_key_set_of_an_issuer_that_is_not_https(clock, jwks_uri):
    assert addresses_asked(clock, local_issuer=None, jwks_uri=jwks_uri) == 1


def test_fetches_a_key_set_from_another_host_over_https(clock):
    assert addresses_asked(clock, local_issuer=None, jwks_uri="https://keys.example/v3?p=a") == 2


def addresses_asked(clock: FakeClock, *, local_issuer: str | None, jwks_uri: object) -> int:
    """How many addresses are asked of an issuer whose discovery names that key set."""
    issuer = local_issuer or "https://issuer.example"
    asked: list[str] = []

    def get(url: str) -> bytes:
        asked.append(url)
        return json.dumps({"issuer": issuer, "jwks_uri": jwks_uri, "keys": []}).encode()

    given = rules("local", LocalIssuer(issuer)) if local_issuer else rules(issuer)
    try:
        alone(clock, get).keys(given, KID, unverified_iat_s=None)
    except IssuerUnavailable:
        assert len(asked) == 1
    return len(asked)


def test_gives_up_on_an_issuer_that_takes_too_long(clock, server, caplog):
    never = threading.Event()

    def get(_: str) -> bytes:
        never.wait(60)
        return b""

    try:
        with pytest.raises(IssuerUnavailable):
            kids(alone(clock, get, time_s=0.05), server)
        assert any("expected an answer in 0.05 s" in record.__dict__.get("detail", "") for record in caplog.records)
    finally:
        never.set()


def test_refuses_a_certificate_that_nobody_vouches_for(tmp_path):
    with issuer_server(certificate=self_signed(tmp_path)) as server:
        server.answers["/"] = Answer(b"{}")
        with pytest.raises(IssuerUnavailable, match="SSLCertVerificationError"):
            issuer_http.get(server.url)
        assert not server.asked


def test_accepts_a_certificate_of_a_trusted_authority(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with issuer_server(certificate=certificate) as server:
        server.answers["/"] = Answer(b"{}")
        assert issuer_http.get(server.url) == b"{}"


def test_uses_no_proxy_of_the_environment(server, monkeypatch):
    with issuer_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        issuer_http.get(server.url + KEY_SET)
        assert not proxy.asked

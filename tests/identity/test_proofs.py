"""Proofs of possession (DPoP): each hostile one starts from one that holds and changes one thing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern.errors import PolicyFileError, Unauthenticated
from postern.identity.keys import thumbprint
from postern.identity.proofs import MAX_PROOF_LENGTH, WINDOW_S, Proof, Scheme, verify_possession
from postern.identity.strict_json import parse_object
from postern.identity.tokens import verify_token
from tests.support.identity import (
    ABSENT,
    ALGORITHMS,
    ISSUERS_YAML,
    NOW_S,
    FixedKeys,
    issuer_keys,
    jwk,
    key_name,
    rules,
    token,
)
from tests.support.proofs import (
    URL,
    bound_token,
    decoded,
    presented,
    proof,
    public_jwk,
    signed,
)

REQUIRED = ISSUERS_YAML + "    dpop: required\n"


def possession(
    unverified_token: str, *proofs: str, yaml: str = ISSUERS_YAML, now_s: int = NOW_S, **how: Any
) -> Proof | None:
    """The proof that a token's whole verification leaves to be used."""
    way = presented(*proofs, **how)
    keys = FixedKeys(issuer_keys())
    return verify_token(unverified_token, way, issuers=rules(yaml), keys=keys, now_s=now_s).proof


def refusal(unverified_token: str, *proofs: str, **how: Any) -> str:
    with pytest.raises(Unauthenticated) as raised:
        possession(unverified_token, *proofs, **how)
    assert raised.value.code == "token.proof"
    return raised.value.detail


# RFC 9449 sections 6.1, 7.1 (figures 9, 13 and 14), RFC 7638 section 3.1, RFC 8037 appendix A.3: known answers.
RFC_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
RFC_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
RFC_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo"
    "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
    ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRy"
    "ZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9"
    ".2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
RSA_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
    "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
    "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def test_accepts_the_proof_of_the_rfc():
    (rule,) = rules()
    way = presented(RFC_PROOF, method="GET", url="https://resource.example.org/protectedresource")
    claims: dict[str, Any] = {"cnf": {"jkt": RFC_THUMBPRINT}}
    assert verify_possession(claims, rule, RFC_TOKEN, way, now_s=1562262618) is not None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (parse_object(decoded(RFC_PROOF.partition(".")[0]))["jwk"], RFC_THUMBPRINT),
        (
            {"kty": "RSA", "n": RSA_N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"},
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        (
            {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
    ],
    ids=["RFC 9449", "RFC 7638", "RFC 8037"],
)
def test_gives_the_thumbprints_of_the_rfcs(key, expected):
    assert thumbprint(key) == expected


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_accepts_a_proof_by_a_key_of_each_kind(algorithm):
    name = f"holder {key_name(algorithm)}"
    bound = bound_token(name)
    given = possession(bound, proof(bound, name, header_changes={"alg": algorithm}))
    assert given is not None
    assert given.until_s == NOW_S + WINDOW_S + 1


def test_needs_no_proof_for_a_token_that_is_bound_to_nothing():
    assert possession(token(), scheme=Scheme.BEARER) is None


@pytest.mark.parametrize("yaml", [ISSUERS_YAML, ISSUERS_YAML + "    dpop: optional\n", REQUIRED])
def test_needs_the_proof_of_a_bound_token_whatever_the_issuers_entry_says(yaml):
    bound = bound_token()
    assert possession(bound, proof(bound), yaml=yaml) is not None
    assert "one header" in refusal(bound, yaml=yaml)
    assert "got Bearer" in refusal(bound, proof(bound), yaml=yaml, scheme=Scheme.BEARER)


def test_rejects_an_unbound_token_where_the_issuers_entry_requires_a_key():
    assert "cnf" in refusal(token(), yaml=REQUIRED, scheme=Scheme.BEARER)


@pytest.mark.parametrize("proofs", [(), ("x.y.z",)], ids=["no proof", "a proof"])
def test_rejects_an_unbound_token_that_comes_as_dpop(proofs):
    assert "cnf" in refusal(token(), *proofs)


@pytest.mark.parametrize(
    "cnf",
    [
        None,
        "x",
        [],
        {},
        {"jkt": None},
        {"jkt": ["x"]},
        {"jkt": ""},
        {"jkt": "x" * 42},
        {"jkt": "x" * 44},
        {"jkt": "x" * 42 + "="},
        {"jkt": "x" * 42 + "\n"},
        {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
        {"jwk": public_jwk()},
        {"kid": "k"},
        {"jku": "https://evil.example/keys"},
        {"jkt": RFC_THUMBPRINT, "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
    ],
    ids=lambda cnf: json.dumps(cnf)[:40],
)
@pytest.mark.parametrize("scheme", list(Scheme))
def test_rejects_a_token_whose_confirmation_cannot_be_checked_here(cnf, scheme):
    bound = token(cnf=cnf)
    assert "cnf" in refusal(bound, proof(bound), scheme=scheme)


@pytest.mark.parametrize("count", [0, 2])
def test_rejects_another_number_of_proofs_than_one(count):
    bound = bound_token()
    assert "one header" in refusal(bound, *[proof(bound)] * count)


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"typ": ABSENT}, "typ"),
    "type of a token": ({"typ": "JWT"}, "typ"),
    "type in another case": ({"typ": "DPoP+JWT"}, "typ"),
    "type with its media type": ({"typ": "application/dpop+jwt"}, "typ"),
    "no algorithm": ({"alg": ABSENT}, "alg"),
    "none": ({"alg": "none"}, "alg"),
    "hmac": ({"alg": "HS256"}, "alg"),
    "algorithm that is no text": ({"alg": ["ES256"]}, "alg"),
    "algorithm of another kind of key": ({"alg": "RS256"}, "jwk"),
    "algorithm of another curve": ({"alg": "ES384"}, "jwk"),
    "no key": ({"jwk": ABSENT}, "jwk"),
    "key that is no object": ({"jwk": json.dumps(public_jwk())}, "jwk"),
    "private key": ({"jwk": public_jwk(d="AQAB")}, "jwk"),
    "private key's other members": ({"jwk": public_jwk(dp="AQAB")}, "jwk"),
    "private key as null": ({"jwk": public_jwk(d=None)}, "jwk"),
    "symmetric key": ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, "jwk"),
    "key for encryption": ({"jwk": public_jwk(use="enc")}, "jwk"),
    "key of a curve of another field": ({"jwk": public_jwk(crv="secp256k1")}, "jwk"),
    "another's key": ({"jwk": public_jwk("thief ES256")}, "key that the token is bound to"),
    "the issuer's key": ({"jwk": jwk("ES256")}, "key that the token is bound to"),
    "jku": ({"jku": "https://evil.example/keys"}, "jku"),
    "x5c": ({"x5c": ["MIIB"]}, "x5c"),
    "x5u": ({"x5u": "https://evil.example/cert"}, "x5u"),
    "critical extension": ({"crit": ["x"], "x": 1}, "crit"),
    "unencoded payload": ({"b64": False}, "b64"),
    "compressed": ({"zip": "DEF"}, "zip"),
}


@pytest.mark.parametrize(("changes", "told"), HEADERS.values(), ids=HEADERS.keys())
def test_rejects_a_proof_whose_header_does_not_hold(changes, told):
    bound = bound_token()
    assert told in refusal(bound, proof(bound, header_changes=changes))


def test_rejects_a_thiefs_proof_with_the_thiefs_own_key():
    stolen = bound_token()
    assert "bound to" in refusal(stolen, proof(stolen, "thief ES256"))


def test_rejects_a_thiefs_signature_under_the_holders_key():
    stolen = bound_token()
    assert "signature" in refusal(stolen, proof(stolen, key="thief ES256"))


@pytest.mark.parametrize("broken", ["", "AA", "A" * 86])
def test_rejects_a_proof_with_a_broken_signature(broken):
    bound = bound_token()
    assert "signature" in refusal(bound, f"{proof(bound).rpartition('.')[0]}.{broken}")


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "no method": ({"htm": ABSENT}, "htm"),
    "another method": ({"htm": "GET"}, "htm"),
    "method in another case": ({"htm": "post"}, "htm"),
    "no url": ({"htu": ABSENT}, "htu"),
    "url that is no text": ({"htu": [URL]}, "htu"),
    "another host": ({"htu": "https://evil.example/v1/tasks"}, "htu"),
    "host with ours in front": ({"htu": "https://postern.example.evil.example/v1/tasks"}, "htu"),
    "host behind a user": ({"htu": "https://postern.example@evil.example/v1/tasks"}, "htu"),
    "ours behind a user": ({"htu": "https://evil.example@postern.example/v1/tasks"}, "htu"),
    "another port": ({"htu": "https://postern.example:8443/v1/tasks"}, "htu"),
    "plain http": ({"htu": "http://postern.example/v1/tasks"}, "htu"),
    "another path": ({"htu": "https://postern.example/v1/tasks/1"}, "htu"),
    "path with a slash more": ({"htu": "https://postern.example/v1/tasks/"}, "htu"),
    "path in another case": ({"htu": "https://postern.example/v1/Tasks"}, "htu"),
    "dot segments": ({"htu": "https://postern.example/v2/../v1/tasks"}, "htu"),
    "path alone": ({"htu": "/v1/tasks"}, "htu"),
    "no date": ({"iat": ABSENT}, "iat"),
    "date as text": ({"iat": str(NOW_S)}, "iat"),
    "date as a float": ({"iat": float(NOW_S)}, "iat"),
    "too old": ({"iat": NOW_S - WINDOW_S - 1}, "iat"),
    "too far ahead": ({"iat": NOW_S + WINDOW_S + 1}, "iat"),
    "expired": ({"exp": NOW_S}, "exp"),
    "expiry as text": ({"exp": "never"}, "exp"),
    "not yet valid": ({"nbf": NOW_S + WINDOW_S + 1}, "nbf"),
    "no digest of the token": ({"ath": ABSENT}, "ath"),
    "digest of another token": ({"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"}, "ath"),
    "digest that is no text": ({"ath": None}, "ath"),
    "no name": ({"jti": ABSENT}, "jti"),
    "name that is no text": ({"jti": 1}, "jti"),
    "empty name": ({"jti": ""}, "jti"),
    "long name": ({"jti": "j" * 257}, "jti"),
}


@pytest.mark.parametrize(("changes", "told"), CLAIMS.values(), ids=CLAIMS.keys())
def test_rejects_a_proof_whose_claims_do_not_hold(changes, told):
    bound = bound_token()
    assert told in refusal(bound, proof(bound, **changes))


def test_rejects_a_proof_made_for_another_token_of_the_same_key():
    first, second = bound_token(), bound_token(jti="another")
    assert "ath" in refusal(second, proof(first))


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        f"{URL}?a=b",
        f"{URL}#f",
        "HTTPS://Postern.Example/v1/tasks",
        "https://postern.example:443/v1/tasks",
        "https://postern.example/v1/t%61sks",
    ],
)
def test_compares_the_url_as_rfc_3986_normalises_it_without_query_and_fragment(htu):
    bound = bound_token()
    assert possession(bound, proof(bound, htu=htu)) is not None


@pytest.mark.parametrize("age_s", [WINDOW_S, -WINDOW_S])
def test_accepts_the_last_second_of_the_window_on_both_sides(age_s):
    bound = bound_token()
    assert possession(bound, proof(bound, iat=NOW_S - age_s)) is not None


def test_a_name_is_kept_for_as_long_as_its_proof_could_be_sent_again():
    bound = bound_token()
    early = proof(bound, iat=NOW_S + WINDOW_S)
    given = possession(bound, early)
    assert given is not None
    assert possession(bound, early, now_s=given.until_s - 1) is not None
    assert "iat" in refusal(bound, early, now_s=given.until_s)


def test_names_proofs_by_key_and_jti_so_that_nobody_uses_up_anothers():
    holder, other = bound_token(), bound_token("thief ES256")
    same_jti = possession(holder, proof(holder)), possession(other, proof(other, "thief ES256"))
    again = possession(holder, proof(holder, iat=NOW_S - 1))
    assert same_jti[0] is not None
    assert same_jti[1] is not None
    assert again is not None
    assert same_jti[0].name == again.name != same_jti[1].name


NO_PROOF = {
    "empty": "",
    "two parts": "a.b",
    "encrypted": "a.b.c.d.e",
    "two in one": f"{RFC_PROOF},{RFC_PROOF}",
    "not base64url": "a=.b.c",
    "surrogate": "\ud800.a.b",
}


@pytest.mark.parametrize("text", NO_PROOF.values(), ids=NO_PROOF.keys())
def test_rejects_what_is_no_signed_jwt(text):
    assert "proof" in refusal(bound_token(), text)


def test_rejects_a_proof_over_the_bound_before_it_is_read():
    assert "characters" in refusal(bound_token(), "x" * (MAX_PROOF_LENGTH + 1))
    assert "three parts" in refusal(bound_token(), "x" * MAX_PROOF_LENGTH)


@pytest.mark.parametrize("name", ["htm", "htu", "iat", "jti", "ath"])
def test_rejects_a_proof_that_names_a_claim_twice(name):
    bound = bound_token()
    header, body, _ = proof(bound).split(".")
    twice = decoded(body)[:-1] + b', "' + name.encode() + b'": 1}'
    assert "each name once" in refusal(bound, signed(decoded(header), twice))


def test_says_nothing_of_the_proof_in_its_refusals():
    bound = bound_token()
    for name in ("htm", "htu", "ath", "jti"):
        marked = proof(bound, **{name: "marker" * 100})
        assert "marker" not in refusal(bound, marked)


def test_the_access_token_itself_is_no_proof():
    bound = bound_token()
    assert "typ" in refusal(bound, bound)


def test_a_proof_is_no_access_token():
    with pytest.raises(Unauthenticated) as raised:
        possession(proof(bound_token()), scheme=Scheme.BEARER)
    assert raised.value.code in {"token.key", "token.issuer"}


def test_the_request_is_the_gateways_word():
    bound = bound_token()
    assert "htm" in refusal(bound, proof(bound), method="DELETE")
    assert "htu" in refusal(bound, proof(bound), url="https://postern.example/v1/tasks/1")
    assert "htu" in refusal(bound, proof(bound, htu="https://"), url="https://")


@pytest.mark.parametrize("word", ["always", "true", "Required", "[required]", "''"])
def test_an_issuers_entry_says_required_or_optional_and_nothing_else(word):
    with pytest.raises(PolicyFileError, match=r"issuers\.yaml:10"):
        rules(ISSUERS_YAML + f"    dpop: {word}\n")


def test_a_proof_that_was_dated_ahead_ends_with_its_token():
    """Nobody can tell when it was made: no nonces are given out. It is for one token, which has its own end."""
    bound = bound_token(exp=NOW_S + 300)
    ahead = proof(bound, iat=NOW_S + 300)
    assert "iat" in refusal(bound, ahead)
    assert possession(bound, ahead, now_s=NOW_S + 300) is not None
    with pytest.raises(Unauthenticated) as raised:
        possession(bound, ahead, now_s=NOW_S + 330)
    assert raised.value.code == "token.expired"
    assert "ath" in refusal(bound_token(exp=NOW_S + 900), ahead, now_s=NOW_S + 330)

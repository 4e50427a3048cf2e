"""What strangers send as who they are, and what an issuer sends as its keys.

Keys are made anew with each process: what is written down of a case is what is signed, and not what was made of it.
"""

from __future__ import annotations

import json

from hypothesis import strategies as st

from postern.errors import Unauthenticated
from postern.identity.context import format_principal, parse_principal
from postern.identity.jws import parse_jws
from postern.identity.keys import parse_key, parse_key_set, thumbprint
from postern.identity.strict_json import NotStrictJsonError, parse_object, parse_value
from postern.services.authorize import Authorize, Call
from tests.fuzz.json_mutation import mutated_json
from tests.fuzz.mutation import mutated, mutated_text
from tests.fuzz.target import Target, Wrong
from tests.support.domain import AGENT
from tests.support.domain import NOW_S as DOMAIN_NOW_S
from tests.support.fake_clock import FakeClock
from tests.support.identity import NOW_S, FixedKeys, claims, header, issuer_keys, jwk, rules, token, token_of
from tests.support.proofs import METHOD, URL, MemoryUsedProofs, bound_token, proof, signed

_TOKEN = token("EdDSA")
_BOUND = bound_token()
_WORDS = (
    "none",
    "HS256",
    "EdDSA",
    "jku",
    "kid",
    "exp",
    "aud",
    ".",
    "eyJhbGciOiJub25lIn0",
    "=",
    "-_",
    "Bearer ",
    "DPoP ",
)
_CLAIMS = (
    b'"iss":',
    b'"aud":[]',
    b'"exp":1e9',
    b'"cnf":{"jkt":""}',
    b'"alg":"none"',
    b'"act":{"sub":"x"}',
    b'"sub":""',
)
_GATE = Authorize(rules(), FixedKeys(issuer_keys()), MemoryUsedProofs(), FakeClock(at_us=NOW_S * 1_000_000))


def _admitted(*authorization: str, proofs: tuple[str, ...] = ()) -> None:
    """Nobody passes but the one whom the forge's issuer names."""
    principal = _GATE.run(Call(authorization, proofs, METHOD, URL))
    format_principal(principal)


def _header(text: str) -> None:
    _admitted(text)
    if text.partition(" ")[2].strip() not in {_TOKEN, _BOUND}:
        raise Wrong("token: expected one of the signed ones to pass alone, got another that did")


def _claims(data: bytes) -> None:
    """Header and claims of any bytes under the issuer's own key: what a careless issuer would sign."""
    head, _, body = data.partition(b"\n")
    _admitted(f"Bearer {token_of(head, body, algorithm='EdDSA')}")


def _proof(data: bytes) -> None:
    """A proof of any bytes under the holder's own key."""
    head, _, body = data.partition(b"\n")
    _admitted(f"DPoP {_BOUND}", proofs=(signed(head, body),))


def _key(data: bytes) -> None:
    members = parse_object(data)
    if parse_key(members) is not None:
        thumbprint(members)


def _principal(text: str) -> None:
    format_principal(parse_principal(text, now_s=DOMAIN_NOW_S))


def _strict(data: bytes) -> None:
    json.dumps(parse_value(data)).encode()


def _parts(text: str) -> bytes:
    """What a signed text is over: header and claims."""
    jws = parse_jws(text)
    return b"\n".join(json.dumps(part).encode() for part in (jws.header, jws.unverified_claims))


def _two_texts(valid: bytes) -> st.SearchStrategy[bytes]:
    """Header and claims, either of them changed as JSON; or the bytes of both."""
    head, _, body = valid.partition(b"\n")
    either = st.one_of(
        st.tuples(mutated_json([head]), st.just(body)), st.tuples(st.just(head), mutated_json([body], tokens=_CLAIMS))
    )
    return st.one_of(either.map(b"\n".join), mutated([valid], tokens=_CLAIMS))


_ALL = (Unauthenticated,)
_SIGNED = b"\n".join(json.dumps(part).encode() for part in (header("EdDSA"), claims()))
_KEYS = [json.dumps(jwk(name)).encode() for name in ("RS256", "ES256", "ES512", "EdDSA")]
TARGETS = (
    Target("identity token", mutated_text([f"Bearer {_TOKEN}", f"DPoP {_BOUND}"], tokens=_WORDS), _header, _ALL),
    Target("identity claims", _two_texts(_SIGNED), _claims, _ALL),
    Target("identity proof", _two_texts(_parts(proof(_BOUND))), _proof, _ALL),
    Target("identity jws", mutated_text([_TOKEN], tokens=_WORDS), parse_jws, (ValueError,)),
    Target(
        "identity key set",
        mutated_json([issuer_keys()], tokens=(b'"kty"', b'"AQAB"', b'"d"')),
        parse_key_set,
        (ValueError,),
    ),
    Target(
        "identity key", mutated_json(_KEYS, tokens=(b'"n":', b'"x":', b'"crv":"P-256"')), _key, (NotStrictJsonError,)
    ),
    Target(
        "identity principal",
        mutated_json([format_principal(AGENT).encode()]).map(lambda data: data.decode(errors="replace")),
        _principal,
        _ALL,
    ),
    Target("identity json", mutated([_SIGNED, b"[1.5,1e3,null]"]), _strict, (NotStrictJsonError,)),
)

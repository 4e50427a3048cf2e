"""The local OIDC issuer: what it serves, and tokens that anybody's verifier accepts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from postern_local.failure import StackFailure
from postern_local.issuer import Issuer, mint
from postern_local.issuer.key import make_key

AUDIENCE = "postern-local"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One for all: to make one takes longer than a test."""
    path = tmp_path_factory.mktemp("key") / "issuer.key"
    make_key(path)
    return path.read_bytes()


@pytest.fixture
def issuer(tmp_path: Path, key: bytes) -> Iterator[Issuer]:
    (tmp_path / "issuer.key").write_bytes(key)
    with Issuer.start(tmp_path) as running:
        yield running


def token(issuer: Issuer, **changed: Any) -> str:
    options: dict[str, Any] = {
        "sub": "repo:acme/shop",
        "audience": AUDIENCE,
        "claims": {},
        "ttl_s": 300,
        "now": int(time.time()),
    }
    return mint(issuer.key_path, issuer.url, **{**options, **changed})


def verified(issuer: Issuer, signed: str) -> dict[str, Any]:
    """The claims, found as any client finds them: from discovery to the key."""
    discovery = requests.get(f"{issuer.url}/.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == issuer.url
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(signed)
    claims: dict[str, Any] = jwt.decode(signed, key, algorithms=["RS256"], audience=AUDIENCE, issuer=issuer.url)
    return claims


def test_token_verifies_by_discovery(issuer: Issuer) -> None:
    now = int(time.time())
    claims = verified(issuer, token(issuer, claims={"repository": "acme/shop", "run": 7}, now=now))
    jti = claims.pop("jti")
    assert claims == {
        "iss": issuer.url,
        "sub": "repo:acme/shop",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 300,
        "repository": "acme/shop",
        "run": 7,
    }
    assert len(jti) == 32


def test_header_names_type_algorithm_and_key(issuer: Issuer) -> None:
    keys = requests.get(f"{issuer.url}/jwks.json", timeout=10).json()["keys"]
    assert jwt.get_unverified_header(token(issuer)) == {"typ": "JWT", "alg": "RS256", "kid": keys[0]["kid"]}


def test_no_two_tokens_are_alike(issuer: Issuer) -> None:
    assert token(issuer, now=1_800_000_000) != token(issuer, now=1_800_000_000)


def test_only_the_public_half_is_served(issuer: Issuer) -> None:
    (key,) = requests.get(f"{issuer.url}/jwks.json", timeout=10).json()["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize("path", ["/", "/issuer.key", "/../issuer.key", "/jwks.json/", "/jwks.json?x"])
def test_nothing_else_is_served(issuer: Issuer, path: str) -> None:
    answer = requests.get(f"{issuer.url}{path}", timeout=10)
    assert (answer.status_code, answer.content) == (404, b"")


def test_key_file_is_its_owners_alone_and_kept(tmp_path: Path) -> None:
    with Issuer.start(tmp_path) as first:
        signed = token(first)
        assert first.key_path.stat().st_mode & 0o777 == 0o600
        port = int(first.url.rpartition(":")[2])
    with Issuer.start(tmp_path, port=port) as second:
        assert second.url == first.url
        assert verified(second, signed)["sub"] == "repo:acme/shop"
    assert sorted(os.listdir(tmp_path)) == ["issuer.key"]


def test_key_of_another_issuer_does_not_verify(issuer: Issuer, tmp_path: Path) -> None:
    with Issuer.start(tmp_path / "other") as other:
        signed = mint(other.key_path, issuer.url, sub="a", audience=AUDIENCE, claims={}, ttl_s=60, now=int(time.time()))
    with pytest.raises(jwt.PyJWKClientError):
        verified(issuer, signed)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "exp", "jti"])
def test_claims_cannot_replace_what_the_issuer_says(issuer: Issuer, name: str) -> None:
    with pytest.raises(StackFailure, match=f"got {name}"):
        token(issuer, claims={name: "x"})


@pytest.mark.parametrize("ttl_s", [0, -1, 86_401])
def test_lifetime_is_bounded(issuer: Issuer, ttl_s: int) -> None:
    with pytest.raises(StackFailure, match="token lifetime: expected 1 to 86400"):
        token(issuer, ttl_s=ttl_s)


def test_missing_and_broken_keys_are_told_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "issuer.key"
    for content in (None, b"not a key"):
        if content is not None:
            broken.write_bytes(content)
        with pytest.raises(StackFailure, match=r"issuer\.key: expected the issuer's key"):
            mint(broken, "http://x", sub="a", audience="b", claims={}, ttl_s=60, now=0)


def test_port_in_use_is_told_in_one_line(issuer: Issuer, tmp_path: Path) -> None:
    port = int(issuer.url.rpartition(":")[2])
    with pytest.raises(StackFailure, match=f"^issuer port {port}: expected a free one, got: [^\n]*$"):
        Issuer.start(tmp_path, port=port)


def test_stop_frees_the_port(tmp_path: Path) -> None:
    issuer = Issuer.start(tmp_path)
    issuer.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(issuer.url, timeout=5)

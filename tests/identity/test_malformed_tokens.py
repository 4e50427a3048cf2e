"""Tokens that are no strict JWS: another reader might see something else in them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from postern.identity.tokens import MAX_TOKEN_LENGTH
from tests.support.identity import claims, header, refusal, token, token_of, verify


def test_rejects_a_token_over_the_bound():
    long = token(padding="x" * MAX_TOKEN_LENGTH)
    assert refusal(long) == "token.too_large"


def test_accepts_the_longest_token_as_far_as_its_size_goes():
    assert refusal("x" * MAX_TOKEN_LENGTH) == "token.malformed"


def respelled(unverified: str, part: int) -> str:
    """The same bytes with the last character's unused bits set: lenient decoders read it alike."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts = unverified.split(".")
    assert len(parts[part]) % 4, "this part has no unused bits; the test needs another token"
    parts[part] = parts[part][:-1] + alphabet[alphabet.index(parts[part][-1]) + 1]
    return ".".join(parts)


def test_rejects_another_spelling_of_the_signature():
    assert refusal(respelled(token("RS256"), 2)) == "token.malformed"


@pytest.mark.parametrize("part", [0, 1])
def test_rejects_another_spelling_of_a_signed_part(part):
    """Signed over the respelled text, so that nothing but the spelling is wrong."""
    head = json.dumps(header()).encode()
    body = json.dumps(claims()).encode()
    while len(head) % 3 == 0:
        head += b" "
    while len(body) % 3 == 0:
        body += b" "
    assert refusal(respelled(token_of(head, body), part)) == "token.malformed"


MALFORMED: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "one part": lambda _: "abc",
    "two parts": lambda valid: valid.rpartition(".")[0],
    "four parts": lambda valid: f"{valid}.",
    "five parts": lambda valid: f"{valid}.x.y",
    "only dots": lambda _: "..",
    "no header": lambda valid: "." + valid.partition(".")[2],
    "no claims": lambda valid: "..".join(valid.split(".")[::2]),
    "padding": lambda valid: f"{valid}=",
    "padded part": lambda valid: valid.replace(".", "=.", 1),
    "leading space": lambda valid: f" {valid}",
    "trailing space": lambda valid: f"{valid} ",
    "trailing newline": lambda valid: f"{valid}\n",
    "inner newline": lambda valid: f"{valid[:10]}\n{valid[10:]}",
    "nul": lambda valid: f"{valid}\x00",
    "standard alphabet": lambda valid: valid.rpartition(".")[0] + "." + "+/" * 20,
    "percent": lambda valid: valid.replace(".", "%2E"),
    "not ascii": lambda valid: f"{valid[:-1]}é",
    "surrogate": lambda valid: f"{valid[:-1]}\ud800",
    "fullwidth dot": lambda valid: valid.replace(".", "．"),
    "second token": lambda valid: f"{valid},{valid}",
    "json serialisation": lambda _: json.dumps({"payload": "x", "signatures": []}),
}


@pytest.mark.parametrize("malform", MALFORMED.values(), ids=MALFORMED.keys())
def test_rejects_a_malformed_token(malform):
    assert refusal(malform(token())) == "token.malformed"


NOT_STRICT = {
    "array": b"[]",
    "text": b'"alg"',
    "null": b"null",
    "empty": b"",
    "not json": b"{",
    "trailing": b"{}x",
    "two values": b"{}{}",
    "not utf-8": b'{"a":"\xff"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "lone surrogate": b'{"a":"\\ud800"}',
    "nan": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "overflow": b'{"a":1e999}',
    "endless integer": b'{"a":' + b"9" * 5000 + b"}",
    "too deep": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "very deep": b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "very deep objects": b'{"a":' * 1500 + b"1" + b"}" * 1500,
    "single quotes": b"{'a':1}",
    "comment": b'{"a":1/**/}',
    "control character": b'{"a":"\x01"}',
    "name twice": b'{"a":1,"a":1}',
    "name twice, escaped": b'{"a":1,"\\u0061":1}',
    "name twice, deep": b'{"x":[{"a":1,"a":2}]}',
}


@pytest.mark.parametrize("text", NOT_STRICT.values(), ids=NOT_STRICT.keys())
@pytest.mark.parametrize("part", ["header", "claims"])
def test_rejects_a_part_that_is_not_strict_json(part, text):
    """Each text is merged into an otherwise valid part where it is an object, so nothing else is wrong."""
    valid = json.dumps(header() if part == "header" else claims()).encode()
    broken = valid[:-1] + b"," + text[1:] if text.startswith(b'{"') else text
    pair = (broken, json.dumps(claims()).encode()) if part == "header" else (json.dumps(header()).encode(), broken)
    assert refusal(token_of(*pair)) == "token.malformed"


@pytest.mark.parametrize(
    ("name", "second"),
    [("alg", '"none"'), ("kid", '"ES256"')],
)
def test_rejects_a_header_that_names_a_parameter_twice(name, second):
    twice = json.dumps(header())[:-1] + f', "{name}": {second}}}'
    assert refusal(token_of(twice.encode(), json.dumps(claims()).encode())) == "token.malformed"


@pytest.mark.parametrize(("name", "second"), [("sub", '"root"'), ("aud", '"x"'), ("exp", "9999999999"), ("iss", '"x"')])
def test_rejects_claims_that_name_a_claim_twice(name, second):
    twice = json.dumps(claims())[:-1] + f', "{name}": {second}}}'
    assert refusal(token_of(json.dumps(header()).encode(), twice.encode())) == "token.malformed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crit", ["exp"]),
        ("crit", []),
        ("crit", None),
        ("b64", False),
        ("b64", True),
        ("zip", "DEF"),
        ("enc", "A128GCM"),
    ],
    ids=str,
)
def test_rejects_a_header_that_changes_how_the_token_is_read(name, value):
    assert refusal(token(header_changes={name: value})) == "token.malformed"


def test_accepts_claims_as_deep_as_the_bound():
    deepest = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    body = json.dumps(claims()).encode()[:-1] + b"," + deepest[1:]
    assert verify(token_of(json.dumps(header()).encode(), body)).issuer == "ci"

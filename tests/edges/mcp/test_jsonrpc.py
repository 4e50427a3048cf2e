"""Bytes to messages: one reading, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from postern.edges.mcp.jsonrpc import (
    INVALID_REQUEST,
    MAX_BATCH,
    PARSE_ERROR,
    Malformed,
    Notice,
    Request,
    RpcError,
    encode,
    parse_posted,
)

NO_JSON = {
    "nothing": b"",
    "not UTF-8": b'"\xff"',
    "no JSON": b"{",
    "two values": b"{} {}",
    "a name twice": b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}',
    "a name twice further in": b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"a": 1, "a": 2}}',
    "NaN": b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"a": NaN}}',
    "a lone surrogate": b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"a": "\\ud800"}}',
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
    "100,000 digits": b"[" + b"9" * 100_000 + b"]",
    "an exponent without end": b'{"a": 1e999999999999999999999}',
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_refuses_what_has_no_one_reading(body: bytes) -> None:
    with pytest.raises(RpcError) as refused:
        parse_posted(body)
    assert refused.value.code == PARSE_ERROR


MALFORMED = {
    "no object": (b"1", None),
    "null": (b"null", None),
    "another version": (b'{"jsonrpc": "1.0", "id": 7, "method": "m"}', 7),
    "no version": (b'{"id": 7, "method": "m"}', 7),
    "no method": (b'{"jsonrpc": "2.0", "id": 7}', 7),
    "method of another type": (b'{"jsonrpc": "2.0", "id": 7, "method": 1}', 7),
    "params of another type": (b'{"jsonrpc": "2.0", "id": 7, "method": "m", "params": [1]}', 7),
    "null id": (b'{"jsonrpc": "2.0", "id": null, "method": "m"}', None),
    "true as id": (b'{"jsonrpc": "2.0", "id": true, "method": "m"}', None),
    "fraction as id": (b'{"jsonrpc": "2.0", "id": 1.5, "method": "m"}', None),
    "object as id": (b'{"jsonrpc": "2.0", "id": {}, "method": "m"}', None),
    "long text as id": (b'{"jsonrpc": "2.0", "id": "' + b"x" * 201 + b'", "method": "m"}', None),
    "long number as id": (b'{"jsonrpc": "2.0", "id": 99999999999999999999, "method": "m"}', None),
    "result and error": (b'{"jsonrpc": "2.0", "id": 7, "result": {}, "error": {}}', 7),
}


@pytest.mark.parametrize(("body", "known_id"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_message_that_is_none_is_told_with_the_id_where_it_has_one(body: bytes, known_id: object) -> None:
    [message] = parse_posted(body).messages
    assert isinstance(message, Malformed)
    assert (message.id, message.error.code) == (known_id, INVALID_REQUEST)


@pytest.mark.parametrize("sent_id", ["a", "", 0, -1, 2**63 - 1], ids=repr)
def test_takes_a_request_with_its_id_as_it_was_sent(sent_id: object) -> None:
    [message] = parse_posted(encode({"jsonrpc": "2.0", "id": sent_id, "method": "m", "params": {"a": 1}})).messages
    assert message == Request(sent_id, "m", {"a": 1})
    assert type(message.id) is type(sent_id)


NOTICES = {
    "notification": b'{"jsonrpc": "2.0", "method": "notifications/initialized"}',
    "notification of another kind": b'{"jsonrpc": "2.0", "method": "x", "params": [1]}',
    "an answer": b'{"jsonrpc": "2.0", "id": 1, "result": {}}',
    "an error": b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "m"}}',
}


@pytest.mark.parametrize("body", NOTICES.values(), ids=NOTICES.keys())
def test_takes_what_wants_no_answer(body: bytes) -> None:
    assert parse_posted(body).messages == (Notice(),)


@pytest.mark.parametrize("size", [0, MAX_BATCH + 1])
def test_refuses_a_batch_of_another_size(size: int) -> None:
    with pytest.raises(RpcError) as refused:
        parse_posted(encode([{"jsonrpc": "2.0", "id": 1, "method": "ping"}] * size))
    assert refused.value.code == INVALID_REQUEST


def test_keeps_every_digit_of_a_number() -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"a": [1.10, 12345678901234567890, 1E+400]}}'
    [message] = parse_posted(body).messages
    assert isinstance(message, Request)
    assert message.params["a"] == [Decimal("1.10"), 12345678901234567890, Decimal("1E+400")]
    assert encode(message.params) == b'{"a":[1.10,12345678901234567890,1E+400]}'

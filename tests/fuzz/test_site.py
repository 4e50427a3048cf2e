"""What passes for an answer when raw bytes are sent, and what is told as found."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.site import Answer, answers_in, check
from tests.fuzz.target import Wrong

PROBLEM = "application/problem+json"
TOLD = json.dumps({"type": "t", "title": "t", "status": 400, "code": "request.invalid", "detail": "d"}).encode()
RPC = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "m"}}).encode()


def answer(status: int, body: bytes) -> bytes:
    return f"HTTP/1.1 {status} x\r\nContent-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "given",
    [
        Answer(200, "text/html", b"<p>"),
        Answer(202, "application/json", b""),
        Answer(400, PROBLEM, TOLD),
        Answer(400, "application/json", RPC),
        Answer(405, "application/json", b"[" + RPC + b"]"),
        Answer(505, PROBLEM, TOLD),
    ],
    ids=lambda given: f"{given.status} {given.media_type}",
)
def test_what_is_documented_passes(given: Answer) -> None:
    check(given)


@pytest.mark.parametrize(
    "given",
    [
        Answer(500, PROBLEM, TOLD),
        Answer(502, PROBLEM, TOLD),
        Answer(503, PROBLEM, TOLD),
        Answer(400, "text/html", TOLD),
        Answer(400, PROBLEM, TOLD.replace(b"request.invalid", b"request.odd")),
        Answer(400, "application/json", TOLD),
        Answer(400, "application/json", RPC.replace(b"error", b"result")),
        Answer(404, PROBLEM, b"<html>no such page</html>"),
    ],
    ids=["500", "502", "503", "html", "no code of ours", "neither", "no error", "no json"],
)
def test_anything_else_is_found(given: Answer) -> None:
    with pytest.raises((Wrong, ValueError)):
        check(given)


def test_answers_that_follow_each_other_are_told_apart() -> None:
    received = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(200, b"one") + answer(400, b"") + answer(404, b"three")
    assert [(one.status, one.body) for one in answers_in(received)] == [(200, b"one"), (400, b""), (404, b"three")]


def test_the_answer_to_a_head_has_no_body() -> None:
    assert [(one.status, one.body) for one in answers_in(answer(200, b"one")[:-3] + answer(400, b"x"))] == [
        (200, b""),
        (400, b"x"),
    ]


@pytest.mark.parametrize("received", [b"HTTP/0.9", b"<html>", b"HTTP/1.1 200 OK\r\nContent-Length: 3", b"\0"])
def test_what_is_no_answer_is_found(received: bytes) -> None:
    with pytest.raises(Wrong):
        list(answers_in(received))

"""A process that is measured is asked a line at a time, and an answer that is none ends the run."""

from __future__ import annotations

import os
import sys

import pytest
from bench.mcp_stdio import McpClient
from bench.piped_process import PipedProcess

SERVER = """
import json, sys
def say(value): print(json.dumps(value), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "tools/call":
        say({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        given = asked["params"]["arguments"]
        if given.get("die"): sys.exit("the last words")
        text = "x" * given.get("length", 1)
        say({"jsonrpc": "2.0", "id": asked["id"], "result": {"text": text, "isError": bool(given.get("wrong"))}})
"""


@pytest.fixture
def client(tmp_path):
    process = PipedProcess.start("server", [sys.executable, "-I", "-c", SERVER], {}, tmp_path / "log")
    yield McpClient(process)
    process.stop()


def test_reads_an_answer_longer_than_a_pipe_holds_behind_a_notification(client):
    assert len(client.call("tool", {"length": 300_000})["text"]) == 300_000
    assert client.call("tool", {})["text"] == "x"


def test_takes_no_error_for_a_result(client):
    with pytest.raises(RuntimeError, match="server: tool: expected a result"):
        client.call("tool", {"wrong": True})


def test_tells_what_a_process_said_before_it_ended(client):
    with pytest.raises(RuntimeError, match="the last words"):
        client.call("tool", {"die": True})


def test_a_stopped_process_is_gone(client):
    client.server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(client.server.pid, 0)

"""`postern revoke`, `worlds` and `revocations` against a gate of a few lines: what is sent, shown and returned."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from postern_cli.main import main
from postern_cli.stop import Exit

TOKEN = "a.secret.token"
HOSTILE = "\x1b]0;owned\x07"
STEPS = {"nologin_ms": 4, "terminated_ms": 17, "dropped_ms": 61, "verified_ms": 63}
LEFT = {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0}
ENDED = {"task_id": "a" * 32, "role": "task_a", "state": "revoked", "terminated": 1, "steps": STEPS, "left": LEFT}
REVOKED = {
    "id": "r1",
    "kind": "task",
    "name": "a" * 32,
    "reason": "drill",
    "expires_at": None,
    "recorded": True,
    "whole": True,
    "tasks": [ENDED],
    "remaining": [],
}
REMAINS = {**REVOKED, "tasks": [], "remaining": [{"task_id": "b" * 32, "code": "database.unavailable"}]}
HELD = {"id": "h/1", "kind": "hold", "name": "shop", "by": "people|olga", "at": "t", "expires_at": None, "reason": "m"}
RELEASED = {"id": "h/1", "kind": "hold", "name": "shop", "rebuilt": ["a"], "waiting": 2}


@dataclass
class Gate:
    """Answers with what a test puts in; `asked` is what it was asked."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, str, Any]] = field(default_factory=list)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            gate.asked.append((self.command, self.path, self.headers["Authorization"], body))
            status, given = gate.answers.pop(0)
            text = json.dumps(given).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", gate.url + "/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names that the server calls

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    gate.url = f"http://127.0.0.1:{server.server_port}/live"
    monkeypatch.setenv("POSTERN_URL", gate.url)
    monkeypatch.setenv("POSTERN_TOKEN", TOKEN + "\n")
    yield gate
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["revoke", "--task", "a"], {"task": "a"}),
        (["revoke", "--principal", "ci|x"], {"principal": "ci|x"}),
        (["revoke", "--issuer", "ci", "--expires-s", "60"], {"issuer": "ci", "expires_s": 60}),
        (["revoke", "--database", "shop"], {"database": "shop"}),
        (["worlds", "suspend", "shop"], {"database": "shop", "hold": True}),
    ],
    ids=["task", "principal", "issuer", "database", "hold"],
)
def test_sends_what_was_named_with_the_token_and_shows_the_proof(gate, arguments, body, capsys):
    gate.answers = [(200, REVOKED)]
    assert main([*arguments, "--reason", "drill"]) == Exit.DONE
    assert gate.asked == [("POST", "/live/v1/revocations", f"Bearer {TOKEN}", {**body, "reason": "drill"})]
    out = capsys.readouterr().out
    assert "r1" in out
    assert "a" * 32 in out.replace("task " + "a" * 32, "")  # in its table too: one that is cut off is of no use
    assert all(str(time) in out for time in STEPS.values())


def test_what_remains_is_no_success(gate, capsys):
    gate.answers = [(202, REMAINS)]
    assert main(["revoke", "--task", "a", "--reason", "x"]) == Exit.UNKNOWN
    said = capsys.readouterr()
    assert "database.unavailable" in said.out
    assert "reaper" in said.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tasks": []}, "no live task was about it"),
        ({"recorded": False}, "not on record yet"),
        ({"whole": False}, "for time or the state table"),
    ],
    ids=["nothing", "not recorded", "not whole"],
)
def test_says_what_an_operator_must_know(gate, change, said, capsys):
    gate.answers = [(200, REVOKED | change)]
    main(["revoke", "--task", "a", "--reason", "x"])
    assert said in capsys.readouterr().out


def test_prints_the_answer_as_it_came_for_machines(gate, capsys):
    gate.answers = [(200, REVOKED)]
    assert main(["revoke", "--task", "a", "--reason", "x", "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == REVOKED


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, Exit.USAGE), (401, Exit.REFUSED), (403, Exit.REFUSED), (404, Exit.REFUSED), (429, Exit.UNKNOWN), (503, 3)],
)
def test_a_problem_is_one_line_and_its_kinds_exit_code(gate, status, code, capsys):
    gate.answers = [(status, {"code": "some.code", "detail": f"do this {HOSTILE}"})]
    assert main(["revoke", "--task", "a", "--reason", "x"]) == code
    [line] = capsys.readouterr().err.splitlines()
    assert "some.code" in line
    assert line.isprintable()
    assert TOKEN not in line


def test_each_part_that_was_refused_is_told(gate, capsys):
    refusals = [{"what": "select on t", "reason": "`t` is not open to you"}, {"what": "x"}, "y"]
    gate.answers = [(403, {"code": "policy.refused", "detail": "a part is not allowed", "refusals": refusals})]
    assert main(["revoke", "--task", "a", "--reason", "x"]) == Exit.REFUSED
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("a part is not allowed; `t` is not open to you")


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, {"code": "request.path", "detail": "no such path"}), (403, {"message": "Forbidden"}), (404, "<html>")],
    ids=["a longer path", "no stage", "no gate"],
)
def test_another_address_is_named_as_what_may_be_wrong(gate, status, body, capsys):
    gate.answers = [(status, body)]
    assert main(["revocations", "list"]) == Exit.REFUSED
    assert "ApiUrl" in capsys.readouterr().err


def test_what_the_gate_refuses_is_not_blamed_on_the_address(gate, capsys):
    gate.answers = [(403, {"code": "policy.refused", "detail": "you may not revoke here"})]
    assert main(["revocations", "list"]) == Exit.REFUSED
    assert "ApiUrl" not in capsys.readouterr().err


def test_a_redirect_takes_the_token_nowhere(gate):
    gate.answers = [(302, {})]
    assert main(["revocations", "list"]) == Exit.UNKNOWN
    assert len(gate.asked) == 1


def test_what_is_no_gates_answer_is_no_verdict(gate):
    gate.answers = [(200, {"revocations": [{"id": "r1"}]})] * 2 + [(200, [])]
    assert main(["revocations", "list"]) == Exit.UNKNOWN
    assert main(["worlds", "resume", "shop"]) == Exit.UNKNOWN
    assert main(["revoke", "--task", "a", "--reason", "x"]) == Exit.UNKNOWN


def test_a_gate_that_does_not_answer_is_no_verdict(gate, monkeypatch, capsys):
    monkeypatch.setenv("POSTERN_URL", "http://127.0.0.1:9")
    assert main(["revoke", "--task", "a", "--reason", "x"]) == Exit.UNKNOWN
    assert TOKEN not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["revoke", "--reason", "x"],
        ["revoke", "--task", "a", "--issuer", "b", "--reason", "x"],
        ["revoke", "--task", "a"],
        ["revoke", "--task", "a", "--reason", "x", "--url", "http://gate.example"],
        ["revoke", "--task", "a", "--reason", "x", "--url", "https://user:pass@gate.example"],
        ["revoke", "--task", "a", "--reason", "x", "--url", "https://[gate"],
        ["revoke", "--task", "a", "--reason", "x", "--url", "https://gate.example:port"],
        ["worlds", "suspend", "shop"],
    ],
    ids=[
        "nothing",
        "two things",
        "no reason",
        "no tls",
        "a password",
        "no address",
        "no port",
        "hold without a reason",
    ],
)
def test_what_is_not_asked_well_is_not_sent(gate, arguments):
    assert main(arguments) == Exit.USAGE
    assert gate.asked == []


@pytest.mark.parametrize("token", ["", "two tokens", "t\u00f6ken"], ids=["none", "two", "no ascii"])
def test_without_one_token_nothing_is_sent(gate, token, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("POSTERN_TOKEN", token)
    file = tmp_path / "token"
    file.write_text(token)
    for more in ([], ["--token-file", str(file)]):
        assert main(["revocations", "list", *more]) == Exit.USAGE
    assert gate.asked == []
    assert not token or token not in capsys.readouterr().err


def test_a_file_that_is_no_text_is_no_token(gate, tmp_path, capsys):
    file = tmp_path / "token"
    file.write_bytes(b"\x00key\xbd\xff")
    assert main(["revocations", "list", "--token-file", str(file)]) == Exit.USAGE
    assert gate.asked == []
    assert "key" not in capsys.readouterr().err.replace(str(file), "")


def test_its_help_tells_what_the_exit_codes_mean(capsys):
    assert main(["revoke", "--help"]) == Exit.DONE
    assert "Exit code: 0 everything is gone" in " ".join(capsys.readouterr().out.split())


def test_a_token_is_read_from_a_file_rather_than_the_environment(gate, tmp_path):
    file = tmp_path / "token"
    file.write_text("from.a.file\n")
    gate.answers = [(200, {"revocations": [HELD]})]
    assert main(["revocations", "list", "--token-file", str(file)]) == Exit.DONE
    assert gate.asked[0][2] == "Bearer from.a.file"


def test_a_database_is_resumed_by_the_id_of_its_hold(gate, capsys):
    gate.answers = [(200, {"revocations": [{**HELD, "name": "other"}, HELD]}), (200, RELEASED)]
    assert main(["worlds", "resume", "shop"]) == Exit.DONE
    assert gate.asked[1][:2] == ("DELETE", "/live/v1/revocations/h%2F1")
    assert "1 tasks have a world again, 2 wait" in capsys.readouterr().out


def test_a_database_that_is_not_held_is_not_resumed(gate):
    gate.answers = [(200, {"revocations": []})]
    assert main(["worlds", "resume", "shop"]) == Exit.REFUSED


def test_what_stands_is_listed_and_lifted(gate, capsys):
    gate.answers = [(200, {"revocations": [{**HELD, "reason": HOSTILE}]}), (200, {**RELEASED, "kind": "issuer"})]
    assert main(["revocations", "list"]) == Exit.DONE
    assert main(["revocations", "lift", "h/1"]) == Exit.DONE
    assert "\x1b" not in capsys.readouterr().out

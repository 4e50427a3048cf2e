"""`postern smoke` against a gate of a few lines: what it takes for proved, and what it says of everything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from postern.audit.digests import sha256_hex
from postern.edges.receipt_contract import receipt_answer
from postern.tlog.notes import format_vkey
from postern_cli.gate.client import Answer
from postern_cli.main import main
from postern_cli.operate import smoke_steps
from postern_cli.operate.smoke_steps import Asked, Run, go_through
from postern_cli.stop import Exit, Stop
from tests.support.domain import AGENT
from tests.support.receipts import KEY, LOG, ORIGIN, Commands, published

VKEY = str(KEY.verifier)
TASK = "0199a0b0c0d07000800000000000000a"


class Site:
    """A log that holds one command's records, and the answers of a gate before it."""

    def __init__(self) -> None:
        commands = Commands()
        command = commands.run()
        self.receipt = _plain(receipt_answer(published(commands).receipts.of_command(AGENT, LOG, command)))
        by_type = {one["type"]: one["sha256"] for one in self.receipt["records"]}
        self.receipt["records"] = [one for one in self.receipt["records"] if one["type"] in ("intent", "outcome")]
        receipt = {"intent_sha256": by_type["intent"], "outcome_sha256": by_type["outcome"], "log": LOG}
        self.query: dict[str, Any] = {"command_id": command, "row_count": 1, "receipt": receipt}


def _plain(answer: Any) -> dict[str, Any]:
    return dict(msgspec.to_builtins(answer))


@dataclass
class Gate:
    """Implements `ApiClient`, as far as it is asked here. `change` has a test's own answer to a call, or None."""

    site: Site = field(default_factory=Site)
    change: Callable[[str, str], Answer | None] = lambda _method, _path: None
    asked: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, body: object | None = None) -> Answer:
        answer = self.ask(method, path, body)
        if not 200 <= answer.status < 300:
            raise Stop(Exit.REFUSED if answer.status < 500 else Exit.UNKNOWN, f"{answer.status}")
        return answer

    def ask(self, method: str, path: str, body: object | None = None) -> Answer:
        call = f"{method} {path.split('?')[0]}"
        self.asked.append(call)
        return self.change(method, path) or self._usual(call)

    def _usual(self, call: str) -> Answer:
        usual: dict[str, Answer] = {
            "GET /healthz": Answer(200, {"status": "ok"}),
            "GET /v1/log": Answer(200, {"keys": [{"vkey": VKEY, "valid_until": None}]}),
            "POST /v1/tasks": Answer(201, {"task_id": TASK, "state": "active"}),
            f"POST /v1/tasks/{TASK}/query": Answer(200, self.site.query),
            f"GET /v1/receipts/{self.site.query['command_id']}": Answer(200, self.site.receipt),
            f"DELETE /v1/tasks/{TASK}": Answer(200, {"state": "ended"}),
        }
        return usual[call]


def gone_through(gate: Gate, *, vkey: str | None = None, wait_s: int = 1) -> Run:
    asked = Asked("shop", "orders", "SELECT 1", vkey, wait_s)
    return go_through(gate, asked, sleep=lambda _: None)  # type: ignore[arg-type]


def on(path: str, status: int, body: object) -> Callable[[str, str], Answer | None]:
    return lambda _method, asked: Answer(status, body) if asked.startswith(path) else None


def test_all_of_it_holds() -> None:
    run = gone_through(Gate())

    assert run.failure is None
    assert [(step.name, step.ok) for step in run.steps] == [
        (name, True) for name in ("health", "log", "open", "query", "prove", "end")
    ]


def test_says_where_the_key_came_from() -> None:
    assert gone_through(Gate()).key_from == "the gate"
    assert gone_through(Gate(), vkey=VKEY).key_from == "you"


def test_the_log_is_not_asked_for_a_key_that_was_given() -> None:
    gate = Gate()

    gone_through(gate, vkey=VKEY)

    assert "GET /v1/log" not in gate.asked


def test_another_key_than_the_logs_proves_nothing() -> None:
    gate = Gate()
    another = Ed25519PrivateKey.generate().public_key().public_bytes_raw()

    run = gone_through(gate, vkey=format_vkey(ORIGIN, another))

    assert run.failure is not None
    assert run.failure.code == Exit.REFUSED
    assert gate.asked[-1] == f"DELETE /v1/tasks/{TASK}"


def _tampered(site: Site, what: str) -> None:
    first, second = site.receipt["records"]
    if what == "another command":
        site.query["command_id"] = site.query["command_id"][:-1] + ("0" if site.query["command_id"][-1] != "0" else "1")
        site.receipt = {**site.receipt}
    elif what == "digest that was answered":
        site.query["receipt"]["outcome_sha256"] = sha256_hex(b"another")
    elif what == "records swapped":
        first["proof"], second["proof"] = second["proof"], first["proof"]
    elif what == "one byte of the proof":
        lines = second["proof"].split("\n")
        at = next(n for n, line in enumerate(lines) if len(line) == 44 and n > 2)
        lines[at] = ("A" if lines[at][0] != "A" else "B") + lines[at][1:]
        second["proof"] = "\n".join(lines)


@pytest.mark.parametrize(
    "what", ["another command", "digest that was answered", "records swapped", "one byte of the proof"]
)
def test_what_does_not_hold_is_refused_and_the_task_is_ended(what: str) -> None:
    gate = Gate()
    _tampered(gate.site, what)

    run = gone_through(gate)

    assert run.failure is not None
    assert run.failure.code == Exit.REFUSED
    assert [step.name for step in run.steps if not step.ok] == ["prove"]
    assert gate.asked[-1] == f"DELETE /v1/tasks/{TASK}"


def test_waits_for_records_that_are_not_in_the_log_yet() -> None:
    gate = Gate()
    early = [
        Answer(404, {"code": "receipt.unknown"}),
        Answer(200, {**gate.site.receipt, "records": gate.site.receipt["records"][:1]}),
    ]
    gate.change = lambda _method, path: early.pop(0) if path.startswith("/v1/receipts") and early else None

    assert gone_through(gate, wait_s=60).failure is None
    assert not early


FAILURES: dict[str, tuple[str, int, object, str, Exit]] = {
    "away": ("/healthz", 503, {}, "health", Exit.UNKNOWN),
    "no key yet": ("/v1/log", 200, {"keys": []}, "log", Exit.UNKNOWN),
    "another site": ("/v1/log", 200, {"hello": 1}, "log", Exit.UNKNOWN),
    "no object": ("/v1/log", 200, [], "log", Exit.UNKNOWN),
    "refused": ("/v1/tasks", 403, {}, "open", Exit.REFUSED),
    "waits for approval": ("/v1/tasks", 201, {"task_id": TASK, "state": "pending_approval"}, "open", Exit.REFUSED),
    "query refused": (f"/v1/tasks/{TASK}/query", 403, {}, "query", Exit.REFUSED),
    "database away": (f"/v1/tasks/{TASK}/query", 503, {}, "query", Exit.UNKNOWN),
    "no receipt": (f"/v1/tasks/{TASK}/query", 200, {"command_id": "x"}, "query", Exit.UNKNOWN),
    "never in the log": ("/v1/receipts", 404, {}, "prove", Exit.UNKNOWN),
    "receipt of another form": (
        "/v1/receipts",
        200,
        {"records": [{"type": "intent"}, {"type": "outcome"}]},
        "prove",
        Exit.UNKNOWN,
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_names_the_step_that_failed_and_whether_it_can_be_told(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, status, body, step, code = FAILURES[case]
    clock = iter(range(1000))
    monkeypatch.setattr(smoke_steps.time, "monotonic", lambda: float(next(clock)))
    gate = Gate(change=on(path, status, body))

    run = gone_through(gate)

    assert run.failure is not None
    assert (next(one.name for one in run.steps if not one.ok), run.failure.code) == (step, code)


def test_a_task_that_does_not_end_fails_it() -> None:
    gate = Gate()
    gate.change = lambda method, _path: Answer(503, {}) if method == "DELETE" else None

    run = gone_through(gate)

    assert [step.name for step in run.steps if not step.ok] == ["end"]
    assert run.failure is not None


def test_no_key_stops_it_before_anything_is_sent() -> None:
    gate = Gate()

    with pytest.raises(Stop) as stopped:
        gone_through(gate, vkey="no key")

    assert (stopped.value.code, gate.asked) == (Exit.USAGE, [])


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr("postern_cli.operate.smoke.ApiClient.of", lambda *_: gate)
    return gate


COMMAND = ["smoke", "--api", "https://gate.example", "--database", "shop", "--table", "orders"]


def test_prints_a_table_and_what_a_key_of_the_gates_own_is_worth(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(COMMAND) == 0

    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[:6]] == ["ok"] * 6
    assert "proves that the gate agrees with itself" in out


def test_says_of_a_failure_how_to_go_back(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    gate.change = on("/v1/tasks", 403, {})

    assert main(COMMAND) == 1

    assert "docs/deploys.md" in capsys.readouterr().err


def test_machines_get_json(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--json", "--vkey", VKEY]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["key_from"], len(told["steps"])) == (True, "you", 6)

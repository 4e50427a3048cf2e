"""`postern audit prove` and `check-proof`: from a pulled copy and from the API, and what neither is believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from functions.receipts.handler import Services, respond

from postern.audit.canonical import canonical_bytes
from postern.audit.keys import log_key as object_key
from postern.edges.http import problem
from postern.errors import PosternError
from postern.identity.context import format_principal
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.entry_proof import prove_entry
from postern.tlog.tlog_proof import format_tlog_proof, parse_tlog_proof
from postern_cli import audit_prove
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.denied import denying
from tests.support.domain import AGENT, NOW_S, OTHER
from tests.support.fake_clock import FakeClock
from tests.support.log_copy import build, log_key
from tests.support.receipts import KEY, LOG, ORIGIN, Commands, Published, published

VKEY = str(KEY.verifier)


def run(*arguments: object) -> tuple[int, str]:
    """The exit code, and what was printed or said."""
    try:
        ended = command_line.run(audit_prove.app, *arguments)
    except PosternError as error:
        return Exit.REFUSED, error.detail
    return ended.code, ended.out if ended.stop is None else ended.stop


@pytest.fixture
def commands() -> Commands:
    made = Commands()
    made.run(OTHER)
    return made


def pulled(folder: Path, commands: Commands, at: Published) -> Path:
    """The copy that `postern audit pull` would have made."""
    log = {object_key(LOG, path): data for (_, path), data in at.store.objects.items()}
    for key, data in {**commands.objects, **log, object_key(LOG, "checkpoint"): at.store.latest[LOG][-1]}.items():
        file = folder / "objects" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


@pytest.fixture
def proofs(tmp_path, commands) -> dict[str, Path]:
    """Proof files of one command, by type, as `prove` wrote them from a copy."""
    mine = commands.run(settled=True)
    copy = pulled(tmp_path / "copy", commands, published(commands))
    code, said = run("prove", mine, "--vkey", VKEY, "--dir", copy, "--out", tmp_path)
    assert code == Exit.DONE, said
    return {file.name.split(".")[1]: file for file in tmp_path.glob(f"{mine}.*.tlog-proof")}


def test_a_copy_gives_a_file_for_each_record_that_the_key_alone_proves(proofs, commands):
    assert sorted(proofs) == ["intent", "outcome", "settled"]
    for type_, file in proofs.items():
        code, said = run("check-proof", file, "--vkey", VKEY, "--show")
        assert code == Exit.DONE
        assert f"of 5 in {ORIGIN}; statement {type_} of " in said
        assert json.loads(said.splitlines()[1])["type"] == type_


def test_a_large_copy_is_searched_through_all_its_tiles(tmp_path, commands):
    for _ in range(130):
        commands.run(OTHER)
    mine = commands.run()
    copy = pulled(tmp_path, commands, published(commands, batches=(250, 14)))
    code, said = run("prove", mine, "--vkey", VKEY, "--dir", copy, "--out", tmp_path)
    assert (code, said.count("of 264 in")) == (Exit.DONE, 2)


def test_a_record_that_is_not_in_the_tree_yet_cannot_be_told(tmp_path, commands):
    mine = commands.run()
    copy = pulled(tmp_path, commands, published(commands, batches=(2,)))
    code, said = run("prove", mine, "--vkey", VKEY, "--dir", copy)
    assert code == Exit.UNKNOWN
    assert "not in the log's tree" in said


def remove(copy: Path, key: str) -> None:
    (copy / "objects" / key).unlink()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda copy: remove(copy, f"log/{LOG}/checkpoint"), Exit.UNKNOWN),
        (lambda copy: remove(copy, f"log/{LOG}/tile/0/000.p/4"), Exit.UNKNOWN),
        (lambda copy: flip(copy / f"objects/log/{LOG}/tile/0/000.p/4", 0), Exit.REFUSED),
        (lambda copy: flip(copy / f"objects/log/{LOG}/checkpoint", 30), Exit.REFUSED),
        (lambda copy: flip(next(copy.glob("objects/wal/**/1-intent.json")), 40), Exit.DONE),
    ],
    ids=["no-checkpoint", "no-tile", "tile-changed", "checkpoint-changed", "anothers-record-changed"],
)
def test_a_copy_that_does_not_fit_together_gives_no_proof(tmp_path, spoil, code):
    commands = Commands()
    commands.run(OTHER)
    mine = commands.run()
    copy = pulled(tmp_path, commands, published(commands))
    spoil(copy)
    ended, said = run("prove", mine, "--vkey", VKEY, "--dir", copy, "--out", tmp_path)
    assert ended == code, said
    assert bool(list(tmp_path.glob("*.tlog-proof"))) == (code == Exit.DONE)


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))


def test_a_command_that_the_copy_has_not_cannot_be_told(tmp_path, commands):
    copy = pulled(tmp_path, commands, published(commands))
    code, said = run("prove", commands.story.id_at(77), "--vkey", VKEY, "--dir", copy)
    assert code == Exit.UNKNOWN
    assert "expected its records" in said


USAGE = {
    "no-source": ["--vkey", VKEY],
    "both-sources": ["--vkey", VKEY, "--dir", "x", "--url", "https://x"],
    "no-key": ["--dir", "x"],
    "key-that-is-none": ["--vkey", "nonsense", "--dir", "x"],
    "key-of-another-kind-of-log": ["--vkey", str(log_key("example.com/log").verifier), "--dir", "x"],
    "private-address": ["--vkey", VKEY, "--url", "http://example.com"],
    "looks-like-loopback": ["--vkey", VKEY, "--url", "http://localhost.example.com"],
    "loopback-as-a-user": ["--vkey", VKEY, "--url", "http://localhost@example.com/"],
    "a-file": ["--vkey", VKEY, "--url", "file:///etc/passwd"],
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE.keys())
def test_says_how_it_is_used(arguments, monkeypatch, commands):
    monkeypatch.setenv("POSTERN_TOKEN", "t")
    assert run("prove", commands.story.id_at(1), *arguments)[0] == Exit.USAGE


def test_says_that_an_id_is_none():
    assert run("prove", "../../x", "--vkey", VKEY, "--dir", "x")[0] == Exit.USAGE


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a-bit-of-the-record": lambda data: data.replace(b"extra eyJ", b"extra eyK", 1),
    "another-index": lambda data: data.replace(b"\nindex 2\n", b"\nindex 3\n"),
    "another-size": lambda data: data.replace(b"\n5\n", b"\n6\n"),
    "leading-zero": lambda data: data.replace(b"\n5\n", b"\n05\n"),
    "a-byte-after": lambda data: data + b"\n",
    "nothing": lambda _: b"",
    "too-much": lambda data: data + b"x" * 3_000_000,
    "another-log": lambda data: data.replace(b"prod-2026\n", b"prod-2027\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_proof_file_does_not_hold(proofs, change):
    file = proofs["intent"]
    changed = change(file.read_bytes())
    assert changed != file.read_bytes()
    file.write_bytes(changed)
    code, said = run("check-proof", file, "--vkey", VKEY)
    assert code == Exit.REFUSED
    assert "does not hold" in said


def test_one_bad_file_among_good_ones_is_enough(proofs):
    flip(proofs["settled"], -10)
    code, said = run("check-proof", proofs["intent"], proofs["settled"], "--vkey", VKEY)
    assert code == Exit.REFUSED
    assert "settled" in said


def test_another_key_proves_nothing(proofs):
    code, said = run("check-proof", proofs["intent"], "--vkey", log_key(ORIGIN, 2).verifier)
    assert code == Exit.REFUSED
    assert "signature" in said


def test_a_proof_without_its_record_needs_it_beside_it(proofs, tmp_path):
    proof = parse_tlog_proof(proofs["intent"].read_bytes())
    bare, record = tmp_path / "bare", tmp_path / "record"
    bare.write_bytes(format_tlog_proof(replace(proof, unverified_extra=None)))
    record.write_bytes(proof.unverified_extra or b"")
    assert run("check-proof", bare, "--vkey", VKEY)[0] == Exit.USAGE
    assert run("check-proof", bare, "--vkey", VKEY, "--record", record)[0] == Exit.DONE
    flip(record, 30)
    assert run("check-proof", bare, "--vkey", VKEY, "--record", record)[0] == Exit.REFUSED


def test_a_file_that_is_not_there_cannot_be_told(tmp_path):
    assert run("check-proof", tmp_path / "none", "--vkey", VKEY)[0] == Exit.UNKNOWN


@pytest.mark.parametrize("name", ["1-intent.json", "checkpoint"])
def test_a_copy_that_may_not_be_read_cannot_be_told(tmp_path, commands, monkeypatch, name):
    mine = commands.run()
    copy = pulled(tmp_path, commands, published(commands))
    monkeypatch.setattr(os, "open", denying(name))
    code, said = run("prove", mine, "--vkey", VKEY, "--dir", copy)
    assert code == Exit.UNKNOWN
    assert f"{name}: expected to read it, got Permission denied" in said


def test_what_a_proved_record_calls_itself_moves_no_cursor(tmp_path):
    """The log's key signs whatever was stored."""
    members = {"v": 1, "id": "\x1b[31m\x1b]0;owned\x07", "type": "event", "kind": "grant", "log": LOG}
    members |= {"deployment": "shop", "time": "2026-09-21T14:13:20.000000Z", "code": {"function": "f", "version": "1"}}
    entry = canonical_bytes(members | {"writer": {"env": "0" * 32, "n": 0, "prev": None}})
    log = build([entry], origin=ORIGIN, batches=(1,), key=KEY)
    head = open_checkpoint(log["checkpoint"], [KEY.verifier], ORIGIN)
    file = tmp_path / "hostile.tlog-proof"
    file.write_bytes(format_tlog_proof(prove_entry(0, entry, log["checkpoint"], head, log.__getitem__)))
    code, said = run("check-proof", file, "--vkey", VKEY, "--show")
    assert code == Exit.DONE
    assert "grant event of \\x1b[31m" in said
    assert all(line.isprintable() for line in said.splitlines())


@contextmanager
def api(answer: Callable[[str, str], tuple[int, bytes]]) -> Iterator[str]:
    """An HTTP server that answers with what the function gives for path and token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def function_of(at: Published) -> Callable[[str, str], tuple[int, bytes]]:
    """The receipts function, for the agent whose token is `agents`."""
    services = Services(at.receipts, "prod-2027", 3600, FakeClock(at_us=NOW_S * 1_000_000))

    def answer(path: str, authorization: str) -> tuple[int, bytes]:
        who = {"Bearer agents": AGENT}.get(authorization, OTHER)
        command_id, _, log = path.removeprefix("/v1/receipts/").partition("?log=")
        event = {
            "resource": "/v1/receipts/{command_id}",
            "pathParameters": {"command_id": command_id},
            "multiValueQueryStringParameters": {"log": [log]},
            "requestContext": {"authorizer": {"principal": format_principal(who)}},
        }
        try:
            response = respond(event, services)
        except PosternError as error:
            response = problem(error)
        return response["statusCode"], response["body"].encode()

    return answer


def test_the_api_gives_what_the_key_alone_proves(tmp_path, commands, monkeypatch):
    mine = commands.run()
    monkeypatch.setenv("POSTERN_TOKEN", "agents")
    with api(function_of(published(commands))) as url:
        code, said = run("prove", mine, "--vkey", VKEY, "--url", url, "--out", tmp_path)
    assert code == Exit.DONE, said
    assert len(list(tmp_path.glob(f"{mine}.*.tlog-proof"))) == 2
    assert run("check-proof", *tmp_path.glob("*.tlog-proof"), "--vkey", VKEY)[0] == Exit.DONE


def test_the_api_says_why_it_gives_none(tmp_path, commands, monkeypatch):
    mine = commands.run()
    monkeypatch.setenv("POSTERN_TOKEN", "others")
    with api(function_of(published(commands))) as url:
        code, said = run("prove", mine, "--vkey", VKEY, "--url", url, "--out", tmp_path)
    assert code == Exit.UNKNOWN
    assert "404" in said
    assert "expected a command of yours" in said


def test_without_a_token_nothing_is_asked(commands, monkeypatch):
    monkeypatch.delenv("POSTERN_TOKEN", raising=False)
    code, said = run("prove", commands.run(), "--vkey", VKEY, "--url", "https://api.example")
    assert code == Exit.USAGE
    assert "POSTERN_TOKEN" in said


def lying(answer: dict[str, object] | list[object]) -> Callable[[str, str], tuple[int, bytes]]:
    return lambda *_: (200, json.dumps(answer).encode())


def test_an_api_that_lies_is_not_believed(tmp_path, commands, monkeypatch):
    """It gives a proof that holds, of another command."""
    monkeypatch.setenv("POSTERN_TOKEN", "agents")
    mine, other = commands.run(), commands.run()
    theirs = published(commands).receipts.of_command(AGENT, LOG, other)
    forged = {"records": [{"proof": theirs.records[0].proof.decode()}]}
    with api(lying(forged)) as url:
        code, said = run("prove", mine, "--vkey", VKEY, "--url", url, "--out", tmp_path)
    assert code == Exit.REFUSED
    assert other in said
    assert not list(tmp_path.glob("*.tlog-proof"))


@pytest.mark.parametrize(
    "answer", [{}, [], {"records": 1}, {"records": [{}]}, {"records": []}], ids=["{}", "[]", "one", "no-proof", "none"]
)
def test_an_answer_that_is_no_receipt_cannot_be_told(tmp_path, commands, monkeypatch, answer):
    monkeypatch.setenv("POSTERN_TOKEN", "agents")
    with api(lying(answer)) as url:
        assert run("prove", commands.run(), "--vkey", VKEY, "--url", url, "--out", tmp_path)[0] == Exit.UNKNOWN


def test_the_token_follows_no_redirect(tmp_path, commands, monkeypatch):
    monkeypatch.setenv("POSTERN_TOKEN", "agents")
    seen: list[str] = []

    def thief(path: str, authorization: str) -> tuple[int, bytes]:
        seen.append(authorization)
        return 200, b"{}"

    with api(thief) as other, api(lambda path, _: (302, f"{other}{path}".encode())) as url:
        assert run("prove", commands.run(), "--vkey", VKEY, "--url", url, "--out", tmp_path)[0] == Exit.UNKNOWN
    assert seen == []


def test_an_api_that_is_away_cannot_be_told(tmp_path, commands, monkeypatch):
    monkeypatch.setenv("POSTERN_TOKEN", "agents")
    with api(lying({})) as url:
        pass
    assert run("prove", commands.run(), "--vkey", VKEY, "--url", url, "--out", tmp_path)[0] == Exit.UNKNOWN

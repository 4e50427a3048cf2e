"""Which token a command sends, of all that there are."""

from __future__ import annotations

import pytest

from postern_cli.main import main
from postern_cli.sign_in.credentials import find_credential
from postern_cli.sign_in.tokens import clean_token, unverified_expiry_s
from postern_cli.stop import Exit, Stop
from tests.support.fake_gate import Reply
from tests.support.logins import jwt, kept

SOURCES = ("--token-file", "POSTERN_TOKEN", "POSTERN_ID_TOKEN", "POSTERN_TOKEN_FILE", "login", "GitHub Actions")


@pytest.mark.parametrize("first", range(len(SOURCES)), ids=SOURCES)
def test_the_nearest_token_is_sent(gate, first, monkeypatch, tmp_path):
    monkeypatch.delenv("POSTERN_TOKEN")
    given = SOURCES[first:]
    arguments: list[str] = []
    for name in ("--token-file", "POSTERN_TOKEN_FILE"):
        (tmp_path / name).write_text(f"of.{name}\n")
    if "--token-file" in given:
        arguments = ["--token-file", str(tmp_path / "--token-file")]
    for name in ("POSTERN_TOKEN", "POSTERN_ID_TOKEN"):
        if name in given:
            monkeypatch.setenv(name, f"of.{name}")
    if "POSTERN_TOKEN_FILE" in given:
        monkeypatch.setenv("POSTERN_TOKEN_FILE", str(tmp_path / "POSTERN_TOKEN_FILE"))
    if "login" in given:
        kept(gate, token="of.login")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{gate.issuer}/oidc?v=2")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job")
    gate.issue("/oidc", Reply(200, {"value": "of.GitHub"}))
    gate.answer("/v1/tasks", {"tasks": []})
    assert main(["task", "list", *arguments]) == Exit.DONE
    sent = gate.asked[-1].headers["Authorization"].removeprefix("Bearer of.")
    assert sent == SOURCES[first].removesuffix(" Actions")


@pytest.mark.parametrize("audience", [None, "postern & co"], ids=["the gate's address", "set"])
def test_a_github_job_asks_for_a_token_of_this_audience(gate, audience, monkeypatch):
    monkeypatch.delenv("POSTERN_TOKEN")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{gate.issuer}/oidc?v=2")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job")
    if audience is not None:
        monkeypatch.setenv("POSTERN_AUDIENCE", audience)
    gate.issue("/oidc", Reply(200, {"value": "of.GitHub"}))
    gate.answer("/v1/tasks", {"tasks": []})
    assert main(["task", "list"]) == Exit.DONE
    asked = gate.asked[0]
    assert asked.headers["Authorization"] == "Bearer of-the-job"
    expected = "postern%20%26%20co" if audience else gate.url.replace(":", "%3A").replace("/", "%2F")
    assert asked.query == f"v=2&audience={expected}"


@pytest.mark.parametrize("url", ["http://evil.example/?v=2", "file:///etc/passwd", "nonsense"])
def test_a_jobs_own_secret_goes_over_tls_or_nowhere(gate, url, monkeypatch, capsys):
    monkeypatch.delenv("POSTERN_TOKEN")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job")
    assert main(["task", "list"]) == Exit.USAGE
    assert "of-the-job" not in capsys.readouterr().err


def test_a_token_file_is_read_for_each_request(gate, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    credential = find_credential(file, gate.url, "")
    file.write_text("second\n")
    assert credential.token() == "second"


@pytest.mark.parametrize("text", ["", " ", "two tokens", "t\u00f6ken", "a\nb", "a\x00b", "x" * 20_000])
def test_what_cannot_stand_in_a_header_is_no_token(text):
    assert clean_token(text) is None


@pytest.mark.parametrize(
    ("token", "ends"),
    [
        (jwt(exp=1_795_447_266), 1_795_447_266),
        (jwt(), None),
        (jwt(exp="soon"), None),
        (jwt(exp=1e30), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.!!.c", None),
    ],
    ids=["said", "unsaid", "a text", "beyond", "opaque", "no base64", "no letters"],
)
def test_when_a_token_ends_is_what_it_says_if_it_says_so(token, ends):
    assert unverified_expiry_s(token) == ends


def test_without_any_the_next_step_is_told(gate, monkeypatch):
    with pytest.raises(Stop, match="postern login"):
        monkeypatch.delenv("POSTERN_TOKEN")
        find_credential(None, gate.url, "")

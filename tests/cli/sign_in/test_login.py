"""`postern login`, `logout` and `whoami`: what is asked of whom, what is kept, and what a person is shown."""

from __future__ import annotations

import base64
import json
import time

import pytest

from postern_cli.main import main
from postern_cli.sign_in.kept_login import read_login
from postern_cli.stop import Exit
from tests.support.fake_gate import PERSON, Reply
from tests.support.logins import jwt

NEW = "a.new.token"


def test_a_person_signs_in_and_the_next_command_uses_it(alone, capsys):
    pending = Reply(400, {"error": "authorization_pending"})
    alone.issue("/token", pending, Reply(200, {"access_token": NEW, "expires_in": 3600}))
    assert main(["login"]) == Exit.DONE
    said = capsys.readouterr()
    assert "WDJB-MJHT" in said.err
    assert f"{alone.issuer}/activate" in said.err
    assert said.out.startswith(f"signed in to {alone.url} as people|ada, until ")
    polls = [one.body for one in alone.asked if one.path == "/issuer/token"]
    assert (
        polls
        == [
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                "device_code": "the-device-code",
                "client_id": "postern-cli",
            }
        ]
        * 2
    )
    alone.answer("/v1/tasks", {"tasks": []})
    assert main(["task", "list"]) == Exit.DONE
    assert alone.asked[-1].headers["Authorization"] == f"Bearer {NEW}"


def test_the_issuers_own_client_scopes_and_parameters_are_sent(alone):
    alone.offer_sign_in(device_client_id="for-devices", scopes=["openid", "a"], parameters={"audience": "postern"})
    assert main(["login"]) == Exit.DONE
    [asked] = [one.body for one in alone.asked if one.path == "/issuer/device"]
    assert asked == {"client_id": "for-devices", "scope": "openid a", "audience": "postern"}


def test_an_issuers_parameters_replace_none_of_ours(alone):
    alone.offer_sign_in(parameters={"client_id": "theirs"})
    assert main(["login"]) == Exit.DONE
    [asked] = [one.body for one in alone.asked if one.path == "/issuer/device"]
    assert asked["client_id"] == "postern-cli"


def test_the_token_that_the_gate_takes_is_kept(alone):
    alone.offer_sign_in(token="id_token")
    ends = int(time.time()) + 500
    token = jwt(exp=ends)
    alone.issue("/token", Reply(200, {"access_token": "opaque", "id_token": token, "refresh_token": "again"}))
    assert main(["login"]) == Exit.DONE
    login = read_login(alone.url)
    assert (login.token, login.expires_at_s, login.refresh_token) == (token, ends, "again")


def test_what_the_gate_does_not_take_is_not_kept(alone):
    alone.answer("/v1/principal", {"code": "token.rules", "detail": "no"}, status=401)
    assert main(["login"]) == Exit.REFUSED
    assert read_login(alone.url) is None


def test_a_variable_that_wins_over_the_login_is_told(alone, monkeypatch, capsys):
    monkeypatch.setenv("POSTERN_TOKEN", "an.other.token")
    assert main(["login", "--json"]) == Exit.DONE
    said = capsys.readouterr()
    assert "POSTERN_TOKEN is set" in said.err
    assert json.loads(said.out)["principal"] == "people|ada"


@pytest.mark.parametrize(("origins", "code"), [([], Exit.REFUSED), (["http://localhost:1"], Exit.UNKNOWN)])
def test_an_endpoint_elsewhere_is_asked_only_where_the_operator_names_it(alone, origins, code):
    alone.offer_sign_in(origins=origins)
    elsewhere = alone.discovery(device_authorization_endpoint="http://localhost:1/device")
    alone.issue("/.well-known/openid-configuration", Reply(200, elsewhere))
    assert main(["login"]) == code  # nobody answers there


HOSTILE = {
    "discovery of another": ("/.well-known/openid-configuration", {"issuer": "https://evil.example"}),
    "an open token endpoint": ("/.well-known/openid-configuration", {"token_endpoint": "http://evil.example/t"}),
    "a token endpoint that is none": ("/.well-known/openid-configuration", {"token_endpoint": ["x"]}),
    "a user in the endpoint": ("/.well-known/openid-configuration", {"token_endpoint": "https://a:b@evil.example"}),
    "an open page": ("/device", {"verification_uri": "http://evil.example"}),
    "a page that is a program": ("/device", {"verification_uri": "javascript:alert(1)"}),
    "a page with a terminal's codes": ("/device", {"verification_uri": "https://evil.example/\x1b[2J"}),
    "codes behind a page's question mark": ("/device", {"verification_uri": "http://127.0.0.1/?\x1b[2J"}),
    "marks of direction behind it": ("/device", {"verification_uri": "http://127.0.0.1/#\u202e"}),
    "a page with a user": ("/device", {"verification_uri": "https://issuer.example@evil.example/"}),
    "a page of other letters": ("/device", {"verification_uri": "https://\u0456ssuer.example/"}),
    "a code with a terminal's codes": ("/device", {"user_code": "\x1b]0;owned\x07"}),
    "a code in two lines": ("/device", {"user_code": "AB\nCD"}),
    "a code without end": ("/device", {"user_code": "A" * 100}),
    "no device code": ("/device", {"device_code": ""}),
}


@pytest.mark.parametrize(("path", "change"), HOSTILE.values(), ids=HOSTILE.keys())
def test_an_issuer_that_lies_gets_nothing_shown_or_sent(alone, path, change, capsys):
    answer = alone.device(**change) if path == "/device" else alone.discovery(**change)
    alone.issue(path, Reply(200, answer))
    assert main(["login"]) == Exit.REFUSED
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.isprintable()
    assert not [one for one in alone.asked if one.path == "/issuer/token"]


def test_a_page_of_another_host_with_the_code_in_it_is_not_shown(alone, capsys):
    alone.issue("/device", Reply(200, alone.device(verification_uri_complete="http://localhost:1/?user_code=X")))
    assert main(["login"]) == Exit.DONE
    assert "localhost:1" not in capsys.readouterr().err


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_of_an_issuer_is_followed(alone, status):
    alone.issue("/token", Reply(status, b"", {"Location": f"{alone.origin}/thief"}))
    main(["login", "--client-credentials"])
    assert "/thief" not in [one.path for one in alone.asked]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERN_CLIENT_ID", "loader:1")
    monkeypatch.setenv("POSTERN_CLIENT_SECRET", "hu sh/%\n")


@pytest.mark.parametrize(
    "methods", [None, ["client_secret_basic"], ["client_secret_post"]], ids=["unsaid", "basic", "post"]
)
def test_a_program_shows_its_secret_as_the_issuer_takes_it(alone, program, methods):
    more = {} if methods is None else {"token_endpoint_auth_methods_supported": methods}
    alone.issue("/.well-known/openid-configuration", Reply(200, alone.discovery(**more)))
    assert (
        main(["login", "--client-credentials", "--issuer", alone.issuer, "--scope", "a", "--scope", "b"]) == Exit.DONE
    )
    [asked] = [one for one in alone.asked if one.path == "/issuer/token"]
    form = {"grant_type": "client_credentials", "scope": "a b"}
    if methods == ["client_secret_post"]:
        assert asked.body == {**form, "client_id": "loader:1", "client_secret": "hu sh/%"}
        assert "Authorization" not in asked.headers
    else:
        assert asked.body == form
        pair = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
        assert pair == "loader%3A1:hu+sh%2F%25"
    assert read_login(alone.url).token == NEW


@pytest.mark.parametrize("issuer", [None, "people", "https://evil.example"], ids=["unnamed", "by name", "another"])
def test_a_secret_goes_to_no_issuer_that_only_the_gate_names(alone, program, issuer, capsys):
    arguments = [] if issuer is None else ["--issuer", issuer]
    assert main(["login", "--client-credentials", *arguments]) == Exit.USAGE
    assert alone.paths() == ["GET /.well-known/oauth-protected-resource"]
    assert "hu sh" not in capsys.readouterr().err


def test_a_gate_that_names_its_own_issuer_gets_no_secret(alone, program):
    alone.answer(
        "/.well-known/oauth-protected-resource",
        {"resource": "https://the-real-gate.example", "authorization_servers": [alone.issuer]},
    )
    assert main(["login", "--client-credentials", "--issuer", alone.issuer]) == Exit.REFUSED
    assert alone.paths() == ["GET /.well-known/oauth-protected-resource"]


def test_nothing_that_was_got_is_ever_printed(alone, capsys):
    alone.issue("/token", Reply(200, {"access_token": NEW, "refresh_token": "the-refresh-token"}))
    for arguments in (["login"], ["login", "--json"], ["whoami"], ["whoami", "--json"], ["config", "show"], ["logout"]):
        assert main(arguments) == Exit.DONE
    said = capsys.readouterr()
    for secret in (NEW, "the-refresh-token", "the-device-code"):
        assert secret not in said.out + said.err


def test_whoami_shows_what_the_gate_says(gate, capsys):
    gate.answer("/v1/principal", {**PERSON, "on_behalf_of": "\x1b[2Jeve"})
    assert main(["whoami"]) == Exit.DONE
    out = capsys.readouterr().out
    assert "people|ada" in out
    assert "\\x1b[2Jeve" in out
    assert "from POSTERN_TOKEN" in out
    assert "may audit     nowhere" in out

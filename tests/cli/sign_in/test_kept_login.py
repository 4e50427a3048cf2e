"""A login that is kept: for its own gate, renewed while it can be, and forgotten for good."""

from __future__ import annotations

import json
import time

import pytest

from postern_cli.main import main
from postern_cli.settings.folders import config_folder
from postern_cli.sign_in.kept_login import login_path, read_login
from postern_cli.stop import Exit
from tests.support.fake_gate import Reply
from tests.support.logins import kept

NEW = "a.new.token"


def test_a_login_goes_to_its_own_gate_alone(alone, monkeypatch):
    kept(alone)
    monkeypatch.setenv("POSTERN_URL", f"{alone.origin}/another")
    assert main(["task", "list"]) == Exit.USAGE
    assert alone.asked == []


def test_each_gate_has_a_login_of_its_own(alone):
    other = kept(alone, gate="https://another.example", token="of.another")
    mine = kept(alone)
    assert (read_login(alone.url), read_login("https://another.example")) == (mine, other)


def test_a_login_that_ends_is_renewed_and_kept(alone):
    kept(alone, expires_at_s=int(time.time()) + 5, refresh_token="once")
    alone.issue("/token", Reply(200, {"access_token": NEW, "expires_in": 60, "refresh_token": "twice"}))
    alone.answer("/v1/tasks", {"tasks": []})
    assert main(["task", "list"]) == Exit.DONE
    [asked] = [one.body for one in alone.asked if one.path == "/issuer/token"]
    assert asked == {"grant_type": "refresh_token", "refresh_token": "once", "client_id": "postern-cli"}
    assert alone.asked[-1].headers["Authorization"] == f"Bearer {NEW}"
    assert (read_login(alone.url).token, read_login(alone.url).refresh_token) == (NEW, "twice")


def test_a_refresh_token_that_is_not_replaced_is_kept(alone):
    kept(alone, expires_at_s=1, refresh_token="always")
    alone.answer("/v1/tasks", {"tasks": []})
    assert main(["task", "list"]) == Exit.DONE
    assert read_login(alone.url).refresh_token == "always"


def test_what_another_process_renewed_is_not_renewed_again(alone, monkeypatch):
    from postern_cli.sign_in import grants

    old = kept(alone, expires_at_s=1, refresh_token="once")
    kept(alone, token=NEW, refresh_token="twice")
    assert grants.renewed(old).token == NEW
    assert alone.asked == []


def test_no_secret_is_said_in_a_login_that_is_shown(alone):
    login = kept(alone, refresh_token="the-refresh-token")
    assert "a.kept.token" not in repr(login)
    assert "the-refresh-token" not in repr(login)


def test_logout_forgets_here_and_at_the_issuer(alone, capsys):
    kept(alone, refresh_token="once")
    revoking = alone.discovery(revocation_endpoint=f"{alone.issuer}/revoke")
    alone.issue("/.well-known/openid-configuration", Reply(200, revoking))
    alone.issue("/revoke", Reply(200, b""))
    assert main(["logout", "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {"gate": alone.url, "forgotten": True, "revoked": True}
    [asked] = [one.body for one in alone.asked if one.path == "/issuer/revoke"]
    assert asked["token"] == "once"
    assert read_login(alone.url) is None


@pytest.mark.parametrize("spoilt", [b"{", b""], ids=["half", "empty"])
def test_logout_removes_a_login_that_cannot_be_read(alone, spoilt):
    kept(alone)
    login_path(alone.url).write_bytes(spoilt)
    assert main(["logout"]) == Exit.DONE
    assert not login_path(alone.url).exists()


def test_logout_removes_a_link_and_not_what_it_points_at(alone, tmp_path):
    kept(alone)
    login_path(alone.url).rename(tmp_path / "theirs")
    login_path(alone.url).symlink_to(tmp_path / "theirs")
    assert main(["logout"]) == Exit.DONE
    assert (tmp_path / "theirs").exists()
    assert list(config_folder().glob("login-*")) == []

"""The configuration: what holds of option, variable, profile, file and default; and how a key is set."""

from __future__ import annotations

import json

import pytest

from postern_cli.main import main
from postern_cli.settings.config_edit import edited
from postern_cli.settings.config_file import config_path, parse_config
from postern_cli.settings.keys import KEYS
from postern_cli.settings.private_files import write_private
from postern_cli.settings.resolve import resolve
from postern_cli.stop import Exit, Stop

FILE = """\
# the gates of this house
profile = "work"
database = "common"
output = "csv"

[profiles.work]   # of every day
url = "https://work.example"
database = "shop"

[profiles.play]
url = "https://play.example"
history = false
"""


@pytest.fixture
def written() -> None:
    write_private(config_path(), FILE.encode())


@pytest.mark.parametrize(
    ("profile", "environment", "expected"),
    [
        (None, {}, {"url": "https://work.example", "database": "shop", "output": "csv", "history": True}),
        ("play", {}, {"url": "https://play.example", "database": "common", "output": "csv", "history": False}),
        (None, {"POSTERN_PROFILE": "play"}, {"url": "https://play.example"}),
        ("work", {"POSTERN_PROFILE": "play"}, {"url": "https://work.example"}),
        (
            None,
            {"POSTERN_URL": "https://other.example", "POSTERN_HISTORY": "no"},
            {"url": "https://other.example", "history": False},
        ),
        (None, {"POSTERN_OUTPUT": ""}, {"output": "csv"}),
    ],
    ids=["the file's", "named", "by variable", "option over variable", "variables", "an empty variable is none"],
)
def test_the_nearest_wins(written, profile, environment, expected, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = resolve(profile)
    assert {key: settings.of[key].value for key in expected} == expected


def test_an_option_wins_over_everything(written, gate):
    gate.answer("/v1/tasks", {"tasks": []})
    assert main(["task", "list", "--url", gate.url, "--profile", "play"]) == Exit.DONE
    assert gate.paths() == ["GET /v1/tasks"]


def test_who_has_no_home_has_no_settings(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert resolve().text("url") is None


def test_without_a_file_the_defaults_hold():
    assert {key: one.value for key, one in resolve().of.items()} == {key: one.default for key, one in KEYS.items()}


def test_show_says_where_each_comes_from(written, monkeypatch, capsys):
    monkeypatch.setenv("POSTERN_OUTPUT", "json")
    assert main(["config", "show", "--json"]) == Exit.DONE
    said = json.loads(capsys.readouterr().out)
    assert {key: one["from"] for key, one in said["settings"].items()} == {
        "url": "profile work",
        "database": "profile work",
        "output": "POSTERN_OUTPUT",
        "history": "default",
        "audience": "not set",
    }
    assert said["profiles"] == ["play", "work"]


@pytest.mark.parametrize(
    ("key", "value", "profile", "line"),
    [
        ("database", "store", None, 'database = "store"'),
        ("database", "store", "work", 'database = "store"'),
        ("history", False, "work", "history = false"),
        ("url", "https://new.example", "new", "[profiles.new]"),
        ("audience", 'a"b', None, r'audience = "a\"b"'),
    ],
    ids=["common", "in a profile", "new in a profile", "new profile", "quoted"],
)
def test_a_key_is_set_and_all_else_stays(key, value, profile, line):
    after = edited(FILE, key, value, profile)
    assert line in after.splitlines()
    before, now = parse_config(FILE.encode()), parse_config(after.encode())
    where = now.common if profile is None else now.profiles[profile]
    assert where[key] == value
    assert "# the gates of this house" in after
    assert {name: one for name, one in now.profiles.items() if name != profile} == {
        name: one for name, one in before.profiles.items() if name != profile
    }


def test_what_lines_do_not_show_is_not_edited():
    with pytest.raises(Stop, match="by hand"):
        edited("profiles = {work = {url = 'https://a.example'}}\n", "url", "https://b.example", "work")


def test_setting_makes_a_file_that_is_read(capsys):
    assert main(["config", "set", "url", "https://gate.example", "--profile", "work"]) == Exit.DONE
    assert main(["config", "set", "profile", "work"]) == Exit.DONE
    assert resolve().text("url") == "https://gate.example"
    assert config_path().stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert main(["config", "path"]) == Exit.DONE
    assert capsys.readouterr().out.strip() == str(config_path())


def test_a_link_to_the_file_stays_a_link(tmp_path):
    (tmp_path / "dotfiles").mkdir(mode=0o700)
    (tmp_path / "dotfiles" / "postern.toml").write_text("output = 'csv'\n")
    (tmp_path / "dotfiles" / "postern.toml").chmod(0o644)
    config_path().parent.mkdir(parents=True, mode=0o700)
    config_path().symlink_to(tmp_path / "dotfiles" / "postern.toml")
    assert main(["config", "set", "database", "shop"]) == Exit.DONE
    assert config_path().is_symlink()
    assert 'database = "shop"' in (tmp_path / "dotfiles" / "postern.toml").read_text()


def test_what_cannot_be_read_is_not_written(capsys):
    write_private(config_path(), b"url = gate.example\n")
    assert main(["config", "set", "database", "shop"]) == Exit.USAGE
    assert config_path().read_bytes() == b"url = gate.example\n"

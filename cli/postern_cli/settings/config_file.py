"""`config.toml`: keys for every profile at the top, and tables `[profiles.NAME]` that stand above them.

    profile = "work"                      # the profile that is meant where none is named
    output = "table"
    [profiles.work]
    url = "https://postern.example.com"

Whoever can write this file chooses where a token of the environment is sent: so it is read only where nobody else can.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postern_cli.settings.folders import config_folder
from postern_cli.settings.keys import KEYS, Value
from postern_cli.settings.private_files import read_trusted
from postern_cli.stop import Exit, Stop

PROFILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What the file holds: checked, each value of its key's kind."""

    profile: str | None = None
    common: Mapping[str, Value] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


def config_path() -> Path:
    """Where the file is, or would be."""
    return config_folder() / "config.toml"


def read_config() -> ConfigFile:
    """The file's content; nothing where there is no file. Raises `Stop` where it is not of its form."""
    content = read_trusted(config_path())
    return ConfigFile() if content is None else parse_config(content)


def parse_config(content: bytes) -> ConfigFile:
    """The keys and profiles. Raises `Stop` (usage) that names the line or the key that is wrong."""
    try:
        found = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise _wrong("expected UTF-8 text, got something else") from error
    except ValueError as error:  # of TOML's own kind, or of Python's for a number of thousands of digits
        raise _wrong(f"expected TOML; {str(error)[:1].lower()}{str(error)[1:]}") from error
    except RecursionError as error:
        raise _wrong("expected TOML, got it too deep to read") from error
    profile, profiles = found.pop("profile", None), found.pop("profiles", {})
    if profile is not None and not (isinstance(profile, str) and PROFILE_NAME.fullmatch(profile)):
        raise _wrong("profile: expected a profile's name, got another value")
    if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
        raise _wrong("profiles: expected tables [profiles.NAME], got another value")
    for name in profiles:
        if not PROFILE_NAME.fullmatch(name):
            raise _wrong(f"profiles.{name}: expected a name of letters, digits, `_` and `-`")
    return ConfigFile(
        profile, _values(found, ""), {name: _values(one, f"profiles.{name}.") for name, one in profiles.items()}
    )


def _values(table: Mapping[str, Any], where: str) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, given in table.items():
        key = KEYS.get(name)
        if key is None:
            raise _wrong(f"{where}{name}: expected one of {', '.join(KEYS)}")
        # TOML's own kinds are as good as their words: `history = false` and `history = "false"`.
        text = str(given).lower() if isinstance(given, bool) else given
        if not isinstance(text, str):
            raise _wrong(f"{where}{name}: expected a text, got another value")
        try:
            values[name] = key.parse(text)
        except ValueError as error:
            raise _wrong(f"{where}{name}: expected {error}") from error
    return values


def _wrong(why: str) -> Stop:
    return Stop(Exit.USAGE, f"{config_path()}: {why}")

"""What holds for one command: its option, else the environment, else the profile, else the file, else the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from postern_cli.settings.config_file import ConfigFile, config_path, read_config
from postern_cli.settings.keys import KEYS, Value
from postern_cli.stop import Exit, Stop

PROFILE = "POSTERN_PROFILE"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it comes from."""

    value: Value | None
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All keys, for one profile."""

    profile: str | None
    of: Mapping[str, Setting]

    def text(self, key: str) -> str | None:
        value = self.of[key].value
        return value if isinstance(value, str) else None

    def is_on(self, key: str) -> bool:
        return self.of[key].value is True


def resolve(profile: str | None = None) -> Settings:
    """The settings for the named profile, or the one that the environment or the file names.

    Raises `Stop` (usage) for a profile that is not there, and for a value that its key does not take.
    """
    config = read_config()
    name = profile or os.environ.get(PROFILE) or config.profile
    if name is not None and name not in config.profiles:
        known = ", ".join(config.profiles) or "none"
        raise Stop(Exit.USAGE, f"profile {name}: expected one of the configuration's ({known}); see {config_path()}")
    return Settings(name, {key: _setting(key, name, config) for key in KEYS})


def _setting(key: str, profile: str | None, config: ConfigFile) -> Setting:
    said = KEYS[key]
    if text := os.environ.get(said.variable):
        try:
            return Setting(said.parse(text.strip()), said.variable)
        except ValueError as error:
            raise Stop(Exit.USAGE, f"{said.variable}: expected {error}") from error
    if profile is not None and key in config.profiles[profile]:
        return Setting(config.profiles[profile][key], f"profile {profile}")
    if key in config.common:
        return Setting(config.common[key], "config.toml")
    return Setting(said.default, "default" if said.default is not None else "not set")

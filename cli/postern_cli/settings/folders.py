"""Where what a person sets and what is kept for them lies, by the XDG base directory specification."""

from __future__ import annotations

import os
from pathlib import Path

_NO_HOME = Path("/nonexistent")  # as systems write it: nothing is there, and nothing can be kept


def config_folder() -> Path:
    """`$XDG_CONFIG_HOME/postern`: the configuration and the logins."""
    return _base("XDG_CONFIG_HOME", ".config") / "postern"


def state_folder() -> Path:
    """`$XDG_STATE_HOME/postern`: the history of the prompt."""
    return _base("XDG_STATE_HOME", ".local/state") / "postern"


def _base(name: str, default: str) -> Path:
    # The specification: a path that is not absolute is to be ignored.
    given = os.environ.get(name, "")
    if Path(given).is_absolute():
        return Path(given)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one, as containers have
    return (home if home.is_absolute() else _NO_HOME) / default

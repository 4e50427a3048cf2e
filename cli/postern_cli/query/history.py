"""What was typed at the prompt, kept in a file that only its owner can read; or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

from postern_cli.settings.folders import state_folder
from postern_cli.settings.private_files import read_private, write_private

MOST_LINES = 500


class PrivateHistory(History):
    """A JSON text a line, the newest last, at most `MOST_LINES`: written whole each time.

    Raises `Stop` where it is made, and there is a file that is not private: once the prompt runs it is too late to say.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._read()

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._read())

    def store_string(self, string: str) -> None:
        if string.startswith(" "):  # as shells have it: what begins with a space is not kept
            return
        lines = [*self._read(), string][-MOST_LINES:]
        write_private(self._path, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def _read(self) -> list[str]:
        lines = []
        for line in (read_private(self._path) or b"").splitlines():
            try:
                held = json.loads(line)
            except ValueError:
                continue  # a line that another program wrote
            if isinstance(held, str):
                lines.append(held)
        return lines


def history_path() -> Path:
    """Where the history is."""
    return state_folder() / "history"

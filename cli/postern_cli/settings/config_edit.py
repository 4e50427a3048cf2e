"""One key set in a TOML text by lines, so that comments and order stay as the person wrote them."""

from __future__ import annotations

import json
import re
import tomllib

from postern_cli.stop import Exit, Stop


def edited(text: str, key: str, value: str | bool, profile: str | None) -> str:
    """The text with the key set at its top, or in `[profiles.NAME]`.

    Raises `Stop` (usage) where the text is written in a way that lines do not show, such as inline tables.
    """
    lines = text.splitlines()
    start, end = _section(lines, profile)
    if start is None:
        lines += [*([""] if lines else []), f"[profiles.{profile}]"]
        start = end = len(lines)
    line = f"{key} = {_literal(value)}"
    held = re.compile(rf"\s*{re.escape(key)}\s*=")
    place = next((at for at in range(start, end) if held.match(lines[at])), None)
    if place is None:
        while end > start and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, line)
    else:
        lines[place] = line
    result = "\n".join(lines) + "\n"
    _check(result, key, value, profile)
    return result


def _section(lines: list[str], profile: str | None) -> tuple[int | None, int]:
    """The lines of the table, from and to; no start where there is none."""
    headers = [at for at, line in enumerate(lines) if line.lstrip().startswith("[")]
    if profile is None:
        return 0, headers[0] if headers else len(lines)
    for place, at in enumerate(headers):
        if re.fullmatch(rf"\s*\[\s*profiles\s*\.\s*\"?{re.escape(profile)}\"?\s*\]\s*(#.*)?", lines[at]):
            return at + 1, headers[place + 1] if place + 1 < len(headers) else len(lines)
    return None, len(lines)


def _literal(value: str | bool) -> str:
    """TOML's basic strings take what JSON writes, for texts that can be printed."""
    return json.dumps(value, ensure_ascii=False)


def _check(text: str, key: str, value: str | bool, profile: str | None) -> None:
    try:
        table = tomllib.loads(text)
        held = (table if profile is None else table["profiles"][profile])[key]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        held = None
    if held != value:
        raise Stop(Exit.USAGE, f"config: expected a file that can be changed line by line; set {key} in it by hand")

"""Tables that a script prints, a page quotes between two marks, and a check holds equal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
_END = "<!-- end -->"


def options(told: str | None) -> argparse.ArgumentParser:
    """What a script that calls `publish` takes; `--help` shows the first line of `told`, its docstring."""
    parser = argparse.ArgumentParser(description=(told or "").partition("\n")[0])
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--write", action="store_true", help="put what is printed into its page under docs/")
    either.add_argument("--check", action="store_true", help="fail where the page has another")
    return parser


def quoted(page: str, script: str) -> str:
    """What the page has between this script's marks. Raises `ValueError` where there are none."""
    return _split(page, script)[1].strip()


def publish(page: str, script: str, text: str) -> None:
    """Prints the text; with `--write` puts it into the page; with `--check` fails where the page has another."""
    if "--write" in sys.argv:
        before, _, after = _split(page, script)
        (DOCS / page).write_text(f"{before}\n\n{text}\n\n{_END}{after}")
    elif "--check" in sys.argv:
        if quoted(page, script) != text:
            sys.exit(f"docs/{page}: expected what `python -m {script}` prints; --write puts it there")
        print(f"docs/{page} quotes {script}")
    else:
        print(text)


def _split(page: str, script: str) -> tuple[str, str, str]:
    """Up to and with the first mark, between the marks, after the second."""
    mark = f"<!-- begin: python -m {script} --write -->"
    before, begin, rest = (DOCS / page).read_text().partition(mark)
    within, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"docs/{page}: expected {mark} and {_END}, got no such marks")
    return before + begin, within, after

"""Writes the texts anew. Look at what changed before it is kept: that is what they are for."""

from __future__ import annotations

import sys

from tests.cli.golden.texts import FOLDER, all_texts


def write() -> None:
    texts = all_texts()
    for name, text in texts.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {name}")
    for path in FOLDER.rglob("*.txt"):
        if str(path.relative_to(FOLDER)) not in texts:
            path.unlink()
            print(f"removed {path.name}")


if sys.argv[1:] == ["--write"]:
    write()
else:
    print("python -m tests.cli.golden --write")
    raise SystemExit(2)

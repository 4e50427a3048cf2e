"""Writes docs/licences.md from what is installed at the pinned versions. Run it after `make lock`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from scripts.licences import CHOSEN, DATA
from scripts.shipped import Part, command_line, compiled_into, layer

PAGE = Path(__file__).resolve().parent.parent / "docs" / "licences.md"

_HEAD = """\
# Licences of what ships

Postern is under the Apache License 2.0 (`LICENSE`). What comes with it, at the pinned versions, is below, made by
`python -m scripts.generate_licences_doc`; `make sbom` tells the same of the built layer as CycloneDX, with digests.
Nothing of it is under the GPL or the AGPL, which a test holds, by what the wheels say and by the licence files that
they bring. An expression with OR leaves the choice to who takes it; here the one that asks for nothing is taken.
"""
_CHOSEN = """
## Those that ask for something

| distribution | licence | where |
|---|---|---|
{rows}

The LGPL is a weak copyleft licence: the library is used as it is, in files of its own, and can be replaced in the layer
and in an environment by another version. Whoever passes the layer on must pass on its source, or an offer of it, and
its licence, and let the user replace it: `docs/limitations.md` says what that means here. The MPL holds for the file
alone, a list of certificates that is passed on as it is.
"""
_OWN = """
## The console, the report, the pages

All of it is Postern's own: scripts, styles, the icon, the pictures. No font is brought along (pages use the fonts of
the reader's system), no library of somebody else's is in the scripts, and nothing is loaded from elsewhere.

## Not shipped

What tests and checks run is pinned in `requirements/` and installed in environments of its own; none of it is in a
layer, in a function or in the command line. One of them is under the AGPL, and stays a program of its own that only
`make evaluator` fetches: `@cloud-copilot/iam-simulate`, which tests hold our evaluation of rights against.
"""


@cache
def page() -> str:
    """The whole page."""
    layer_, cli = layer(), command_line()
    both = {part.name: part for part in (*cli, *layer_)}
    parts = [_HEAD, _chosen(layer_, cli), "\n## The layer of dependencies\n\n", _table(layer_)]
    parts += ["\n## The command line\n\nBeside those of the layer:\n\n", _table(_beside(cli, layer_))]
    parts += ["\n## Compiled into them\n\n", _compiled(both.values()), _OWN]
    return "".join(parts)


def _beside(parts: Iterable[Part], others: Iterable[Part]) -> list[Part]:
    names = {part.name for part in others}
    return [part for part in parts if part.name not in names]


def _chosen(layer_: Iterable[Part], cli: Iterable[Part]) -> str:
    places = defaultdict(list)
    for where, parts in (("layer", layer_), ("command line", cli)):
        for part in parts:
            if part.name in CHOSEN:
                places[part.name, part.licence].append(where)
    rows = [f"| **{name}/{file}** | **{licence}** | layer, command line |" for (name, file), licence in DATA.items()]
    rows += [
        f"| **{name}** | **{licence}** | {', '.join(where)} |" for (name, licence), where in sorted(places.items())
    ]
    return _CHOSEN.format(rows="\n".join(rows))


def _table(parts: Iterable[Part]) -> str:
    rows = (f"| {part.name} | {part.version} | {part.licence} |\n" for part in parts)
    return "| distribution | version | licence |\n|---|---|---|\n" + "".join(rows)


def _compiled(parts: Iterable[Part]) -> str:
    """By distribution and licence: there are hundreds of Rust crates, most of them under one licence."""
    lines = ["| distribution | licence | what |\n|---|---|---|\n"]
    for part in sorted(parts, key=lambda part: part.name):
        by_licence = defaultdict(list)
        for one in compiled_into(part.name):
            by_licence[one.licence].append(f"{one.name} {one.version}".strip())
        for licence, names in sorted(by_licence.items()):
            lines.append(f"| {part.name} | {licence} | {', '.join(sorted(names))} |\n")
    return "".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == page() else f"{PAGE}: expected what is installed here, got another text")
    PAGE.write_text(page())

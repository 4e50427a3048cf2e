"""What ships or is installed with what ships, by distribution, and what stands inside compiled parts.

Told by what is installed here at the pinned versions: nothing is fetched. A wheel that says itself what was compiled
into it (PEP 770) is believed; what others hold is in `BUNDLED`, read from their sources and licence files.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from scripts.licences import expression_of
from scripts.pins import normalised, read_pins

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "layers" / "deps" / "requirements.txt"
_COMPILED = (".so", ".pyd", ".dylib")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of software under a licence; `inside` names the distribution that it was compiled into, if any."""

    name: str
    version: str
    licence: str
    inside: str = ""


# By distribution: what its compiled part holds beside its own code. An empty one holds nothing else.
BUNDLED: dict[str, tuple[tuple[str, str], ...]] = {
    "cffi": (("libffi", "MIT"),),
    "google-re2": (("RE2", "BSD-3-Clause"), ("Abseil", "Apache-2.0"), ("pybind11", "BSD-3-Clause")),
    "markupsafe": (),
    "msgspec": (("Ryu", "Apache-2.0 OR BSL-1.0"),),
    # Its THIRD-PARTY-LICENSES names these.
    "postgast": (
        ("libpg_query", "BSD-3-Clause"),
        ("PostgreSQL's parser", "PostgreSQL"),
        ("protobuf-c", "BSD-2-Clause"),
        ("xxHash", "BSD-2-Clause"),
    ),
    "protobuf": (("upb", "BSD-3-Clause"), ("utf8_range", "MIT")),
    "pyyaml": (("libyaml", "MIT"),),
    "wcwidth": (),
    "wrapt": (),
}
# Whose list it is: what is needed elsewhere is not in the page, and the page is the same on every machine.
_HERE = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "platform_system": "Linux"}
# Told by a wheel's own document without a licence.
_SAID_WITHOUT = {"openssl": "Apache-2.0"}


def layer() -> list[Part]:
    """The layer of dependencies, at its own versions."""
    return [Part(name, pin.version, _licence(distribution(name))) for name, pin in sorted(read_pins(LAYER).items())]


def command_line() -> list[Part]:
    """What `pip install postern` brings along, at the versions that are tested."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = dict(_closure(project["dependencies"]))
    return [Part(name, one.version, _licence(one)) for name, one in sorted(found.items())]


def _closure(lines: Iterable[str]) -> Iterator[tuple[str, Distribution]]:
    open_, seen = [Requirement(line) for line in lines], set()
    while open_:
        wanted = open_.pop()
        name = normalised(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        found = distribution(name)
        yield name, found
        extras = {"", *wanted.extras}
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({**_HERE, "extra": extra}) for extra in extras):
                open_.append(needed)


@cache
def compiled_into(name: str) -> tuple[Part, ...]:
    """What stands inside a distribution's compiled part. Raises `KeyError` where nobody has said."""
    found = distribution(name)
    documents = [one for one in found.files or () if ".dist-info/sboms/" in one.as_posix() and one.suffix == ".json"]
    if documents:
        return tuple({part for one in documents for part in _said(name, one.read_text())})
    if not any(one.name.endswith(_COMPILED) for one in found.files or ()):
        return ()
    return tuple(Part(library, "", licence, name) for library, licence in BUNDLED[name])


def _said(inside: str, text: str) -> Iterator[Part]:
    for one in json.loads(text).get("components", []):
        told = [each.get("expression") or each["license"].get("id", "") for each in one.get("licenses", [])]
        licence = " AND ".join(f"({each})" if len(told) > 1 else each for each in told) or _SAID_WITHOUT[one["name"]]
        yield Part(one["name"], one.get("version", ""), " ".join(licence.split()), inside)


def licence_texts(name: str) -> Iterator[str]:
    """The licence files that a distribution brings along."""
    for one in distribution(name).files or ():
        if ".dist-info" in one.as_posix() and any(word in one.name.upper() for word in ("LICEN", "COPYING", "NOTICE")):
            yield one.read_text()


def _licence(found: Distribution) -> str:
    told = found.metadata.json  # as pip's report has it
    return expression_of(normalised(str(told["name"])), told)

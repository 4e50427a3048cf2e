"""What a requirements file pins, read strictly: names, versions and hashes, and nothing that leads elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+_-]+)(?: *; *(?P<marker>[^\\]+?))? *"
    r"(?P<hashes>(?:--hash=sha256:[0-9a-f]{64} *)+)"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution at one version, and the SHA-256 of each archive of it that may be installed."""

    name: str  # as PyPI normalises it
    version: str
    hashes: tuple[str, ...]


def normalised(name: str) -> str:
    """The name as indexes compare it (the packaging specification's "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(path: Path) -> dict[str, Pin]:
    """The pins of this file by name. Raises `ValueError` for a line that is anything else."""
    pins: dict[str, Pin] = {}
    for line in _lines(path.read_text()):
        matched = _PIN.fullmatch(line)
        if matched is None:
            raise ValueError(f"{path.name}: expected name==version with --hash=sha256, got {line[:80]!r}")
        pin = Pin(normalised(matched["name"]), matched["version"], tuple(_HASH.findall(matched["hashes"])))
        if pin.name in pins:
            raise ValueError(f"{path.name}: expected {pin.name} once, got it twice")
        pins[pin.name] = pin
    return pins


def _lines(text: str) -> list[str]:
    """Logical lines: continued ones joined, comments and empty ones left out."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(kept).replace("\\\n", " ")
    return [re.sub(r"\s+", " ", line).strip() for line in joined.splitlines() if line.strip()]

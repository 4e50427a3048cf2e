"""What a build says of itself: which code and which template it was made from, so that records can name both.

`build.json`, canonical JSON, at the root of the core layer. It is made of the sources alone, without times, names or
the version control's state: two builds of one commit give one file. A member may be added, none changes its meaning.

    code      digest of what runs: the package, the handlers, the pinned packages
    package   digest of the package alone, which the function that records a deploy compares with its own files
    template  digest of template.yaml and every template in infra/
    version   the product's version, `+` and the first 12 digits of `code`: what each record names
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.canonical import canonical_bytes, malformed, parse_canonical
from postern.audit.chain import CODE_VERSION
from postern.types import Sha256Hex

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEMBERS = ("code", "package", "template", "version")
_VERSION_DIGITS = 12
_DOMAIN = b"postern files 1\n"
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """One build. `version` is the code version that records carry."""

    version: str
    code: Sha256Hex
    package: Sha256Hex
    template: Sha256Hex


def build_facts(product: str, code: Sha256Hex, package: Sha256Hex, template: Sha256Hex) -> BuildFacts:
    """The facts of a build of this product version."""
    return BuildFacts(f"{product}+{code[:_VERSION_DIGITS]}", code, package, template)


def files_digest(files: Mapping[str, bytes]) -> Sha256Hex:
    """SHA-256 over every file's path and bytes, each after its length, in the order of the paths as UTF-8."""
    digest = hashlib.sha256(_DOMAIN)
    for path, data in sorted((path.encode(), data) for path, data in files.items()):
        for part in (path, data):
            digest.update(len(part).to_bytes(_LENGTH_BYTES))
            digest.update(part)
    return Sha256Hex(digest.hexdigest())


def format_build_facts(facts: BuildFacts) -> bytes:
    """The file's bytes."""
    return canonical_bytes({name: getattr(facts, name) for name in _MEMBERS})


def parse_build_facts(data: bytes) -> BuildFacts:
    """The facts in the file. Raises `IntegrityError` (`evidence.malformed`) where it has not the form."""
    members = parse_canonical(data)
    if set(members) != set(_MEMBERS):
        raise malformed("build facts", ", ".join(_MEMBERS), ", ".join(sorted(members))[:80] or "none")
    text = {name: value for name, value in members.items() if isinstance(value, str)}
    for name in ("code", "package", "template"):
        if _SHA256.fullmatch(text.get(name, "")) is None:
            raise malformed(name, "a SHA-256 of 64 lower-case hex digits", "another form")
    version, code = text.get("version", ""), text["code"]
    if CODE_VERSION.fullmatch(version) is None or not version.endswith(f"+{code[:_VERSION_DIGITS]}"):
        raise malformed("version", "a version that ends in the code's digest", repr(version)[:80])
    return BuildFacts(version, Sha256Hex(code), Sha256Hex(text["package"]), Sha256Hex(text["template"]))

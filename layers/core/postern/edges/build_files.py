"""`build.json` and what it is made of, on disk: read by the functions, made by the build and by the local stack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import postern
from postern.audit.build_facts import BuildFacts, build_facts, files_digest, parse_build_facts
from postern.errors import IntegrityError, PolicyUnavailable
from postern.types import Sha256Hex
from postern.version import __version__

PACKAGE = Path(str(postern.__file__)).parent
FILE = "build.json"
_COMPILED = re.compile(r"(.*/)?__pycache__/.*|.*\.pyc")


@cache
def read_build_facts(path: str) -> BuildFacts:
    """The facts beside the code that runs. Raises `PolicyUnavailable` where there are none or they are malformed."""
    try:
        return parse_build_facts(Path(path).read_bytes())
    except OSError as error:
        raise _wrong(f"{path}: expected what was built, got: {error.strerror}") from error
    except IntegrityError as error:
        raise _wrong(f"{path}: {error.detail}") from error


@dataclass(frozen=True, slots=True)
class BuiltFiles:
    """Implements `deploy_ports.Build`: facts that were left over from another build are found out."""

    path: str

    def facts(self) -> BuildFacts:
        facts = read_build_facts(self.path)
        found = files_digest(_files(PACKAGE, [PACKAGE], "*.py"))
        if found != facts.package:
            raise _wrong(f"{self.path}: expected facts of the code that runs, got those of another build")
        return facts


def project_facts(project: Path) -> BuildFacts:
    """The facts of the project in this folder, as a build of it writes them. Raises `OSError`."""
    package = project / "layers/core/postern"
    functions = _files(project, [project / "functions"], "*")  # handlers, and the page that the console hands out
    # What decides which third-party code runs with them, and how all of it is laid out.
    build = _files(project, [project / "layers/deps"], "*") | _files(project, [project / "layers/core"], "Makefile")
    own: Sha256Hex = files_digest(_files(package, [package], "*.py"))
    code = files_digest({**_files(project, [package], "*"), **functions, **build})
    templates = {"template.yaml": (project / "template.yaml").read_bytes()}
    templates |= _files(project, [project / "infra"], "*.yaml")
    return build_facts(__version__, code, own, files_digest(templates))


def _files(base: Path, folders: Iterable[Path], pattern: str) -> dict[str, bytes]:
    found = (path for folder in folders for path in folder.rglob(pattern) if path.is_file())
    named = ((path.relative_to(base).as_posix(), path) for path in found)
    return {name: path.read_bytes() for name, path in named if not _COMPILED.fullmatch(name)}


def _wrong(detail: str) -> PolicyUnavailable:
    return PolicyUnavailable("policy.unavailable", f"{detail}: build and deploy again with make deploy")

"""Looks at what `sam build` left: what the functions use and nothing else, for the processor that is asked for.

Prints the size of each layer against Lambda's limit, and for each wheel the module that imports it. Exit status 1 where
something does not belong there, or is missing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.build_imports import Found, importers, wheels

LIMIT_BYTES = 262_144_000  # of a function and its layers, unzipped: Lambda's quota of 250 MB
LAYERS = ("DepsLayer", "CoreLayer")
MACHINES = {"arm64": 183, "x86_64": 62}  # e_machine of an ELF file
_ELF = b"\x7fELF"
_UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: never compared with a source, whose time a layer may change
_NOT_SHIPPED = re.compile(
    r"(?:^|/)(?:tests?|testing|examples?|\.git|\.github|bin)/"
    r"|(?:^|/)(?:test_[^/]*|conftest|setup)\.py$"
    r"|\.(?:pyi|pyx|pxd|c|h|cc|cpp|md|rst|html|orig|swp)$"
)
# What is read all the same: wheels' metadata, what Powertools imports whatever its name, the console's pages.
_SHIPPED = re.compile(
    r"\.dist-info/|^DepsLayer/python/aws_lambda_powertools/.*/testing/|^ConsoleFunction/assets/[a-z_]+\.html$"
)


@dataclass(frozen=True, slots=True)
class Build:
    """What was built: a folder for each function, one for each layer."""

    root: Path

    @property
    def layers(self) -> list[Path]:
        return [self.root / name / "python" for name in LAYERS]

    @property
    def functions(self) -> list[Path]:
        return sorted(path.parent for path in self.root.glob("*Function/handler.py"))

    def files(self) -> Iterator[Path]:
        folders = [*(self.root / name for name in LAYERS), *self.functions]
        return (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())

    def named(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.check_build")
    parser.add_argument("--built", type=Path, default=Path(".aws-sam/build"))
    parser.add_argument("--architecture", choices=sorted(MACHINES), default="arm64")
    parser.add_argument(
        "--imports", action="store_true", help="import every handler: on a machine of that architecture"
    )
    given = parser.parse_args()
    build = Build(given.built)
    if not build.functions or not all(layer.is_dir() for layer in build.layers):
        sys.exit(f"{build.root}: expected functions and their layers, got none: run make build")
    found = importers([build.layers[1], build.layers[0]], build.functions)
    wrong = [*strangers(build), *wrong_machines(build, given.architecture), *bytecode(build), *unused(build, found)]
    wrong += print_sizes(build)
    if given.imports:
        wrong += imports(build)
    for one in wrong:
        sys.stdout.write(f"{one}\n")
    return 1 if wrong else 0


def strangers(build: Build) -> list[str]:
    """Files that no function reads: tests, documentation, sources of extensions."""
    names = (build.named(path) for path in build.files())
    return [f"{name}: expected nothing that no function reads" for name in names if _is_stranger(name)]


def _is_stranger(name: str) -> bool:
    return _NOT_SHIPPED.search(name) is not None and _SHIPPED.search(name) is None


def bytecode(build: Build) -> list[str]:
    """Bytecode is there for every module of the layers, of the runtime's version, and trusted without a look."""
    wrong = []
    for path in build.files():
        if path.suffix == ".pyc":
            source = path.parent.parent / f"{path.name.partition('.')[0]}.py"
            if not path.name.endswith(".cpython-313.pyc") or not source.is_file():
                wrong.append(f"{build.named(path)}: expected bytecode of Python 3.13 beside its source")
            elif path.read_bytes()[4:8] != _UNCHECKED_HASH:
                wrong.append(f"{build.named(path)}: expected bytecode that is not compared with its source")
    for layer in build.layers:
        compiled = {path.parent.parent / f"{path.name.partition('.')[0]}.py" for path in layer.rglob("*.pyc")}
        missing = sorted(set(layer.rglob("*.py")) - compiled)
        wrong += [f"{build.named(path)}: expected its bytecode: each cold start would compile it" for path in missing]
    return wrong


def wrong_machines(build: Build, architecture: str) -> list[str]:
    """Compiled files for another processor, and none at all: then the wheels are not the platform's."""
    compiled = [path for path in build.files() if path.read_bytes()[:4] == _ELF]
    if not compiled:
        return [f"{build.root}: expected compiled modules for {architecture}, got none"]
    return [
        f"{build.named(path)}: expected a file for {architecture}, got one for another processor"
        for path in compiled
        if int.from_bytes(path.read_bytes()[18:20], "little") != MACHINES[architecture]
    ]


def unused(build: Build, found: Found) -> list[str]:
    """Prints who imports each wheel; the wheels that nobody does."""
    wrong = []
    for wheel in wheels(build.layers[0]):
        importer = next((found[module] for module in wheel.modules if module in found), None)
        size = sum(path.stat().st_size for path in wheel.files if path.is_file())
        sys.stdout.write(f"{wheel.name:28} {size / 1e6:7.2f} MB  {importer or '-'}\n")
        if importer is None:
            wrong.append(f"{wheel.name}: expected a module that imports it, got none: leave it out")
    return wrong


def print_sizes(build: Build) -> list[str]:
    """Prints the layers' sizes; what is over the limit."""
    layers = {name: _bytes((build.root / name).rglob("*")) for name in LAYERS}
    largest = max(_bytes(folder.rglob("*")) for folder in build.functions)
    whole = sum(layers.values()) + largest
    for name, size in {**layers, "largest function": largest, "all, of 262.1 MB": whole}.items():
        sys.stdout.write(f"{name:28} {size / 1e6:7.2f} MB\n")
    return [] if whole <= LIMIT_BYTES else [f"layers: expected at most {LIMIT_BYTES} bytes unzipped, got {whole}"]


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def imports(build: Build) -> list[str]:
    """Each handler, and each compiled module, is imported from the layers and the standard library alone."""
    python = shutil.which("python3.13")
    if python is None:
        return ["python3.13: expected it in PATH to import the handlers, got none"]
    wrong = []
    for folder in build.functions:
        paths = [str(folder), *map(str, build.layers)]
        run = subprocess.run(  # noqa: S603 - the build's own Python
            [python, "-I", "-S", "-B", "-c", _IMPORT, *paths], env={"PATH": os.defpath}, capture_output=True, text=True
        )
        if run.returncode != 0:
            wrong.append(
                f"{folder.name}: expected its handler to be imported, got: {run.stderr.strip().splitlines()[-1]}"
            )
    return wrong


_IMPORT = """
import importlib, sys
from pathlib import Path
sys.path[:0] = [str(Path(one).resolve()) for one in sys.argv[1:]]
import handler
for path in sorted(Path(sys.argv[2]).glob("**/*.so")):
    name = path.relative_to(sys.argv[2]).with_name(path.name.partition(".")[0]).as_posix().replace("/", ".")
    if not path.name.startswith("lib"):  # a library that a module of its package opens
        importlib.import_module(name)
import postgast
postgast.parse("SELECT 1")
"""

if __name__ == "__main__":
    sys.exit(main())

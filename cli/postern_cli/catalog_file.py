"""A catalog named on the command line: a file, or one of a policy layer's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from postern.errors import PolicyFileError
from postern.policy.catalog import Catalog, parse_catalog
from postern.yaml_lines import MAX_BYTES
from postern_cli.stop import Exit, Stop


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """A catalog that loads, and the bytes that it was read from."""

    catalog: Catalog
    text: bytes
    name: str  # as messages call the file


def read_catalog(catalog: Path | None, policy: Path | None, database: str | None) -> CatalogFile | None:
    """The catalog that the options name; None where they name none. Raises `Stop` and `PolicyFileError`."""
    if catalog is not None and policy is not None:
        raise Stop(Exit.USAGE, "expected --catalog or --policy, got both")
    if database is not None and policy is None:
        raise Stop(Exit.USAGE, "--database: expected --policy DIR beside it, which it chooses from")
    if policy is not None:
        return _read(_chosen(policy, database), f"catalog/{_chosen(policy, database).name}")
    return None if catalog is None else _read(catalog, catalog.name)


def _chosen(policy: Path, database: str | None) -> Path:
    folder = policy / "catalog"
    if database is not None:
        return folder / f"{database}.yaml"
    files = sorted(folder.glob("*.yaml"))
    if len(files) != 1:
        names = ", ".join(path.stem for path in files) or "none"
        raise Stop(Exit.USAGE, f"--database: expected it where {folder} does not hold exactly one catalog, got {names}")
    return files[0]


def _read(path: Path, name: str) -> CatalogFile:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{path}: expected a readable catalog, got {error.strerror}") from error
    try:
        return CatalogFile(parse_catalog(text, file=name), text, name)
    except UnicodeError as error:
        raise PolicyFileError(name, None, "expected UTF-8, got other bytes") from error

"""Who imports whom in a build, read from the sources: from the handlers on, through everything that they can reach."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Found = Mapping[str, str]  # a module's name: the one that imports it

# Imports by compiled code, which no source shows.
_BY_COMPILED = {"cryptography.hazmat.bindings._rust": ("_cffi_backend",)}
_SUFFIXES = (".py", ".abi3.so", ".so")


@dataclass(frozen=True, slots=True)
class Wheel:
    """An installed wheel: what its RECORD lists."""

    name: str
    files: tuple[Path, ...]
    modules: tuple[str, ...]


def wheels(layer: Path) -> list[Wheel]:
    """The wheels of a layer, by name."""
    return [_wheel(layer, record) for record in sorted(layer.glob("*.dist-info/RECORD"))]


def _wheel(layer: Path, record: Path) -> Wheel:
    names = [line.rsplit(",", 2)[0].strip('"') for line in record.read_text().splitlines()]
    files = tuple(layer / name for name in names)
    modules = (_module_name(name) for name in names if name.endswith((".py", ".so")))
    return Wheel(record.parent.name.removesuffix(".dist-info"), files, tuple(sorted(set(modules))))


def _module_name(file: str) -> str:
    folder, _, name = file.rpartition("/")
    parts = [*folder.split("/"), name.partition(".")[0]] if folder else [name.partition(".")[0]]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def importers(layers: Sequence[Path], functions: Sequence[Path]) -> Found:
    """Every module of the layers that a handler can reach, at its top or inside a function."""
    found: dict[str, str] = {}
    waiting = [(folder.name, folder / "handler.py") for folder in functions]
    while waiting:
        importer, path = waiting.pop()
        for name in _names(importer, path):
            for module in _whole(name):
                file = _file(layers, module)
                if file is not None and module not in found:
                    found[module] = importer
                    waiting.append((module, file))
    return found


def _whole(name: str) -> Iterator[str]:
    """The packages that lead to a module, and it: importing it runs them all."""
    parts = name.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _file(layers: Sequence[Path], module: str) -> Path | None:
    for layer in layers:
        path = layer.joinpath(*module.split("."))
        if path.is_dir():
            return path / "__init__.py"
        for suffix in _SUFFIXES:
            for file in (
                path.parent.glob(f"{path.name}{suffix}") if suffix == ".py" else path.parent.glob(f"{path.name}.*so")
            ):
                return file
    return None


def _names(module: str, path: Path) -> Iterator[str]:
    yield from _BY_COMPILED.get(module, ())
    if path.suffix != ".py" or not path.is_file():
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(package, node)
            yield base
            yield from (f"{base}.{one.name}" for one in node.names)


def _base(package: str, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)

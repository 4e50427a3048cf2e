"""The arrows between packages, what pure packages may touch, and the length of handlers and functions."""

from __future__ import annotations

import ast
import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "layers/core/postern"
PURE = (
    "identity",
    "policy",
    "world",
    "guard",
    "masking",
    "audit",
    "catalog_scan",
    "tlog",
    "statement_text",
    "reconcile",
    "witness",
    "run_once",
)
PURE_MODULES = {
    path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__" and not path.stem.endswith("ports")
}
NOUNS = {f"postern.{module}" for module in PURE_MODULES}

# What a pure package may import besides itself, the standard library and the nouns: the library its work is about,
# and the pure packages below it.
MAY_IMPORT = {
    "identity": {"jwt", "cryptography", "re2", "msgspec"},
    "policy": {"cedarpy", "yaml", "postgast", "google", "postern.identity", "postern.world", "postern.masking"},
    "world": {"postgast", "postern.masking"},
    "guard": {"postgast", "google", "postern.world"},
    "masking": {"re2", "stdnum", "phonenumbers", "postgast", "google"},
    "audit": {"rfc8785", "postern.tlog"},
    "reconcile": {"postern.audit"},
    "tlog": {"cryptography"},
    "witness": {"cryptography", "postern.tlog"},
    "run_once": {"postgast", "google", "postern.guard", "postern.world"},
    "catalog_scan": {"postern.policy", "postern.world", "postern.masking"},
    "statement_text": {"cryptography", "postgast", "postern.audit", "postern.guard", "postern.masking"},
}
PURE_MODULE_LIBRARIES = {"msgspec", "yaml", "postern.ports"}
SDKS = {"boto3", "botocore", "pg8000", "aws_lambda_powertools", "moto", "requests", "urllib3", "socket", "http"}
IMPURE_STANDARD_LIBRARY = {
    "asyncio",
    "http",
    "importlib.resources",
    "multiprocessing",
    "os",
    "pathlib.Path",
    "random",
    "secrets",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
}
IMPURE_CALLS = {"open", "now", "utcnow", "today", "input", "urandom", "getenv"}


@dataclass(frozen=True, slots=True)
class Source:
    """What the rules ask about a file, without its tree: kept, all the trees slow the garbage collector down."""

    path: Path
    lines: int
    is_a_table: bool
    imports: tuple[str, ...]
    impure_calls: tuple[str, ...]  # each with its line
    functions: tuple[Function, ...]

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    lines: int
    is_numbered: bool


def sources(folder: Path) -> list[Source]:
    paths = sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    assert paths, f"{folder}: expected modules"
    return [source(path) for path in paths]


@cache
def source(path: Path) -> Source:
    text = path.read_text()
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    return Source(
        path,
        text.count("\n"),
        is_a_table(tree),
        tuple(imported(nodes)),
        tuple(impure_calls(nodes)),
        tuple(
            Function(node.name, length(node), "numbered" in (ast.get_docstring(node) or ""))
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
    )


def imported(nodes: list[ast.AST]) -> Iterator[str]:
    """Every dotted name that a file imports, at its top or inside a function; not what only a type checker reads."""
    typing_only = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in nodes:
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def impure_calls(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in IMPURE_CALLS:
                yield f"{node.lineno} calls {called}"


def length(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def is_a_table(tree: ast.Module) -> bool:
    """Data reviewed as a file: nothing but assignments, and at most a function that looks something up."""
    data = sum(length(node) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    code = sum(length(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return data > 3 * code


def is_under(name: str, packages: AbstractSet[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:count]) in packages for count in range(1, len(parts) + 1))


def outside(name: str) -> bool:
    """Whether a name belongs to a library, that is neither the standard library's nor ours."""
    top = name.split(".")[0]
    return top not in sys.stdlib_module_names and top not in {"postern", "__future__"}


def pure_files() -> list[tuple[str, Source]]:
    packages = [(name, file) for name in PURE for file in sources(PACKAGE / name)]
    return packages + [("", source(PACKAGE / f"{module}.py")) for module in sorted(PURE_MODULES)]


def may_import(package: str, name: str) -> bool:
    allowed = MAY_IMPORT.get(package, PURE_MODULE_LIBRARIES)
    if name.startswith("postern"):
        return is_under(name, allowed) or is_under(name, NOUNS) or is_under(name, {f"postern.{package}"})
    return not outside(name) or is_under(name, allowed)


def test_a_pure_package_imports_only_what_its_work_is_about():
    assert [
        f"{file} imports {name}"
        for package, file in pure_files()
        for name in file.imports
        if not may_import(package, name)
    ] == []


def test_a_pure_package_touches_no_clock_network_environment_disk_or_randomness():
    impure = [
        f"{file} imports {name}"
        for _, file in pure_files()
        for name in file.imports
        if is_under(name, IMPURE_STANDARD_LIBRARY)
    ]
    impure += [f"{file}:{call}" for _, file in pure_files() for call in file.impure_calls]
    assert impure == []


def test_a_service_imports_no_edge_and_no_sdk():
    assert imports_under({"postern.edges"} | SDKS, sources(PACKAGE / "services")) == []


def test_an_edge_imports_no_service():
    # Three things are shapes of what a service takes and gives, not the service: a call, what it delivers, its timing.
    shapes = {"postern.services.answers", "postern.services.calls", "postern.services.stopwatch"}
    assert imports_under({"postern.services"}, sources(PACKAGE / "edges"), but=shapes) == []


def test_only_edges_and_functions_import_an_sdk():
    others = [file for file in sources(PACKAGE) if "edges" not in file.path.relative_to(PACKAGE).parts]
    assert imports_under(SDKS, others) == []


def test_the_product_imports_nothing_of_the_local_stack_the_command_line_or_the_tests():
    others = {"postern_local", "postern_cli", "tests", "moto", "pytest"}
    assert imports_under(others, sources(PACKAGE) + sources(ROOT / "functions")) == []


def test_the_product_imports_nothing_by_a_relative_name():
    # What starts with a dot is under none of the names that the rules above ask for.
    files = sources(PACKAGE) + sources(ROOT / "functions")
    assert [f"{file} imports {name}" for file in files for name in file.imports if name.startswith(".")] == []


def imports_under(packages: AbstractSet[str], files: list[Source], but: AbstractSet[str] = frozenset()) -> list[str]:
    return [
        f"{file} imports {name}"
        for file in files
        for name in file.imports
        if is_under(name, packages) and not is_under(name, but)
    ]


def test_a_handler_is_thin():
    handlers = sorted((ROOT / "functions").glob("*/handler.py"))
    assert handlers
    assert [told for path in handlers for told in faults_of_handler(path)] == []


def faults_of_handler(path: Path) -> Iterator[str]:
    name, body = path.relative_to(ROOT), ast.parse(path.read_text()).body
    # Without imports and docstring.
    lines = sum(length(node) for node in body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr))
    if lines >= 60:
        yield f"{name}: {lines} lines"
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    yield from (f"{name}: no function {missing}" for missing in sorted({"respond", "handler"} - functions))


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/handler.py")), ids=lambda path: path.parent.name)
def test_importing_a_handler_touches_nothing(path, monkeypatch):
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("importing a handler reached outside")

    for target, name in ((socket.socket, "connect"), (subprocess, "Popen")):
        monkeypatch.setattr(target, name, touched)
    for name in ("AWS_REGION", "POSTERN_TABLE", "POSTERN_BUCKET", "POSTERN_LOG"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location(f"imported_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)


def test_functions_and_files_stay_short():
    files = [file for folder in ("layers/core", "functions", "cli", "local") for file in sources(ROOT / folder)]
    long = [f"{file}: {file.lines} lines: split it" for file in files if file.lines > 400 and not file.is_a_table]
    long += [
        f"{file}: {function.name}: {function.lines} lines"
        for file in files
        for function in file.functions
        if function.lines > (80 if function.is_numbered else 60)
    ]
    assert long == []

"""The arrows between packages, what pure packages may touch, and the length of handlers and functions."""

from __future__ import annotations

import ast
import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
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


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file: walking takes longer than parsing, and several tests look at the same files."""
    return tuple(ast.walk(parsed(path)))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every dotted name that a file imports, at its top or inside a function; not what only a type checker reads."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    typing_only = {
        id(inner)
        for node in nodes(path)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in nodes(path):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_under(name: str, packages: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def outside(name: str) -> bool:
    """Whether a name belongs to a library, that is neither the standard library's nor ours."""
    top = name.split(".")[0]
    return top not in sys.stdlib_module_names and top not in {"postern", "__future__"}


def pure_files() -> list[tuple[str, Path]]:
    packages = [(name, path) for name in PURE for path in sources(PACKAGE / name)]
    return packages + [("", PACKAGE / f"{module}.py") for module in sorted(PURE_MODULES)]


@pytest.mark.parametrize(("package", "path"), pure_files(), ids=lambda value: str(getattr(value, "stem", value)))
def test_a_pure_package_imports_only_what_its_work_is_about(package, path):
    allowed = MAY_IMPORT.get(package, PURE_MODULE_LIBRARIES)
    nouns = {f"postern.{module}" for module in PURE_MODULES} | {f"postern.{package}", "postern"}
    for name in imports(path):
        if name.startswith("postern"):
            assert is_under(name, nouns - {"postern"} | allowed), f"{path.name} imports {name}"
        elif outside(name):
            assert is_under(name, allowed), f"{path.name} imports {name}"


@pytest.mark.parametrize(("package", "path"), pure_files(), ids=lambda value: str(getattr(value, "stem", value)))
def test_a_pure_package_touches_no_clock_network_environment_disk_or_randomness(package, path):
    for name in imports(path):
        assert not is_under(name, IMPURE_STANDARD_LIBRARY), f"{path.name} imports {name}"
    for node in nodes(path):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in IMPURE_CALLS, f"{path.name}:{node.lineno} calls {called}"


@pytest.mark.parametrize("path", sources(PACKAGE / "services"), ids=lambda path: path.stem)
def test_a_service_imports_no_edge_and_no_sdk(path):
    for name in imports(path):
        assert not is_under(name, {"postern.edges"} | SDKS), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sources(PACKAGE / "edges"), ids=lambda path: path.stem)
def test_an_edge_imports_no_service(path):
    # Three things are shapes of what a service takes and gives, not the service: a call, what it delivers, its timing.
    shapes = {"postern.services.answers", "postern.services.calls", "postern.services.stopwatch"}
    for name in imports(path):
        assert not is_under(name, {"postern.services"}) or is_under(name, shapes), f"{path.name} imports {name}"


def test_only_edges_and_functions_import_an_sdk():
    for path in sources(PACKAGE):
        if "edges" in path.relative_to(PACKAGE).parts:
            continue
        for name in imports(path):
            assert not is_under(name, SDKS), f"{path.relative_to(ROOT)} imports {name}"


def test_the_product_imports_nothing_of_the_local_stack_the_command_line_or_the_tests():
    for path in sources(PACKAGE) + sources(ROOT / "functions"):
        for name in imports(path):
            assert not is_under(name, {"postern_local", "postern_cli", "tests", "moto", "pytest"}), path


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/handler.py")), ids=lambda path: path.parent.name)
def test_a_handler_is_thin(path):
    tree = parsed(path)
    code = [
        node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)
    ]  # without imports and docstring
    lines = sum((node.end_lineno or 0) - node.lineno + 1 for node in code)
    assert lines < 60, f"{path}: {lines} lines"
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"respond", "handler"} <= functions


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


@pytest.mark.parametrize(
    "path",
    [path for folder in ("layers/core", "functions", "cli", "local") for path in sources(ROOT / folder)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_functions_and_files_stay_short(path):
    text = path.read_text()
    tree = parsed(path)
    if not is_a_table(tree):
        assert text.count("\n") <= 400, f"{text.count(chr(10))} lines: split it"
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            limit = 80 if "numbered" in (ast.get_docstring(node) or "") else 60
            assert lines <= limit, f"{node.name}: {lines} lines"


def is_a_table(tree: ast.Module) -> bool:
    """Data reviewed as a file: nothing but assignments, and at most a function that looks something up."""
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]
    data = sum(
        (node.end_lineno or 0) - node.lineno + 1 for node in body if isinstance(node, ast.Assign | ast.AnnAssign)
    )
    code = sum(
        (node.end_lineno or 0) - node.lineno + 1 for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    )
    return data > 3 * code

"""The check of a build: a good one passes, and each thing that does not belong there is named."""

from __future__ import annotations

import py_compile
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scripts import check_build
from scripts.build_imports import importers, wheels
from scripts.check_build import Build

PYC = "__pycache__/{}.cpython-313.pyc"
ELF_AARCH64 = b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little")
ELF_X86_64 = b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little")


def put(path: Path, text: str) -> None:
    """A module beside its bytecode, as the layers' builds leave both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    compiled = path.parent / PYC.format(path.stem)
    py_compile.compile(str(path), str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    deps = tmp_path / "DepsLayer/python"
    put(deps / "used/__init__.py", "from used import _fast\n")
    (deps / "used/_fast.abi3.so").write_bytes(ELF_AARCH64)
    info = deps / "used-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(
        "used/__init__.py,sha256=x,1\nused/_fast.abi3.so,sha256=x,1\nused-1.0.dist-info/RECORD,,\n"
    )
    put(tmp_path / "CoreLayer/python/postern/__init__.py", "")
    put(tmp_path / "CoreLayer/python/postern/edge.py", "def later():\n    import used\n")
    (tmp_path / "QueryFunction").mkdir()
    (tmp_path / "QueryFunction/handler.py").write_text("from postern import edge\n")
    return Build(tmp_path)


def wrong(build: Build, architecture: str = "arm64") -> list[str]:
    found = importers([build.layers[1], build.layers[0]], build.functions)
    return [
        *check_build.strangers(build),
        *check_build.wrong_machines(build, architecture),
        *check_build.bytecode(build),
        *check_build.unused(build, found),
        *check_build.print_sizes(build),
    ]


def test_a_build_of_what_is_used_passes(build, capsys):
    assert wrong(build) == []
    assert "postern.edge" in capsys.readouterr().out


def test_pages_that_the_console_hands_out_pass(build):
    add("ConsoleFunction/assets/index.html")(build)

    assert wrong(build) == []


def add_wheel(build: Build) -> None:
    deps = build.layers[0]
    put(deps / "idle.py", "import used\n")
    (deps / "idle-2.0.dist-info").mkdir()
    (deps / "idle-2.0.dist-info/RECORD").write_text("idle.py,sha256=x,1\n")


def add(name: str, data: bytes = b"x") -> Callable[[Build], None]:
    def change(build: Build) -> None:
        path = build.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return change


def checked_hash(build: Build) -> None:
    source = build.layers[1] / "postern/edge.py"
    mode = py_compile.PycInvalidationMode.TIMESTAMP
    py_compile.compile(str(source), str(source.parent / PYC.format("edge")), invalidation_mode=mode)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(add("DepsLayer/python/used/tests/data.json"), "used/tests/data.json", id="tests"),
        pytest.param(add("CoreLayer/python/postern/README.md"), "README.md", id="documentation"),
        pytest.param(add("DepsLayer/python/used/fast.pyx"), "fast.pyx", id="source of an extension"),
        pytest.param(add("QueryFunction/assets/index.html"), "index.html", id="a page that nobody hands out"),
        pytest.param(add("QueryFunction/test_handler.py"), "test_handler.py", id="a test beside a handler"),
        pytest.param(
            add("CoreLayer/python/postern/__pycache__/edge.cpython-311.pyc"),
            "3.13 beside",
            id="another version's bytecode",
        ),
        pytest.param(
            add("CoreLayer/python/postern/__pycache__/gone.cpython-313.pyc"),
            "gone.cpython",
            id="bytecode without source",
        ),
        pytest.param(checked_hash, "not compared", id="bytecode that is compared by time"),
        pytest.param(
            lambda build: (build.layers[1] / "postern" / PYC.format("edge")).unlink(), "its bytecode", id="not compiled"
        ),
        pytest.param(add_wheel, "idle-2.0: expected a module that imports it", id="a wheel nobody imports"),
        pytest.param(
            add("DepsLayer/python/used/_x.so", ELF_X86_64), "another processor", id="another machine's library"
        ),
        pytest.param(
            lambda build: (build.layers[0] / "used/_fast.abi3.so").unlink(), "compiled modules", id="no library at all"
        ),
    ],
)
def test_names_what_does_not_belong_there(build, change, says):
    change(build)

    [found] = wrong(build)

    assert says in found


def test_a_build_for_one_processor_is_none_for_the_other(build):
    assert [one for one in wrong(build, "x86_64") if "_fast.abi3.so" in one]


def test_layers_over_the_limit_are_refused(build, monkeypatch):
    monkeypatch.setattr(check_build, "LIMIT_BYTES", 100)

    [found] = wrong(build)

    assert found.startswith("layers: expected at most 100 bytes")


def test_a_wheel_is_in_use_where_only_compiled_code_imports_it(build):
    deps = build.layers[0]
    put(deps / "cryptography/hazmat/bindings/__init__.py", "from cryptography.hazmat.bindings import _rust\n")
    for folder in ("cryptography", "cryptography/hazmat"):
        put(deps / folder / "__init__.py", "")
    for name in ("cryptography/hazmat/bindings/_rust.abi3.so", "_cffi_backend.so"):
        (deps / name).write_bytes(ELF_AARCH64)
    put(build.layers[1] / "postern/edge.py", "import cryptography.hazmat.bindings\n")

    found = importers([build.layers[1], deps], build.functions)

    assert found["_cffi_backend"] == "cryptography.hazmat.bindings._rust"
    assert [wheel.name for wheel in wheels(deps)] == ["used-1.0"]


def test_without_a_build_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["check_build", "--built", str(tmp_path)])

    with pytest.raises(SystemExit, match="run make build"):
        check_build.main()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This Python under the name of the functions' one, which may not be here; handlers of one line run in any."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3.13").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_handler_that_cannot_be_imported_is_named(build, runtime):
    (build.functions[0] / "handler.py").write_text("import absent\n")

    [found] = check_build.imports(build)

    assert "QueryFunction" in found
    assert "absent" in found


def test_without_the_functions_python_it_says_what_is_missing(build, runtime):
    (runtime / "python3.13").unlink()

    assert check_build.imports(build) == ["python3.13: expected it in PATH to import the handlers, got none"]

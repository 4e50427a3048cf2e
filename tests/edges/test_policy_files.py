"""The policy layer in a folder: what is read, what is refused, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from postern.edges.policy_files import PolicyFiles, read_bundle, read_layer
from postern.errors import PolicyFileError, PolicyUnavailable
from postern.policy.bundle import layer_digest
from tests.support.policy import ISSUERS, layer, replaced


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in layer().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    return tmp_path


def test_reads_the_layers_files_and_nothing_beside_them(folder: Path):
    (folder / "python").mkdir()
    for beside in ("README.md", "other.yaml", "python/catalog.yaml"):
        (folder / beside).write_text("not ours")
    for beside in ("catalog/README.md", "catalog/x.yaml.example", "catalog/.x.yaml.swp", "policy/schema.cedarschema"):
        (folder / beside).write_text("not read")
    assert read_layer(folder) == layer()


def test_loads_once_and_keeps_what_it_loaded(folder: Path):
    source = PolicyFiles(str(folder))
    first = source.load()
    (folder / "issuers.yaml").write_text("broken")
    assert source.load() is first
    assert first.digest == layer_digest(layer())


def test_tries_again_after_a_failure(folder: Path):
    source = PolicyFiles(str(folder))
    (folder / "issuers.yaml").write_text("broken")
    with pytest.raises(PolicyUnavailable):
        source.load()
    (folder / "issuers.yaml").write_text(ISSUERS)
    assert source.load().issuers


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("policy/deny.ceder", id="slip-in-an-ending"),
        pytest.param("policy/deny.cedar.txt", id="two-endings"),
        pytest.param("policy/more/deny.cedar", id="folder-inside"),
        pytest.param("catalog/hr.yml", id="yml"),
    ],
)
def test_refuses_a_file_that_would_silently_go_unread(folder: Path, name: str):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("forbid (principal, action, resource);")
    with pytest.raises(PolicyFileError, match="rename it"):
        read_layer(folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("issuers.yaml", None, id="no-issuers"),
        pytest.param("databases.yaml", None, id="no-databases"),
        pytest.param("catalog/shop.yaml", "database: shop", id="broken-catalog"),
        pytest.param("policy/shop.cedar", "permit", id="broken-policy"),
    ],
)
def test_nothing_is_allowed_while_a_file_is_missing_or_wrong(folder: Path, name: str, text: str | None):
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(PolicyUnavailable) as raised:
        PolicyFiles(str(folder)).load()
    # The caller is told nothing of what the layer holds; our log gets the place from the cause.
    assert name not in raised.value.detail
    assert isinstance(raised.value.__cause__, PolicyFileError)
    assert raised.value.__cause__.file == name


@pytest.mark.parametrize("name", ["issuers.yaml", "catalog/shop.yaml", "policy"])
def test_a_path_that_cannot_be_read_is_an_error_and_not_an_absence(folder: Path, name: str):
    path = folder / name
    if path.is_dir():
        for inner in path.iterdir():
            inner.unlink()
        path.rmdir()
        path.write_text("a file in the place of a folder")
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(PolicyFileError, match="expected a readable"):
        read_layer(folder)


def test_a_link_to_nowhere_is_an_error_and_not_an_absence(folder: Path):
    (folder / "approvals.yaml").unlink()
    (folder / "approvals.yaml").symlink_to(folder / "nowhere")
    with pytest.raises(PolicyFileError, match="expected a readable"):
        read_layer(folder)


def test_refuses_a_file_beyond_the_bound(folder: Path):
    (folder / "policy/shop.cedar").write_bytes(b"// " + b"x" * 4 * 1024 * 1024)
    with pytest.raises(PolicyFileError, match="at most"):
        read_bundle(folder, local=None)


def test_local_stands_for_the_local_stacks_issuer_only_where_one_is_set(folder: Path):
    (folder / "issuers.yaml").write_text(replaced(ISSUERS, "https://issuer.example", "local"))
    assert PolicyFiles(str(folder), local_issuer="http://127.0.0.1:9999").load().issuers[0].is_local
    for absent in (None, ""):
        with pytest.raises(PolicyUnavailable):
            PolicyFiles(str(folder), local_issuer=absent).load()


def test_an_empty_local_issuer_is_none(folder: Path):
    assert PolicyFiles(str(folder), local_issuer="").load().issuers


def test_a_local_issuer_that_is_not_on_this_machine_is_refused(folder: Path):
    with pytest.raises(PolicyUnavailable):
        PolicyFiles(str(folder), local_issuer="http://issuer.example").load()

"""The layer as a whole: what belongs to it, what must fit together, and the digest that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from postern.edges.policy_files import read_bundle, read_layer
from postern.errors import PolicyUnavailable
from postern.policy.approvals import Approvals
from postern.policy.bundle import layer_digest, parse_bundle
from postern.types import DatabaseName
from tests.support import policy as fixture
from tests.support.policy import CATALOG, DATABASES, access, bundle, denied, load_error, replaced, request

STARTER = Path(__file__).parents[2] / "layers" / "policy"


def test_loads_a_valid_layer_whole():
    loaded = bundle()
    assert [issuer.name for issuer in loaded.issuers] == ["ci"]
    assert list(loaded.catalogs) == list(loaded.databases) == ["shop"]
    assert loaded.address(DatabaseName("shop")).host == "shop.example"


def test_a_database_that_is_gone_has_no_address():
    with pytest.raises(PolicyUnavailable):
        bundle().address(DatabaseName("gone"))


@pytest.mark.parametrize(
    ("changed", "place", "says"),
    [
        pytest.param({"issuers": None}, "issuers.yaml", "got none", id="no-issuers-file"),
        pytest.param({"databases": None}, "databases.yaml:1", "none for shop", id="no-databases-file"),
        pytest.param({"databases": "{}"}, "databases.yaml:1", "none for shop", id="catalog-without-address"),
        pytest.param({"catalog_shop": None}, "databases.yaml:1", "'shop'", id="address-without-catalog"),
        pytest.param({"catalog_hr": CATALOG}, "catalog/hr.yaml:1", "shop.yaml", id="second-catalog-of-a-database"),
        pytest.param({"catalog_shop": ""}, "catalog/shop.yaml:1", "empty", id="empty-catalog"),
        pytest.param({"approvals": "unmask: 0"}, "approvals.yaml:1", "from 1", id="approvals"),
        pytest.param({"policy_more": "permit"}, "policy/more.cedar:1", "`;`", id="second-policy-file"),
        pytest.param({"other": ""}, "other.yaml", "another", id="unknown-file"),
    ],
)
def test_names_the_file_that_does_not_fit(changed: dict[str, str | None], place: str, says: str):
    error = load_error(**changed)
    assert error.detail.startswith(f"{place}: ")
    assert says in error.detail


def test_policies_of_all_files_hold_together():
    closed = bundle(policy_more="forbid (principal, action, resource);")
    assert denied(closed, request(access("orders"))).refusals


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"issuers": fixture.ISSUERS + "\n"}, id="issuers"),
        pytest.param({"databases": replaced(DATABASES, "5432", "5433")}, id="databases"),
        pytest.param({"approvals": None}, id="approvals-left-out"),
        pytest.param({"catalog_shop": CATALOG + "# note\n"}, id="catalog-comment"),
        pytest.param({"policy_shop": fixture.POLICY + "\n"}, id="policy"),
        pytest.param({"policy_more": "// nothing\n"}, id="one-file-more"),
    ],
)
def test_digest_changes_with_any_byte_of_any_file(changed: dict[str, str | None]):
    assert bundle(**changed).digest != bundle().digest


def test_digest_is_known_and_does_not_depend_on_the_order_of_files():
    files = {"a": b"1", "b/c": b""}
    # SHA-256 of the domain line, then for each file the length (8 bytes, big endian) and bytes of path and text.
    expected = "2f891449f0e56bcaf1bc18606125fbfee5c113bc245ba72407d3b4829be33b51"
    assert layer_digest(files) == layer_digest(dict(reversed(files.items()))) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"a": b"bc"}, {"ab": b"c"}, id="path-and-text"),
        pytest.param({"a": b"", "b": b""}, {"a": b"b"}, id="two-files-and-one"),
        pytest.param({"a": b"1", "b": b"2"}, {"a": b"2", "b": b"1"}, id="texts-exchanged"),
        pytest.param({}, {"": b""}, id="nothing-and-an-empty-file"),
    ],
)
def test_digest_tells_layers_apart_whose_bytes_run_together(one: dict[str, bytes], other: dict[str, bytes]):
    assert layer_digest(one) != layer_digest(other)


def test_without_approvals_the_products_numbers_hold():
    assert bundle(approvals=None).approvals == Approvals()


def test_a_layer_without_catalogs_and_policies_denies_everything():
    empty = parse_bundle({"issuers.yaml": b"issuers: []"}, local=None)
    assert denied(empty, request(access("orders"), unmask=["pii.email"])).refusals


def test_the_starter_layer_is_valid_and_admits_nobody():
    starter = read_bundle(STARTER, local=None)
    assert (starter.issuers, dict(starter.catalogs), starter.cedar.ids) == ((), {}, ("postern.four-eyes",))


def test_the_starter_layers_examples_are_a_valid_layer():
    files = read_layer(STARTER)
    example = (STARTER / "catalog" / "shop.yaml.example").read_bytes()
    uncommented = {
        "issuers.yaml": b"issuers:\n" + _uncommented(files["issuers.yaml"], "#   -", "#  "),
        "databases.yaml": _uncommented(files["databases.yaml"], "#   shop", "#  "),
        "policy/access.cedar": _uncommented(files["policy/access.cedar"], "// @id", "//"),
    }
    loaded = parse_bundle({**files, **uncommented, "catalog/shop.yaml": example}, local=None)
    assert [issuer.name for issuer in loaded.issuers] == ["github"]
    assert loaded.cedar.ids == (
        "ci-reads-shop",
        "short-reads-need-no-approval",
        "operators-decide-and-take-away",
        "postern.four-eyes",
    )


def _uncommented(text: bytes, first: str, mark: str) -> bytes:
    """The example inside a starter file: from the first line that starts so, while lines have the mark."""
    lines = text.decode().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(first))
    end = next((n for n, line in enumerate(lines) if n > start and not line.startswith(mark)), len(lines))
    return "\n".join(line.removeprefix(mark) for line in lines[start:end]).encode() + b"\n"

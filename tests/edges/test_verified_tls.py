"""verify-full, always: no setting, file or argument of the functions' code turns the certificate's check off."""

from __future__ import annotations

import ast
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.edges.authorities import BundleFiles
from postern.edges.postgres.verified_tls import verifying_context
from postern.errors import PolicyFileError, PolicyUnavailable
from postern.policy.databases import parse_databases
from postern.types import DatabaseName
from tests.support.domain import ADDRESS
from tests.support.stack import PROJECT
from tests.support.tls import self_signed

EDGES = sorted((PROJECT / "layers/core/postern").rglob("*.py")) + sorted((PROJECT / "functions").rglob("*.py"))
# Each of these, said of a context or a client, makes it take a certificate that it should not.
WEAKENING = {
    *("CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context", "_create_stdlib_context", "verify_mode"),
    *("check_hostname", "verify_flags", "SSLContext", "wrap_bio", "use_ssl", "disable_warnings"),
}
SPOKEN_OF = {*WEAKENING, "verify", "ssl_context", "context"}
# The one call that says it in so many words, with the reason it may: it is the operator's own tool, on a DSN whose
# sslmode is theirs (`edges/operator_database.py`), and the session that sends no password (`open_connection`).
WITHOUT = {("operator_database.py", "ssl_context"), ("connect.py", "ssl_context")}


def said(tree: ast.AST) -> Iterator[str]:
    """Every name, attribute and keyword in the tree that weakens, and every `verify=False` and the like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in WEAKENING:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in WEAKENING and not _is_type(node):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg in ("verify", "ssl_context", "context", *WEAKENING):
            values = {one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)}
            if values & {False, None} or node.arg in WEAKENING:
                yield str(node.arg)


def _is_type(node: ast.Attribute) -> bool:
    """`ssl.SSLContext` as an annotation names a type; made into one it would be called."""
    return node.attr == "SSLContext"


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def test_nothing_in_the_functions_code_weakens_a_context_or_a_client() -> None:
    texts = [(file.name, file.read_text()) for file in EDGES]
    trees = [(name, ast.parse(text)) for name, text in texts if any(word in text for word in SPOKEN_OF)]
    found = {(name, word) for name, tree in trees for word in said(tree)}
    made = {name for name, tree in trees if "SSLContext" in _calls(tree)}

    assert found <= WITHOUT
    assert not made


@pytest.mark.parametrize(
    "line",
    [
        "context.verify_mode = ssl.CERT_NONE",
        "context.check_hostname = False",
        "ssl._create_unverified_context()",
        "session.client('s3', verify=False)",
        "session.client('s3', use_ssl=False)",
        "Connection(ssl_context=None)",
        "HTTPSConnection(host, context=None)",
    ],
)
def test_each_way_to_weaken_one_would_be_seen(line: str) -> None:
    assert list(said(ast.parse(line)))


@pytest.mark.parametrize("name", ["PGSSLMODE", "SSL_CERT_FILE", "PYTHONHTTPSVERIFY", "PGSSLROOTCERT"])
def test_no_variable_of_the_environment_weakens_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = self_signed(tmp_path)
    monkeypatch.setenv(name, {"PGSSLMODE": "disable", "PYTHONHTTPSVERIFY": "0"}.get(name, "/dev/null"))

    context = verifying_context(str(ca))

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] == 1  # the bundle's and none of the system's


GOOD = "shop: {host: db.example, port: 5432, dbname: shop, resource_id: db-A, region: eu-west-1, ca: /opt/ca/rds.pem}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD.replace(", ca: /opt/ca/rds.pem", ""), id="no bundle"),
        pytest.param(GOOD.replace("}", ", sslmode: disable}"), id="sslmode"),
        pytest.param(GOOD.replace("}", ", verify: false}"), id="verify"),
        pytest.param(GOOD.replace("/opt/ca/rds.pem", "false"), id="false for a bundle"),
        pytest.param(GOOD.replace("/opt/ca/rds.pem", "null"), id="null for a bundle"),
        pytest.param(GOOD.replace("/opt/ca/rds.pem", '""'), id="no name of a bundle"),
    ],
)
def test_no_entry_of_databases_yaml_does_without(text: str) -> None:
    assert parse_databases(GOOD.encode(), file="databases.yaml", catalogued={DatabaseName("shop")})

    with pytest.raises(PolicyFileError):
        parse_databases(text.encode(), file="databases.yaml", catalogued={DatabaseName("shop")})


@pytest.mark.parametrize(
    "text", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_bundle_that_is_missing_or_none_stops_the_deploy(text: str | None, tmp_path: Path) -> None:
    from dataclasses import replace

    ca = tmp_path / "ca.pem"
    if text is not None:
        ca.write_text(text)

    with pytest.raises(PolicyUnavailable, match="make rds-ca"):
        BundleFiles().digests([replace(ADDRESS, ca=str(ca))])


def test_each_bundle_is_named_by_its_path_with_its_digest(tmp_path: Path) -> None:
    import hashlib
    from dataclasses import replace

    ca = self_signed(tmp_path)

    digests = BundleFiles().digests([replace(ADDRESS, ca=str(ca)), replace(ADDRESS, ca=str(ca))])

    assert digests == {str(ca): hashlib.sha256(ca.read_bytes()).hexdigest()}

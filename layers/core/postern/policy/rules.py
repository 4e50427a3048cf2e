"""What decides: issuers, catalogs and approvals, and Cedar's policies over them.

Apart from `bundle.py`, for who only compares digests need not load any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.identity.issuers import IssuerRules, LocalIssuer, parse_issuers
from postern.policy.approvals import Approvals, parse_approvals
from postern.policy.catalog import Catalog, parse_catalog
from postern.policy.cedar import CedarPolicies, parse_policies
from postern.policy.layer_paths import APPROVALS, CATALOG, CEDAR, ISSUERS
from postern.types import DatabaseName


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """All of a layer that says who may do what, but for the policies."""

    issuers: tuple[IssuerRules, ...]
    catalogs: Mapping[DatabaseName, Catalog]
    approvals: Approvals


def parse_rules(files: Mapping[str, bytes], *, local: LocalIssuer | None) -> Rules:
    """The rules in a layer's files, by path. Raises `PolicyFileError` naming file and line."""
    return Rules(
        issuers=parse_issuers(files[ISSUERS], file=ISSUERS, local=local),
        catalogs=_catalogs(files),
        approvals=parse_approvals(files[APPROVALS], file=APPROVALS) if APPROVALS in files else Approvals(),
    )


def parse_cedar(files: Mapping[str, bytes], rules: Rules) -> CedarPolicies:
    """The policies in a layer's files, checked against its rules. Raises `PolicyFileError` naming file and line."""
    return parse_policies(
        {path: text for path, text in files.items() if CEDAR.fullmatch(path)},
        catalogs=rules.catalogs.values(),
        issuers=[issuer.name for issuer in rules.issuers],
    )


def _catalogs(files: Mapping[str, bytes]) -> dict[DatabaseName, Catalog]:
    parsed = (parse_catalog(files[path], file=path) for path in sorted(files) if CATALOG.fullmatch(path))
    return {catalog.database: catalog for catalog in parsed}

"""The policy layer as one validated whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.identity.issuers import IssuerRules, LocalIssuer, parse_issuers
from postern.policy.approvals import Approvals, parse_approvals
from postern.policy.catalog import Catalog, parse_catalog
from postern.policy.cedar import CedarPolicies, parse_policies
from postern.policy.databases import parse_databases
from postern.policy.limits import RateLimits, parse_limits
from postern.types import DatabaseAddress, DatabaseName, Sha256Hex

ISSUERS = "issuers.yaml"
DATABASES = "databases.yaml"
APPROVALS = "approvals.yaml"
LIMITS = "limits.yaml"
SINGLE = frozenset({ISSUERS, DATABASES, APPROVALS, LIMITS})  # beside the two folders
CATALOG = re.compile(r"catalog/[^/]+\.yaml")
CEDAR = re.compile(r"policy/[^/]+\.cedar")

_DIGEST_DOMAIN = b"postern policy layer 1\n"
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True, eq=False)
class PolicyBundle:
    """Every file of the policy layer, parsed and checked against each other; `digest` names exactly these files."""

    issuers: tuple[IssuerRules, ...]
    databases: Mapping[DatabaseName, DatabaseAddress]  # one for each catalog
    catalogs: Mapping[DatabaseName, Catalog]
    cedar: CedarPolicies
    approvals: Approvals
    limits: RateLimits
    digest: Sha256Hex

    def address(self, database: DatabaseName) -> DatabaseAddress:
        """Where the database is. Raises `PolicyUnavailable` where the layer no longer speaks of it."""
        address = self.databases.get(database)
        if address is None:
            detail = f"database {database}: expected it in the policy layer, got none; tell an operator"
            raise PolicyUnavailable("policy.unavailable", detail)
        return address


def parse_bundle(files: Mapping[str, bytes], *, local: LocalIssuer | None) -> PolicyBundle:
    """The layer that these files make, by path with `/`. Raises `PolicyFileError` naming file and line.

    `issuers.yaml` must be there. Without `approvals.yaml` or `limits.yaml` the product's numbers hold;
    without `databases.yaml` there can be no catalog; without catalogs and policies everything is denied.
    """
    _check_paths(files)
    issuers = parse_issuers(files[ISSUERS], file=ISSUERS, local=local)
    catalogs = _catalogs(files)
    return PolicyBundle(
        issuers=issuers,
        databases=parse_databases(files.get(DATABASES, b"{}"), file=DATABASES, catalogued=catalogs.keys()),
        catalogs=catalogs,
        cedar=parse_policies(
            {path: text for path, text in files.items() if CEDAR.fullmatch(path)},
            catalogs=catalogs.values(),
            issuers=[issuer.name for issuer in issuers],
        ),
        approvals=parse_approvals(files[APPROVALS], file=APPROVALS) if APPROVALS in files else Approvals(),
        limits=_limits(files, catalogs),
        digest=layer_digest(files),
    )


def layer_digest(files: Mapping[str, bytes]) -> Sha256Hex:
    """SHA-256 over every file's path and bytes, each after its length, in the order of the paths as UTF-8.

    `databases.yaml` is among them although an environment supplies it: what decides where a statement runs is
    part of what was decided. Two environments of one layer therefore have different digests.
    """
    digest = hashlib.sha256(_DIGEST_DOMAIN)
    for path, text in sorted((path.encode(), text) for path, text in files.items()):
        for part in (path, text):
            digest.update(len(part).to_bytes(_LENGTH_BYTES))
            digest.update(part)
    return Sha256Hex(digest.hexdigest())


def _check_paths(files: Mapping[str, bytes]) -> None:
    for path in sorted(files):
        if path not in SINGLE and not CATALOG.fullmatch(path) and not CEDAR.fullmatch(path):
            raise PolicyFileError(path, None, "expected a file of the policy layer, got another")
    if ISSUERS not in files:
        raise PolicyFileError(ISSUERS, None, "expected the file in the policy layer, got none")


def _limits(files: Mapping[str, bytes], catalogs: Mapping[DatabaseName, Catalog]) -> RateLimits:
    return parse_limits(files[LIMITS], file=LIMITS, catalogued=catalogs.keys()) if LIMITS in files else RateLimits()


def _catalogs(files: Mapping[str, bytes]) -> dict[DatabaseName, Catalog]:
    parsed = (parse_catalog(files[path], file=path) for path in sorted(files) if CATALOG.fullmatch(path))
    return {catalog.database: catalog for catalog in parsed}

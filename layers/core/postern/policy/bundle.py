"""The policy layer as one validated whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.policy.databases import parse_databases
from postern.policy.layer_paths import CATALOG, CEDAR, DATABASES, ISSUERS, LIMITS, SINGLE
from postern.policy.limits import RateLimits, parse_limits
from postern.types import DatabaseAddress, DatabaseName, Sha256Hex

if TYPE_CHECKING:
    # Only names here: what decides is loaded by who decides.
    from postern.identity.issuer_url import LocalIssuer
    from postern.identity.issuers import IssuerRules
    from postern.policy.approvals import Approvals
    from postern.policy.catalog import Catalog
    from postern.policy.cedar import CedarPolicies
    from postern.policy.rules import Rules

Parsed = TypeVar("Parsed")

_DIGEST_DOMAIN = b"postern policy layer 1\n"
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True, eq=False)
class PolicyBundle:
    """Every file of the policy layer, parsed and checked against each other; `digest` names exactly these files."""

    databases: Mapping[DatabaseName, DatabaseAddress]  # one for each catalog
    limits: RateLimits
    digest: Sha256Hex
    # The same at each call. They raise `PolicyUnavailable` where they were put off and the files are wrong.
    parse_rules: Callable[[], Rules] = field(repr=False)
    parse_cedar: Callable[[], CedarPolicies] = field(repr=False)

    @property
    def issuers(self) -> tuple[IssuerRules, ...]:
        return self.parse_rules().issuers

    @property
    def catalogs(self) -> Mapping[DatabaseName, Catalog]:
        return self.parse_rules().catalogs

    @property
    def approvals(self) -> Approvals:
        return self.parse_rules().approvals

    @property
    def cedar(self) -> CedarPolicies:
        """What is asked who may do what."""
        return self.parse_cedar()

    def address(self, database: DatabaseName) -> DatabaseAddress:
        """Where the database is. Raises `PolicyUnavailable` where the layer no longer speaks of it."""
        address = self.databases.get(database)
        if address is None:
            detail = f"database {database}: expected it in the policy layer, got none; tell an operator"
            raise PolicyUnavailable("policy.unavailable", detail)
        return address


def parse_bundle(files: Mapping[str, bytes], *, local: LocalIssuer | None, decides: bool = True) -> PolicyBundle:
    """The layer that these files make, by path with `/`. Raises `PolicyFileError` naming file and line.

    `issuers.yaml` must be there. Without `approvals.yaml` or `limits.yaml` the product's numbers hold;
    without `databases.yaml` there can be no catalog; without catalogs and policies everything is denied.
    Who `decides` nothing and only compares digests is spared rules and policies, until somebody asks all the same.
    """
    _check_paths(files)
    rules = _loaded(lambda: _rules(files, local), now=decides)
    catalogued = [DatabaseName(found["database"]) for found in map(CATALOG.fullmatch, files) if found]
    return PolicyBundle(
        databases=parse_databases(files.get(DATABASES, b"{}"), file=DATABASES, catalogued=catalogued),
        limits=parse_limits(files[LIMITS], file=LIMITS, catalogued=catalogued) if LIMITS in files else RateLimits(),
        digest=layer_digest(files),
        parse_rules=rules,
        parse_cedar=_loaded(lambda: _cedar(files, rules()), now=decides),
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


def _rules(files: Mapping[str, bytes], local: LocalIssuer | None) -> Rules:
    from postern.policy.rules import parse_rules  # loads Cedar's engine, among others

    return parse_rules(files, local=local)


def _cedar(files: Mapping[str, bytes], rules: Rules) -> CedarPolicies:
    from postern.policy.rules import parse_cedar

    return parse_cedar(files, rules)


def _loaded(parse: Callable[[], Parsed], *, now: bool) -> Callable[[], Parsed]:
    """What gives the parsed part, always the same one: parsed `now`, or when it is asked for first."""
    parsed = cache(parse)
    if now:
        parsed()
        return parsed
    return lambda: _put_off(parsed)


def _put_off(parse: Callable[[], Parsed]) -> Parsed:
    try:
        return parse()
    except PolicyFileError as error:
        detail = "the policy layer cannot be loaded, so nothing is allowed: tell an operator"
        raise PolicyUnavailable("policy.unavailable", detail) from error


def _check_paths(files: Mapping[str, bytes]) -> None:
    for path in sorted(files):
        if path not in SINGLE and not CATALOG.fullmatch(path) and not CEDAR.fullmatch(path):
            raise PolicyFileError(path, None, "expected a file of the policy layer, got another")
    if ISSUERS not in files:
        raise PolicyFileError(ISSUERS, None, "expected the file in the policy layer, got none")

"""The state table as the authorizer uses it, with the SDK loaded at the first use.

Most calls need no table: their issuer's keys are in the process. Loading the SDK is most of a cold start.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from postern.edges.settings import require
from postern.identity.key_sets import Ask, Known
from postern.identity.proofs import Proof

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from postern.edges.shared_keys import DynamoKeySets
    from postern.edges.used_proofs import DynamoUsedProofs


class AuthorizerTable:
    """Implements `SharedKeySets` and `UsedProofs`. Raises `PolicyUnavailable` where a variable is missing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._table = require(environment, "POSTERN_TABLE")
        self._region = require(environment, "AWS_REGION")

    def read(self, issuer_url: str) -> Known:
        return self._key_sets.read(issuer_url)

    def claim(self, issuer_url: str, seen: Known, ask: Ask, *, now_s: int) -> bool:
        return self._key_sets.claim(issuer_url, seen, ask, now_s=now_s)

    def put(self, issuer_url: str, key_set: bytes, *, fetched_at_s: int) -> None:
        self._key_sets.put(issuer_url, key_set, fetched_at_s=fetched_at_s)

    def use(self, proof: Proof, *, now_s: int) -> bool:
        return self._used_proofs.use(proof, now_s=now_s)

    @cached_property
    def _key_sets(self) -> DynamoKeySets:
        from postern.edges.shared_keys import DynamoKeySets

        return DynamoKeySets(self._client, self._table)

    @cached_property
    def _used_proofs(self) -> DynamoUsedProofs:
        from postern.edges.used_proofs import DynamoUsedProofs

        return DynamoUsedProofs(self._client, self._table)

    @cached_property
    def _client(self) -> DynamoDBClient:
        from postern.edges import clients

        return clients.authorizer_table(clients.connect(self._region))

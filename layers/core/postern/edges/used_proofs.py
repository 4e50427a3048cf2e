"""Proofs of possession that were used, in the state table: one item each, put where none stands.

pk dpop#<SHA-256 of key and jti>  sk proof  ttl_s
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from postern.edges.failed_conditions import failed_conditions, translated
from postern.identity.proofs import Proof

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoUsedProofs:
    """Implements `identity.proofs.UsedProofs` on the state table."""

    client: DynamoDBClient  # that sends nothing twice: a PUT whose answer was lost would find itself there
    table: str

    def use(self, proof: Proof, *, now_s: int) -> bool:
        with translated():
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item={
                        "pk": {"S": f"dpop#{proof.name}"},
                        "sk": {"S": "proof"},
                        "ttl_s": {"N": str(proof.until_s)},
                    },
                    # The table's own clean-up may be days late: an item past its time counts as gone.
                    ConditionExpression="attribute_not_exists(pk) OR ttl_s <= :now",
                    ExpressionAttributeValues={":now": {"N": str(now_s)}},
                )
            except ClientError as error:
                failed_conditions(error)
                return False
        return True

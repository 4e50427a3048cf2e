"""The note of the last deploy, in the log's table: `pk = deploy#<deployment>`, `revision`, `doc` as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from postern.deploy_ports import DeployNote
from postern.edges.failed_conditions import failed_conditions, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NOTE = msgspec.json.Decoder(DeployNote)


@dataclass(frozen=True, slots=True)
class DynamoDeployNotes:
    """Implements `deploy_ports.DeployNotes`. The role needs `GetItem` and `PutItem` on this one key."""

    client: DynamoDBClient
    table: str
    deployment: str

    def get(self) -> DeployNote | None:
        with translated("the log's table"):
            found = self.client.get_item(TableName=self.table, Key={"pk": {"S": self._pk}}, ConsistentRead=True)
        return _NOTE.decode(found["Item"]["doc"]["S"]) if "Item" in found else None

    def put(self, note: DeployNote) -> bool:
        item = {
            "pk": {"S": self._pk},
            "revision": {"N": str(note.revision)},
            "doc": {"S": msgspec.json.encode(note).decode()},
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if note.revision > 0:
            before = {":before": {"N": str(note.revision - 1)}}
            condition = {"ConditionExpression": "revision = :before", "ExpressionAttributeValues": before}
        with translated("the log's table"):
            try:
                self.client.put_item(TableName=self.table, Item=item, **condition)
            except ClientError as error:
                failed_conditions(error)
                return False
        return True

    @property
    def _pk(self) -> str:
        return f"deploy#{self.deployment}"

"""Data keys from KMS for sealing: one a task in each execution environment, of which only the wrapped form is kept.

The function's role has `kms:GenerateDataKey` on the seal key and may add items to the seal table. It has no
`kms:Decrypt` and may read nothing there: what it sealed it can open while it lives, what another sealed never.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from postern.edges import clients, seal_items
from postern.edges.settings import Settings, require
from postern.errors import EvidenceUnavailable
from postern.types import DataKey, StatementText, TaskId

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient

ID_BYTES = 16
_KEPT = 16  # tasks whose keys an environment holds; they are in its memory alone


class DataKeySource(Protocol):
    """KMS, as far as it is used here."""

    # The names are the SDK's.
    def generate_data_key(
        self,
        *,
        KeyId: str,  # noqa: N803
        KeySpec: str,  # noqa: N803
        EncryptionContext: Mapping[str, str],  # noqa: N803
    ) -> Mapping[str, bytes]: ...


@dataclass(slots=True)
class KmsSealKeys:
    """Implements `seal_ports.SealKeys`. Two writes ask the table at once: no mark of erasure, and a new item."""

    kms: DataKeySource
    dynamodb: DynamoDBClient
    table: str
    kms_key: str  # ARN
    deployment: str
    log: str
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _held: OrderedDict[TaskId, DataKey] = field(default_factory=OrderedDict, repr=False)

    def key_of(self, task_id: TaskId) -> DataKey:
        with self._lock:
            held = self._held.get(task_id)
            if held is None:
                held = self._held[task_id] = self._new_key(task_id)
                if len(self._held) > _KEPT:
                    self._held.popitem(last=False)
            self._held.move_to_end(task_id)
            return held

    def _new_key(self, task_id: TaskId) -> DataKey:
        try:
            made = self.kms.generate_data_key(
                KeyId=self.kms_key,
                KeySpec="AES_256",
                EncryptionContext=seal_items.encryption_context(self.deployment, self.log, task_id),
            )
            key_id = secrets.token_hex(ID_BYTES)
            # Durable before it is used: a text under a key that nobody kept would be erased from the start.
            self.dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "ConditionCheck": {
                            "TableName": self.table,
                            "Key": seal_items.key_of(task_id, seal_items.ERASED),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    {
                        "Put": {
                            "TableName": self.table,
                            "Item": seal_items.format_wrapped(task_id, key_id, made["CiphertextBlob"]),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                ]
            )
        except (ClientError, BotoCoreError) as error:
            raise EvidenceUnavailable(
                "evidence.unavailable", "seal: expected a key for the statement's text, got none: try again"
            ) from error
        return DataKey(key_id, made["Plaintext"])


def seal_keys(session: Session, settings: Settings, environment: Mapping[str, str]) -> KmsSealKeys | None:
    """Where the deployment's data keys come from; None in a mode that seals nothing."""
    if settings.statement_text != StatementText.SEALED:
        return None
    return KmsSealKeys(
        kms=clients.data_keys(session),
        dynamodb=clients.dynamodb(session),
        table=require(environment, "POSTERN_SEAL_TABLE"),
        kms_key=require(environment, "POSTERN_SEAL_KEY"),
        deployment=settings.deployment,
        log=settings.log,
    )

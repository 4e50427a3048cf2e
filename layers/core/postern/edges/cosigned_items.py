"""The last note that a witness cosigned, as its operator left it in the log's table: see docs/witness.md.

    pk = cosigned#<log>     note: the signed note, vkey: the witness's public key

Nothing here writes it, and nothing rests on it: it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postern.edges.failed_conditions import translated
from postern.log_ports import LeftNote

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LONGEST = 16_384  # characters, of an item that may have 400 KB


@dataclass(frozen=True, slots=True)
class DynamoCosigned:
    """Implements `log_ports.LeftNotes`. Raises `StateUnavailable`."""

    client: DynamoDBClient
    table: str

    def read(self, log: str) -> LeftNote | None:
        """What was left, cut off where it is longer than any note of a log; an absent part is empty."""
        with translated():
            found = self.client.get_item(TableName=self.table, Key={"pk": {"S": f"cosigned#{log}"}})
        if "Item" not in found:
            return None
        note, vkey = (str(found["Item"].get(name, {}).get("S", ""))[:_LONGEST] for name in ("note", "vkey"))
        return LeftNote(note.encode(), vkey)

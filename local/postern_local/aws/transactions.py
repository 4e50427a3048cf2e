"""DynamoDB transactions whose cost does not grow with their tables.

Correction of moto 5.2.5, which copies every table that a transaction names, whole, to have something to go back to:
with some thousand items that is most of what the server does. Here the items that it may write are kept, and put back
where it fails.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from postern_local.aws.replacement import Method, replace


@dataclass(frozen=True, slots=True)
class _Kept:
    """An item as it was before a transaction; `item` is None where there was none."""

    table: Table
    hash_key: DynamoType
    range_key: DynamoType | None
    item: Item | None

    def put_back(self) -> None:
        if self.item is None:
            self.table.delete_item(self.hash_key, self.range_key)
        elif self.range_key is None:
            self.table.items[self.hash_key] = self.item  # type: ignore[assignment]  # as moto keeps them
        else:
            self.table.items[self.hash_key][self.range_key] = self.item


def install() -> None:
    """Once a process."""

    def keeping(original: Method) -> Method:
        def transact_write_items(self: DynamoDBBackend, transact_items: Sequence[Mapping[str, Any]]) -> object:
            kept = list(_kept(self.tables, transact_items))
            try:
                return original(self, transact_items)
            except BaseException:
                for one in kept:
                    one.put_back()
                raise

        return transact_write_items

    replace(DynamoDBBackend, "transact_write_items", keeping)
    # What moto would go back to: nothing else asks for a copy of a table.
    Table.__deepcopy__ = lambda self, _memo: self  # type: ignore[attr-defined]


def _kept(tables: Mapping[str, Table], transact_items: Sequence[Mapping[str, Any]]) -> Iterator[_Kept]:
    """Each item that the operations name; what names none cannot be written either, and moto says so."""
    for operation in (body for one in transact_items for body in one.values()):
        table = tables.get(operation.get("TableName", ""))
        key = operation.get("Key", operation.get("Item", {}))
        names = [] if table is None else [name for name in (table.hash_key_attr, table.range_key_attr) if name]
        if table is None or any(name not in key for name in names):
            continue
        hash_key = DynamoType(key[table.hash_key_attr])
        range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
        yield _Kept(table, hash_key, range_key, copy.deepcopy(table.get_item(hash_key, range_key)))

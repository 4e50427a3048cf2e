"""What Cedar reasons over: the catalogs' databases, schemas, tables and classes, and the principal that asks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from postern.policy.catalog import Catalog
from postern.policy.names import TableName
from postern.types import Principal


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """An entity by type and id: `Postern::Table::"shop.public.orders"`."""

    type: str  # without the namespace
    id: str

    def reference(self) -> dict[str, str]:
        """The entity's uid in Cedar's JSON: type and id apart, so that no character in an id can end it."""
        return {"type": f"Postern::{self.type}", "id": self.id}

    def text(self) -> str:
        """The uid as Cedar writes it, which it reads in no other spelling; one that is still other, it refuses."""
        return f'Postern::{self.type}::"{"".join(map(_escaped, self.id))}"'


def _escaped(character: str) -> str:
    if character in "\\\"'":
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def database_entity(catalog: Catalog) -> Entity:
    return Entity("Database", catalog.database)


def table_entity(catalog: Catalog, table: TableName) -> Entity:
    return Entity("Table", f"{catalog.database}.{table}")


def class_entity(catalog: Catalog, class_name: str) -> Entity:
    return Entity("Class", f"{catalog.database}/{class_name}")


def principal_entity(principal: Principal) -> Entity:
    return Entity("Principal", principal.id)


def catalog_parents(catalogs: Iterable[Catalog]) -> dict[Entity, Entity | None]:
    """Every entity that the catalogs name, with its parent."""
    parents: dict[Entity, Entity | None] = {}
    for catalog in catalogs:
        database = database_entity(catalog)
        parents[database] = None
        for table in catalog.tables:
            schema = Entity("Schema", f"{catalog.database}.{table.schema}")
            parents[schema] = database
            parents[table_entity(catalog, table)] = schema
        parents.update((class_entity(catalog, name), database) for name in catalog.classes)
    return parents


def entities_json(parents: dict[Entity, Entity | None]) -> str:
    """The entities as Cedar reads them."""
    return json.dumps(
        [
            {"uid": entity.reference(), "attrs": {}, "parents": [parent.reference()] if parent else []}
            for entity, parent in parents.items()
        ]
    )


def principal_json(principal: Principal) -> str:
    """The principal with its attributes as tags, and its groups, as Cedar reads them."""
    groups = [Entity("Group", name).reference() for name in principal.groups]
    attributes = {"id": principal.id, "issuer": principal.issuer, "subject": principal.subject}
    if principal.on_behalf_of is not None:
        attributes["on_behalf_of"] = principal.on_behalf_of
    asking = {
        "uid": principal_entity(principal).reference(),
        "attrs": attributes,
        "tags": dict(principal.attributes),
        "parents": groups,
    }
    return json.dumps([asking, *({"uid": group, "attrs": {}, "parents": []} for group in groups)])

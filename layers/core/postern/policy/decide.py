"""The decision over a request for a task: every action on every table, every class, all or nothing.

What an agent may not see looks to it like what is not there: a table, a class or a whole database is
refused in the same words whether it is unknown or closed. Refusals therefore follow the request part by
part, in the agent's spelling and order, and never the catalog; what is wrong with a part in itself is said
only once policy has opened it.

No action implies another. A task that updates or deletes must ask for `select` on the table as well, since
PostgreSQL reads the columns that find the rows with that right: without it only every row at once could be meant.
An insert needs none unless it has RETURNING.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from postern.policy.bundle import PolicyBundle
from postern.policy.catalog import Catalog
from postern.policy.catalog_tables import CatalogTable
from postern.policy.decide_statements import decide_statements
from postern.policy.entities import class_entity, database_entity, table_entity
from postern.policy.hearing import Hearing
from postern.policy.names import TableName
from postern.policy.requests import AccessRequest, Denied, Granted, TaskRequest
from postern.policy.task_context import task_context
from postern.types import Action, Grant, GrantedColumn, GrantedTable, MaskKind, Principal, RowFilter
from postern.world.names import view_name


def decide(bundle: PolicyBundle, principal: Principal, request: TaskRequest, *, now_us: int) -> Granted | Denied:
    """The grant that policy gives for the whole request, or every part of it that policy refuses.

    Raises `PolicyUnavailable` where the policies cannot be asked about this principal at all.
    """
    if request.statements:
        return decide_statements(bundle, principal, request, now_us=now_us)
    hearing = Hearing(bundle.cedar.asked_by(principal, task_context(request, now_us)), request.database)
    catalog = bundle.catalogs.get(request.database, Catalog(request.database, "", {}, {}, ()))
    wanted = _hear_access(hearing, catalog, request.access)
    raw = _hear_unmask(hearing, catalog, request.unmask)
    lookups = _hear_lookup(hearing, catalog, request.lookup, raw)
    _refuse_actions(hearing, catalog, wanted, request.access)
    _refuse_unfiltered(hearing, catalog, wanted, principal)
    if hearing.refusals or hearing.failed or not wanted:
        return Denied(hearing.all_refusals())
    # A policy that fails here leaves the last word to a person; it takes nothing away from what was permitted.
    needs_approval = not hearing.permits("autoApprove", database_entity(catalog))
    grant = Grant(
        database=catalog.database,
        schema_default=catalog.schema_default,
        tables=tuple(_granted(catalog, table, part, raw, principal) for table, part in wanted.items()),
        functions=catalog.functions,
        policy_digest=bundle.digest,
        lookups=lookups,
        detectors=catalog.detectors,
    )
    return Granted(grant, needs_approval, reasons=tuple(sorted(hearing.policies)))


@dataclass(slots=True)
class _Part:
    """What is wanted of one table over all entries of a request that name it; `columns` None means all."""

    spelled: str
    actions: set[Action] = field(default_factory=set)
    columns: set[str] | None = field(default_factory=set)

    def add(self, action: Action, columns: tuple[str, ...] | None) -> None:
        self.actions.add(action)
        if columns is None or self.columns is None:
            self.columns = None
        else:
            self.columns.update(columns)


def _hear_access(hearing: Hearing, catalog: Catalog, access: Iterable[AccessRequest]) -> dict[TableName, _Part]:
    """What of each permitted table is wanted, in the request's order."""
    wanted: dict[TableName, _Part] = {}
    for entry, spelled, action in _each(access):
        table = catalog.find(spelled)
        if table is None or not hearing.permits(action, table_entity(catalog, table)):
            hearing.refuse_closed(f"{action} on {spelled}", f"`{action}` on `{spelled}`")
            continue
        wanted.setdefault(table, _Part(spelled)).add(action, entry.columns)
        for column in entry.columns or ():
            if column not in catalog.tables[table].columns:
                reason = "no column of that name is open to you: leave it out, or leave out `columns` to get all"
                hearing.refuse(f"column {column} of {spelled}", reason)
    return wanted


def _each(access: Iterable[AccessRequest]) -> Iterable[tuple[AccessRequest, str, Action]]:
    return ((entry, table, action) for entry in access for table in entry.tables for action in entry.actions)


def _hear_unmask(hearing: Hearing, catalog: Catalog, classes: Iterable[str]) -> frozenset[str]:
    """The classes that may be seen raw."""
    return frozenset(name for name in classes if _is_open(hearing, catalog, "unmask", name))


def _hear_lookup(hearing: Hearing, catalog: Catalog, classes: Iterable[str], raw: frozenset[str]) -> tuple[str, ...]:
    """The classes whose tokens may be compared with a value, sorted."""
    lookups = set()
    for name in classes:
        if not _is_open(hearing, catalog, "lookup", name):
            continue
        lookups.add(name)
        kind = catalog.classes[name].kind
        if name in raw:
            hearing.refuse(f"lookup {name}", "its values are asked for raw as well: leave out one of the two")
        elif kind is not MaskKind.TOKEN:
            reason = (
                f"its mask is `{kind}` and only tokens can be looked up: leave it out,"
                " or ask your operator to give the class `mask: token`"
            )
            hearing.refuse(f"lookup {name}", reason)
    return tuple(sorted(lookups))


def _is_open(hearing: Hearing, catalog: Catalog, action: str, class_name: str) -> bool:
    if class_name in catalog.classes and hearing.permits(action, class_entity(catalog, class_name)):
        return True
    hearing.refuse_closed(f"{action} {class_name}", f"`{action}` of class `{class_name}`")
    return False


def _refuse_actions(
    hearing: Hearing, catalog: Catalog, wanted: Mapping[TableName, _Part], access: Iterable[AccessRequest]
) -> None:
    """Actions that policy permits one by one, and that no task can hold as they were asked for."""
    to_read = {catalog.find(spelled) for _, spelled, action in _each(access) if action is Action.SELECT}
    for table, part in wanted.items():
        for action in sorted(part.actions & {Action.UPDATE, Action.DELETE}):
            if table not in to_read:
                reason = f"`{action}` reads the columns that find its rows: ask for `select` on the table as well"
                hearing.refuse(f"{action} on {part.spelled}", reason, code="policy.writes")
        if catalog.tables[table].rows and {Action.INSERT, Action.UPDATE} <= part.actions:
            # Together they could take over a row that the filter hides, by way of a conflict with its key.
            reason = "its rows are filtered, so one task cannot hold both: open one for each"
            hearing.refuse(f"insert and update on {part.spelled}", reason, code="policy.writes")


def _refuse_unfiltered(
    hearing: Hearing, catalog: Catalog, wanted: Mapping[TableName, _Part], principal: Principal
) -> None:
    """A row filter that cannot be filled in closes the table: without the attribute there is no access to any row."""
    for table, part in wanted.items():
        for name in _parameters(catalog.tables[table]):
            # An empty one is none: every text starts with it.
            if not principal.attributes.get(name):
                reason = f"its rows are limited by your `{name}`, which your token does not give: ask your operator"
                hearing.refuse(f"rows of {part.spelled}", reason)


def _parameters(table: CatalogTable) -> tuple[str, ...]:
    return table.rows.parameters if table.rows else ()


def _granted(catalog: Catalog, name: TableName, part: _Part, raw: frozenset[str], principal: Principal) -> GrantedTable:
    table = catalog.tables[name]
    masks = {class_name: mask for class_name, mask in catalog.classes.items() if class_name not in raw}
    columns = (
        GrantedColumn(
            column, class_name, None if class_name is None else masks.get(class_name), table.types.get(column)
        )
        for column, class_name in table.columns.items()
        if part.columns is None or column in part.columns
    )
    parameters = {parameter: principal.attributes[parameter] for parameter in _parameters(table)}
    return GrantedTable(
        schema=name.schema,
        name=name.name,
        view=view_name(name.schema, name.name, catalog.schema_default),
        actions=tuple(sorted(part.actions)),
        columns=tuple(columns),
        row_filter=RowFilter(table.rows.expression, parameters) if table.rows else None,
        triggers=table.triggers,
        cascades=tuple(str(reached) for reached in table.cascades),
    )

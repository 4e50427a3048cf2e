"""The decision over a request for a task: every action on every table, every class, all or nothing.

What an agent may not see looks to it like what is not there: a table, a class or a whole database is
refused in the same words whether it is unknown or closed. Refusals therefore follow the request part by
part, in the agent's spelling and order, and never the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from postern.errors import Refusal
from postern.policy.bundle import PolicyBundle
from postern.policy.catalog import Catalog, CatalogTable
from postern.policy.cedar import ContextValue, Inquiry
from postern.policy.entities import Entity, class_entity, database_entity, table_entity
from postern.policy.names import TableName
from postern.policy.requests import AccessRequest, Denied, Granted, TaskRequest
from postern.types import Action, Grant, GrantedColumn, GrantedTable, Principal, RowFilter
from postern.world.names import view_name

_DAY_S = 86_400
_HOUR_S = 3_600


def decide(bundle: PolicyBundle, principal: Principal, request: TaskRequest, *, now_us: int) -> Granted | Denied:
    """The grant that policy gives for the whole request, or every part of it that policy refuses.

    Raises `PolicyUnavailable` where the policies cannot be asked about this principal at all.
    """
    hearing = _Hearing(bundle.cedar.asked_by(principal, _context(request, now_us)), request.database)
    catalog = bundle.catalogs.get(request.database, Catalog(request.database, "", {}, {}, ()))
    wanted = _hear_access(hearing, catalog, request.access)
    raw = _hear_classes(hearing, catalog, request.unmask)
    _refuse_lookups(hearing, request.lookup)
    _refuse_unfiltered(hearing, catalog, wanted, principal)
    if hearing.refusals or hearing.failed or not wanted:
        return Denied(hearing.all_refusals())
    tables = tuple(_granted(catalog, table, part, raw, principal) for table, part in wanted.items())
    # A policy that fails here leaves the last word to a person; it takes nothing away from what was permitted.
    needs_approval = not hearing.permits("autoApprove", database_entity(catalog))
    return Granted(
        grant=Grant(catalog.database, catalog.schema_default, tables, catalog.functions, bundle.digest),
        needs_approval=needs_approval,
        reasons=tuple(sorted(hearing.policies)),
    )


def _context(request: TaskRequest, now_us: int) -> Mapping[str, ContextValue]:
    now_s = now_us // 1_000_000
    context: dict[str, ContextValue] = {
        "ttl": request.ttl_s,
        "purpose": bool(request.purpose.strip()),
        "writes": any(action.writes for part in request.access for action in part.actions),
        "hour": now_s % _DAY_S // _HOUR_S,
        "weekday": (now_s // _DAY_S + 3) % 7 + 1,  # the epoch's first day was a Thursday
    }
    if request.ticket is not None and request.ticket.strip():
        context["ticket"] = request.ticket
    return context


@dataclass(slots=True)
class _Hearing:
    """One request before the policies: what they refused, and which of them permitted the rest."""

    inquiry: Inquiry
    database: str  # as the agent named it
    refusals: list[Refusal] = field(default_factory=list)
    policies: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def permits(self, action: str, resource: Entity) -> bool:
        verdict = self.inquiry.may(action, resource)
        self.failed.update(verdict.failed)
        if verdict.is_permitted:
            self.policies.update(verdict.policies)
        return verdict.is_permitted

    def refuse(self, what: str, reason: str, *, code: str = "policy.refused") -> None:
        refusal = Refusal(what, code, reason)
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    def all_refusals(self) -> tuple[Refusal, ...]:
        """Never empty: a request that asks for nothing is refused as a whole."""
        broken = [
            Refusal("policy", "policy.unavailable", f"policy {policy} could not be evaluated: tell your operator")
            for policy in sorted(self.failed)
        ]
        nothing = [Refusal("access", "policy.refused", "no action on a table is asked for: name at least one")]
        return tuple([*self.refusals, *broken] or nothing)


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


def _hear_access(hearing: _Hearing, catalog: Catalog, access: Iterable[AccessRequest]) -> dict[TableName, _Part]:
    """What of each permitted table is wanted, in the request's order."""
    wanted: dict[TableName, _Part] = {}
    for entry, spelled, action in _each(access):
        if action.writes:
            # Said of every table alike, so that it tells nothing about this one.
            reason = f"`{action}` is not available yet: ask for `select`"
            hearing.refuse(f"{action} on {spelled}", reason, code="policy.writes")
            continue
        table = catalog.find(spelled)
        if table is None or not hearing.permits(action, table_entity(catalog, table)):
            hearing.refuse(f"{action} on {spelled}", _closed(f"`{action}` on `{spelled}`", hearing.database))
            continue
        wanted.setdefault(table, _Part(spelled)).add(action, entry.columns)
        for column in entry.columns or ():
            if column not in catalog.tables[table].columns:
                reason = "no column of that name is open to you: leave it out, or leave out `columns` to get all"
                hearing.refuse(f"column {column} of {spelled}", reason)
    return wanted


def _each(access: Iterable[AccessRequest]) -> Iterable[tuple[AccessRequest, str, Action]]:
    return ((entry, table, action) for entry in access for table in entry.tables for action in entry.actions)


def _closed(what: str, database: str) -> str:
    return f"{what} in database `{database}` is not open to you: check the names, or ask your operator for access"


def _hear_classes(hearing: _Hearing, catalog: Catalog, classes: Iterable[str]) -> frozenset[str]:
    """The classes that may be seen raw."""
    raw = set()
    for name in classes:
        if name in catalog.classes and hearing.permits("unmask", class_entity(catalog, name)):
            raw.add(name)
        else:
            hearing.refuse(f"unmask {name}", _closed(f"`unmask` of class `{name}`", hearing.database))
    return frozenset(raw)


def _refuse_lookups(hearing: _Hearing, classes: Iterable[str]) -> None:
    for name in classes:
        hearing.refuse(f"lookup {name}", "`lookup` is not available yet: leave it out")


def _refuse_unfiltered(
    hearing: _Hearing, catalog: Catalog, wanted: Mapping[TableName, _Part], principal: Principal
) -> None:
    """A row filter that cannot be filled in closes the table: without the attribute there is no access to any row."""
    for table, part in wanted.items():
        for name in _parameters(catalog.tables[table]):
            if name not in principal.attributes:
                reason = f"its rows are limited by your `{name}`, which your token does not give: ask your operator"
                hearing.refuse(f"rows of {part.spelled}", reason)


def _parameters(table: CatalogTable) -> tuple[str, ...]:
    return table.rows.parameters if table.rows else ()


def _granted(catalog: Catalog, name: TableName, part: _Part, raw: frozenset[str], principal: Principal) -> GrantedTable:
    table = catalog.tables[name]
    masks = {class_name: mask for class_name, mask in catalog.classes.items() if class_name not in raw}
    columns = (
        GrantedColumn(column, class_name, None if class_name is None else masks.get(class_name))
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
    )

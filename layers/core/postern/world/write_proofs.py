"""Whether the live database lets a task write through its views, and what exactly.

A write is granted on a table only where this is proved; what is not is refused with its reason and the way to mend it:

1. It is a table or a partitioned table, and `postern_owner` has the action on it.
2. INSERT: each column that must be given a value can be, and each sequence that fills one in can be granted.
3. Each trigger and rule that it may fire, wherever it goes, is one that the catalog lists as reviewed, and each
   function that runs on the way means the same under every `search_path`: it runs with the task's, or, where a foreign
   key's action set it off, as a table's owner with the task's.
4. Foreign keys carry it only into tables where the task may do as much, or which the catalog lists.
5. A filtered table is given for INSERT or for UPDATE, never both.

A column is written only where the view shows it as it is. Kept back besides, without refusing the action:

* from UPDATE, a column that a constraint compares with one that is masked or hidden: whether it fails would tell of it;
* on a filtered table, keys: a duplicate tells that a hidden row exists. From UPDATE the primary key, from INSERT
  and UPDATE a unique column that the database fills in by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postern.errors import Refusal
from postern.types import Action, Grant, GrantedTable
from postern.world.effects import Effect, effects_of, fired_triggers
from postern.world.functions import FunctionKey, granted_functions
from postern.world.live import TableKey
from postern.world.live_writes import LiveCall, LiveRelation, LiveWrites, find_relation

_WRITABLE_RELKINDS = frozenset({"r", "p"})


@dataclass(frozen=True, slots=True)
class WriteRights:
    """What a task gets on one view beside SELECT, and the sequences that it needs for that."""

    insert: tuple[str, ...] = ()  # columns in the view's order; empty where the action is not granted
    update: tuple[str, ...] = ()
    delete: bool = False
    sequences: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        """The actions as `pg_relation_is_updatable` counts them: by the bits of PostgreSQL's CmdType."""
        return (4 if self.update else 0) + (8 if self.insert else 0) + (16 if self.delete else 0)


@dataclass(frozen=True, slots=True)
class _Case:
    """One action on one table of a grant, before the live database."""

    grant: Grant
    live: LiveWrites
    table: GrantedTable
    oid: int
    action: Action
    columns: tuple[str, ...]  # that it may write

    @property
    def relation(self) -> LiveRelation:
        return self.live[self.oid]


def written_tables(grant: Grant) -> list[TableKey]:
    """The tables on which the grant has an action that writes."""
    return [(table.schema, table.name) for table in grant.tables if any(action.writes for action in table.actions)]


def prove_writes(grant: Grant, live: LiveWrites) -> tuple[Mapping[TableKey, WriteRights], tuple[Refusal, ...]]:
    """The rights on each view that the grant writes through, and every reason against one of its actions.

    `live` need hold no table that the grant only reads.
    """
    rights: dict[TableKey, WriteRights] = {}
    refusals: list[Refusal] = []
    for table in grant.tables:
        found = find_relation(live, (table.schema, table.name))
        written = [action for action in table.actions if action.writes]
        if found is None:
            reason = "expected a table of the live database, found none"
            refusals += [Refusal(f"{action} on {table.qualified}", "policy.writes", reason) for action in written]
            continue
        oid, relation = found
        columns = {action: writable_columns(table, relation, action) for action in written}
        for action in written:
            case = _Case(grant, live, table, oid, action, columns[action])
            reasons = dict.fromkeys(_objections(case))
            refusals += [Refusal(f"{action} on {table.qualified}", "policy.writes", reason) for reason in reasons]
        rights[table.schema, table.name] = _rights(relation, columns)
    return rights, tuple(refusals)


def writable_columns(table: GrantedTable, relation: LiveRelation, action: Action) -> tuple[str, ...]:
    """The columns that the action may set, in the view's order; none for DELETE."""
    raw = [column.name for column in table.columns if column.mask is None and column.name in relation.columns]
    kept_back = {name for name in raw if relation.columns[name].is_generated}
    if action is Action.DELETE:
        return ()
    if table.row_filter is not None:
        kept_back |= _telling_keys(relation, action)
    if action is Action.UPDATE:
        shown = frozenset(raw)
        kept_back |= {name for one in relation.constraints if one.columns - shown for name in one.columns & shown}
    return tuple(name for name in raw if name not in kept_back)


def _telling_keys(relation: LiveRelation, action: Action) -> set[str]:
    """Columns whose duplicates would tell of rows that a filter hides, and that nobody needs to choose a value for."""
    return {
        name
        for one in relation.constraints
        if one.is_unique
        for name in one.columns
        if relation.columns[name].is_fresh or (one.is_primary and action is Action.UPDATE)
    }


def _rights(relation: LiveRelation, columns: Mapping[Action, tuple[str, ...]]) -> WriteRights:
    sequences = [one.name for column in relation.columns.values() for one in column.sequences]
    return WriteRights(
        insert=columns.get(Action.INSERT, ()),
        update=columns.get(Action.UPDATE, ()),
        delete=Action.DELETE in columns,
        sequences=tuple(sorted(set(sequences))) if Action.INSERT in columns else (),
    )


def _objections(case: _Case) -> Iterator[str]:
    if case.relation.relkind not in _WRITABLE_RELKINDS:
        yield "expected a table or a partitioned table: a write into a view, a foreign table and the like is not proved"
        return
    if case.action not in case.relation.allowed:
        yield f"expected postern_owner to have {case.action.upper()} on the table; run db bootstrap"
    yield from _column_objections(case)
    for effect in effects_of(case.live, case.oid, case.action, frozenset(case.columns)):
        yield from _reach_objections(case, effect)
        yield from _trigger_objections(case, effect)
        yield from _call_objections(case, effect)


def _column_objections(case: _Case) -> Iterator[str]:
    if case.action is Action.DELETE:
        return
    if not case.columns:
        yield f"expected a column that {case.action} may write, got none: they are masked, generated or kept back"
    if case.table.row_filter is not None and {Action.INSERT, Action.UPDATE} <= set(case.table.actions):
        yield "its rows are filtered, so one task cannot hold both insert and update: open one for each"
    if case.action is Action.UPDATE:
        return
    for name, column in case.relation.columns.items():
        if column.is_required and name not in case.columns:
            yield f"column {name} is NOT NULL and has no default: expected it to be writable (open in the catalog)"
        if column.is_late:
            yield f"column {name}: its default names its sequence only when it runs; expected nextval('…'::regclass)"
        for sequence in column.sequences:
            if not sequence.is_grantable:
                yield (
                    f"column {name}: expected postern_owner to have USAGE on its sequence {sequence.name}"
                    " WITH GRANT OPTION; run db bootstrap"
                )


def _reach_objections(case: _Case, effect: Effect) -> Iterator[str]:
    relation = case.live[effect.oid]
    if effect.by_key is None:
        if relation.relkind not in _WRITABLE_RELKINDS:
            yield f"{relation.qualified}, a part of it, is no table: writes into foreign tables are not proved"
        return
    root = case.live[effect.root]
    if not effect.is_named or root.qualified in case.table.cascades or _may_do_itself(case, root, effect):
        return
    yield (
        f"foreign key {effect.by_key} carries it into {root.qualified} ({effect.action}): expected the same action"
        " on all rows of that table in this task, or the table under `cascades` in the catalog"
    )


def _may_do_itself(case: _Case, root: LiveRelation, effect: Effect) -> bool:
    """Whether the task was granted, on the table that is reached, what the foreign key does there."""
    granted = next((one for one in case.grant.tables if one.qualified == root.qualified), None)
    if granted is None or granted.row_filter is not None:
        return False
    if case.action is Action.DELETE and Action.DELETE in granted.actions:
        return True  # what may delete a row may see its reference go
    if effect.action is Action.DELETE or Action.UPDATE not in granted.actions:
        return False
    return effect.columns <= set(writable_columns(granted, root, Action.UPDATE))


def _trigger_objections(case: _Case, effect: Effect) -> Iterator[str]:
    relation = case.live[effect.oid]
    root = case.live[effect.root].qualified
    reviewed = {
        name
        for table in case.grant.tables
        if table is case.table or table.qualified in (root, relation.qualified)
        for name in table.triggers
    }
    for trigger in fired_triggers(relation, effect):
        what = f"{'rule' if trigger.is_rule else 'trigger'} {trigger.name} on {relation.qualified}"
        if trigger.name not in reviewed:
            yield f"it fires {what}: expected it to be reviewed and listed under `triggers` in the catalog"
        for routine in trigger.routines:
            if not routine.is_name_safe:
                yield f"it fires {what}, whose function looks names up in the task's schema: {routine.mend}"


def _call_objections(case: _Case, effect: Effect) -> Iterator[str]:
    if effect.action is Action.DELETE:
        return
    relation = case.live[effect.oid]
    callable_by_task = granted_functions(case.grant)
    for call in relation.calls:
        # Defaults are the named table's; beside INSERT, a foreign key's SET DEFAULT asks for them.
        if call.is_default and not (effect.is_named and (effect.by_key or effect.action is Action.INSERT)):
            continue
        what = f"{call.by} of {relation.qualified} calls {call.routine.signature}"
        if not call.routine.is_name_safe and not call.routine.is_compiled:
            yield f"{what}, which looks names up in the task's schema: {call.routine.mend}"
        if effect.by_key is None and not _may_call(call, callable_by_task):
            yield f"{what}, which the task may not execute: expected it under `functions` in the catalog"


def _may_call(call: LiveCall, listed: tuple[FunctionKey, ...]) -> bool:
    return call.routine.is_open or (call.routine.schema, call.routine.name) in listed

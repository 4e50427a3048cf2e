"""Where a write goes: from the table that it names into partitions, heirs, and along foreign keys that act.

A foreign key's action runs as the owner of the table that it reaches, and asks neither the view nor its row filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from postern.types import Action
from postern.world.live_writes import LiveRelation, LiveTrigger, LiveWrites

_NOBODY = frozenset({"a", "r"})  # NO ACTION and RESTRICT: the write fails, nothing is reached
_CASCADE = "c"


@dataclass(frozen=True, slots=True)
class Effect:
    """One action on one relation."""

    oid: int
    action: Action
    columns: frozenset[str]  # that an UPDATE sets
    root: int  # the table that a statement names, above partitions and heirs
    by_key: str | None = None  # the foreign key that reaches it; None where the task's own statement does
    moves: bool = False  # an UPDATE may move rows into another partition: a DELETE and an INSERT there

    @property
    def is_named(self) -> bool:
        """Whether statement triggers fire: not so on a partition or heir."""
        return self.oid == self.root

    @property
    def row_actions(self) -> frozenset[Action]:
        """The actions whose row triggers may fire."""
        if self.moves:
            return frozenset({Action.INSERT, Action.UPDATE, Action.DELETE})
        return frozenset({self.action})


def effects_of(live: LiveWrites, oid: int, action: Action, columns: frozenset[str]) -> list[Effect]:
    """Everything that an action on a table does, itself first, each once."""
    found: list[Effect] = []
    waiting = [Effect(oid, action, columns, root=oid)]
    while waiting:
        effect = _with_moves(live[waiting[0].oid], waiting.pop(0))
        if effect not in found:
            found.append(effect)
            waiting += _further(live[effect.oid], effect)
    return found


def fired_triggers(relation: LiveRelation, effect: Effect) -> Iterator[LiveTrigger]:
    """The triggers and rules of the relation that the effect may fire."""
    for trigger in relation.triggers:
        actions = effect.row_actions if trigger.is_row else frozenset({effect.action})
        if not trigger.actions & actions or not (trigger.is_row or effect.is_named):
            continue
        only_updates = trigger.actions & actions == {Action.UPDATE}
        if not only_updates or not trigger.columns or trigger.columns & effect.columns:
            yield trigger


def _with_moves(relation: LiveRelation, effect: Effect) -> Effect:
    if effect.action is not Action.UPDATE or not relation.partition_key & effect.columns:
        return effect
    return replace(effect, moves=True)


def _further(relation: LiveRelation, effect: Effect) -> Iterator[Effect]:
    for child in relation.children:
        yield replace(effect, oid=child)
    for key in relation.keys:
        if effect.action is Action.DELETE and key.on_delete not in _NOBODY:
            action, columns = _reached(key.on_delete, key.unset_columns)
        elif effect.action is Action.UPDATE and key.on_update not in _NOBODY and key.referenced & effect.columns:
            action, columns = Action.UPDATE, key.columns
        else:
            continue
        yield Effect(key.referencing, action, columns, root=key.referencing, by_key=key.name)


def _reached(on_delete: str, unset: frozenset[str]) -> tuple[Action, frozenset[str]]:
    return (Action.DELETE, frozenset()) if on_delete == _CASCADE else (Action.UPDATE, unset)

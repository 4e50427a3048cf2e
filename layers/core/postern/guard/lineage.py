"""Where a value comes from: the columns in scope that it is made of, and what a name means at a place.

Names are resolved as PostgreSQL does, from the innermost FROM outwards. Where the guard knows less than
PostgreSQL (the columns of a function, the name of an expression), a value is made of all that it may be made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postern.guard.scope import Relation

Origin = tuple[str, str, str]  # schema, table, column


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression is made of. `PASSED` and `or_` make a lattice: more origins, less exact."""

    origins: frozenset[Origin] = frozenset()
    is_exact: bool = False  # each origin's value is handed on as it is, and nothing else
    marker: str | None = None  # a constant in it that looks like a mask or a token

    def or_(self, other: Value) -> Value:
        """Either of two values, or something made of both."""
        return Value(self.origins | other.origins, self.is_exact and other.is_exact, self.marker or other.marker)

    def changed(self) -> Value:
        """Something computed from the value."""
        return Value(self.origins, is_exact=False, marker=self.marker)


NOTHING_YET = Value(is_exact=True)  # joins with any value to that value
COMPUTED = Value()


def union(values: Iterable[Value]) -> Value:
    """Any of the values."""
    found = NOTHING_YET
    for value in values:
        found = found.or_(value)
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query or a source. Without a name it may be called anything."""

    name: str | None
    value: Value


@dataclass(frozen=True, slots=True)
class Row:
    """The columns of a query, a relation or a function."""

    columns: tuple[Column, ...]
    is_ordered: bool = True  # the columns stand in the order that positions count

    @property
    def value(self) -> Value:
        """The whole row as one value."""
        return union(column.value for column in self.columns).changed()

    def named(self, names: Sequence[str]) -> Row:
        """The row under an alias's column names, which rename the first of its columns."""
        if not names:
            return self
        if not self.is_ordered or len(names) > len(self.columns):
            whole = self.value
            rest = (Column(None, column.value) for column in self.columns)
            return Row((*(Column(name, whole) for name in names), *rest), is_ordered=False)
        renamed = (Column(name, column.value) for name, column in zip(names, self.columns, strict=False))
        return Row((*renamed, *self.columns[len(names) :]))

    def or_(self, other: Row) -> Row:
        """The rows of either, as set operations join them: by position, under the first's names."""
        if not (self.is_ordered and other.is_ordered and len(self.columns) == len(other.columns)):
            whole = self.value.or_(other.value)
            return Row(
                tuple(Column(column.name, whole) for column in (*self.columns, *other.columns)), is_ordered=False
            )
        pairs = zip(self.columns, other.columns, strict=True)
        return Row(tuple(Column(one.name, one.value.or_(two.value)) for one, two in pairs))


def row_of(relation: Relation) -> Row:
    """A relation's columns, each its own origin."""
    return Row(
        tuple(
            Column(name, Value(frozenset({(relation.schema, relation.name, name)}), is_exact=True))
            for name in relation.by_column
        )
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Something in FROM, under the name that columns call it by."""

    name: str | None
    row: Row
    schema: str | None = None  # as written, where it was: for `schema.table.column`


@dataclass(frozen=True, slots=True)
class Frame:
    """What a place in a statement sees: the sources of its FROM, and those of the queries around it."""

    sources: Sequence[Source]
    outer: Frame | None = None

    def column(self, name: str) -> Value:
        """What a name without a qualifier means: a column, or else the whole row of a source."""
        found: Value | None = None
        frame: Frame | None = self
        while frame is not None:
            columns = [column for source in frame.sources for column in source.row.columns]
            if matches := [column.value for column in columns if column.name == name]:
                return union(matches) if found is None else found.or_(union(matches)).changed()
            possible = [column.value for column in columns if column.name is None]
            possible += [source.row.value for source in frame.sources if source.name == name]
            if possible:
                found = union([*possible, found or NOTHING_YET]).changed()
            frame = frame.outer
        return found or COMPUTED

    def column_of(self, qualifiers: Sequence[str], name: str) -> Value:
        """What a qualified name means: a column of that source, or a function of its whole row."""
        source = self.source(qualifiers)
        if source is None:
            # `column.field`: a part of a composite value. Of a table that is not found it may be anything.
            return self.column(qualifiers[0]).changed() if len(qualifiers) == 1 else self.anything()
        matches = [column.value for column in source.row.columns if column.name == name]
        return union(matches) if matches else source.row.value

    def source(self, qualifiers: Sequence[str]) -> Source | None:
        """The innermost source that is called so."""
        schema = qualifiers[-2] if len(qualifiers) > 1 else None
        frame: Frame | None = self
        while frame is not None:
            for source in frame.sources:
                if source.name == qualifiers[-1] and schema in (None, source.schema):
                    return source
            frame = frame.outer
        return None

    def anything(self) -> Value:
        """Something made of all that is seen from here."""
        values = [column.value for column in self.star()]
        return union([*values, self.outer.anything() if self.outer else NOTHING_YET]).changed()

    def may_be_column(self, name: str) -> bool:
        """Whether a name may be a column's, which it then is before it is a relation's."""
        named = any(column.name in (name, None) for column in self.star())
        return named or (self.outer is not None and self.outer.may_be_column(name))

    def star(self) -> tuple[Column, ...]:
        """All columns of all sources, in order."""
        return tuple(column for source in self.sources for column in source.row.columns)

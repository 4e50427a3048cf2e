"""The table of `schema` as an Arrow schema: what a Parquet file's columns are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postern_cli.ocsf.attributes import SCALARS, Attribute, Shape
from postern_cli.ocsf.schema import SHAPES, EventClass

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_schema(event_class: EventClass) -> pa.Schema:
    """One field for each attribute, in the table's order. Every field may be null, but those that OCSF requires."""
    import pyarrow as pa

    return pa.schema(_fields(event_class.shape))


def _fields(shape: Shape) -> list[pa.Field]:
    import pyarrow as pa

    return [pa.field(one.name, _type(one), nullable=one.requirement != "required") for one in shape.attributes]


def _type(attribute: Attribute) -> pa.DataType:
    import pyarrow as pa

    scalars = {
        "string_t": pa.string(),
        "integer_t": pa.int32(),
        "long_t": pa.int64(),
        "timestamp_t": pa.int64(),  # milliseconds, as OCSF has them; Security Lake's tables have bigint there, too
        "boolean_t": pa.bool_(),
    }
    is_scalar = attribute.type in SCALARS
    one = scalars[attribute.type] if is_scalar else pa.struct(_fields(SHAPES[attribute.type]))
    return pa.list_(one) if attribute.is_array else one

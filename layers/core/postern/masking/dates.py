"""Dates and timestamps as masks reckon with them: at UTC, and only where nothing can leave its type's range."""

from __future__ import annotations

from postern.masking.column_types import ColumnType

# Beyond these years, truncating, even several times, could leave a type's range and raise; 'infinity' has no year.
_FIRST_YEAR = "4000-01-01 BC"
_AFTER_LAST_YEAR = "294276-01-01"


def utc_timestamp_sql(column: str, column_type: ColumnType) -> str:
    """The column's value as a timestamp without time zone. Its errors are those that `is_plain_date_sql` keeps away."""
    return {
        "date": f"({column}::timestamp)",
        "timestamp": f"({column}::timestamp)",
        "timestamptz": f"({column} AT TIME ZONE 'UTC')",
    }[column_type.base]


def is_plain_date_sql(column: str, column_type: ColumnType) -> str:
    """True of a value that has a year; false or NULL for infinity, NULL, and the ends of the range."""
    low, high = _moment(_FIRST_YEAR, column_type.base), _moment(_AFTER_LAST_YEAR, column_type.base)
    return f"{column} >= {low} AND {column} < {high}"


def _moment(day: str, base: str) -> str:
    return f"'{day} 00:00:00+00'::timestamptz" if base == "timestamptz" else f"'{day}'::{base}"

"""Catalogs: what loads, and each slip with the line it is on."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError
from postern.masking.column_types import ColumnType
from postern.masking.expressions import fitting_masks
from postern.policy.catalog import parse_catalog
from postern.policy.masks import SUPPORTED_MASKS
from postern.policy.names import TableName
from postern.types import Mask, MaskKind
from tests.support.policy import CATALOG, replaced

FILE = "catalog/shop.yaml"


def _error(text: str, file: str = FILE) -> PolicyFileError:
    with pytest.raises(PolicyFileError) as raised:
        parse_catalog(text.encode(), file=file)
    return raised.value


def test_parses_tables_columns_classes_and_filters_in_the_files_order():
    catalog = parse_catalog(CATALOG.encode(), file=FILE)
    customers = catalog.tables[TableName("public", "customers")]
    assert list(catalog.tables) == [
        TableName("public", "customers"),
        TableName("public", "orders"),
        TableName("sales", "leads"),
    ]
    assert list(customers.columns.items()) == [
        ("id", None),
        ("email", "pii.email"),
        ("full_name", "pii.name"),
        ("region", None),
    ]
    assert customers.rows is not None
    assert customers.rows.parameters == ("region",)
    assert catalog.classes == {"pii.email": Mask(MaskKind.EMAIL), "pii.name": Mask(MaskKind.REDACT)}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("orders", TableName("public", "orders"), id="bare-name-is-the-default-schemas"),
        pytest.param("public.orders", TableName("public", "orders"), id="qualified"),
        pytest.param("sales.leads", TableName("sales", "leads"), id="other-schema"),
        pytest.param("leads", None, id="other-schema-needs-its-name"),
        pytest.param("Orders", None, id="case-is-exact"),
        pytest.param("shop.public.orders", None, id="three-parts"),
        pytest.param(".orders", None, id="empty-schema"),
        pytest.param("", None, id="empty"),
        pytest.param('"orders"', None, id="quotes-are-part-of-a-name"),
    ],
)
def test_finds_a_table_by_its_exact_name(asked: str, found: TableName | None):
    assert parse_catalog(CATALOG.encode(), file=FILE).find(asked) == found


def test_table_without_a_schema_is_the_default_schemas():
    text = replaced(CATALOG, "  public.orders:", "  orders:")
    assert TableName("public", "orders") in parse_catalog(text.encode(), file=FILE).tables


def test_keeps_odd_names_exactly():
    text = replaced(CATALOG, "  public.orders:", "  'Ünusual \"Tab;le':").replace("total: open", "'x''); --': open")
    catalog = parse_catalog(text.encode(), file=FILE)
    assert "x'); --" in catalog.tables[TableName("public", 'Ünusual "Tab;le')].columns


@pytest.mark.parametrize(
    ("written", "mask"),
    [
        pytest.param('{mask: "null"}', Mask(MaskKind.NULL), id="null"),
        pytest.param("{mask: token}", Mask(MaskKind.TOKEN), id="token"),
        pytest.param("{mask: year}", Mask(MaskKind.YEAR), id="year"),
        pytest.param("{mask: month}", Mask(MaskKind.MONTH), id="month"),
        pytest.param("{mask: partial, keep_first: 2}", Mask(MaskKind.PARTIAL, keep_first=2), id="partial-first"),
        pytest.param("{mask: partial, keep_last: 4}", Mask(MaskKind.PARTIAL, keep_last=4), id="partial-last"),
        pytest.param("{mask: range, width: 10}", Mask(MaskKind.RANGE, width=10), id="range"),
    ],
)
def test_parses_a_mask_with_its_parameters(written: str, mask: Mask):
    text = replaced(CATALOG, "{mask: email}", written)
    assert parse_catalog(text.encode(), file=FILE).classes["pii.email"] == mask


def test_accepts_exactly_the_masks_that_a_world_can_build():
    bases = ("text", "int4", "numeric", "date", "timestamptz", "uuid", "other")
    buildable = {kind for base in bases for kind in fitting_masks(ColumnType(base, base, base))}
    assert buildable == SUPPORTED_MASKS


# What is replaced, by what, the line that the error names, and a part of what it says.
SLIPS = [
    pytest.param("database: shop", "", 2, "`database`", id="no-database"),
    pytest.param("database: shop", "database: Shop", 1, "database name", id="database-in-upper-case"),
    pytest.param("database: shop", "database: other", 1, "other.yaml", id="database-is-not-the-files-name"),
    pytest.param("database: shop", "database: 7", 1, "expected text", id="database-is-no-text"),
    pytest.param("schema_default: public", "", 1, "`schema_default`", id="no-schema-default"),
    pytest.param("schema_default: public", "schema_default: pg_catalog", 2, "reserved", id="default-is-reserved"),
    pytest.param("functions: []", "owner_role: dba", 18, "unknown field", id="field-of-a-later-version"),
    pytest.param("functions: []", "functions: [a.b.c]", 18, "`schema.function`", id="function-of-three-parts"),
    pytest.param("functions: []", "functions: [f, f]", 18, "once", id="function-twice"),
    pytest.param("functions: []", "functions: [pg_catalog.f]", 18, "reserved", id="function-in-a-reserved-schema"),
    pytest.param("  pii.name:", "  open:", 5, "`open`", id="class-named-open"),
    pytest.param("  pii.name:", "  pii/name:", 5, "class name", id="class-with-a-slash"),
    pytest.param("  pii.name:", "  pii.email:", 5, "twice", id="class-twice"),
    pytest.param("{mask: email}", "{mask: rot13}", 4, "expected a mask, one of", id="mask-unknown"),
    pytest.param("{mask: email}", "{mask: scrub}", 4, "not available yet", id="mask-of-a-later-version"),
    pytest.param("{mask: email}", "{mask: sql, expression: x, type: text}", 4, "not available yet", id="mask-sql"),
    pytest.param("{mask: email}", "{mask: null}", 4, '`"null"`', id="mask-null-without-quotes"),
    pytest.param("{mask: email}", "{}", 4, "`mask`", id="mask-missing"),
    pytest.param("{mask: email}", "{mask: email, keep_first: 1}", 4, "unknown field", id="parameter-too-many"),
    pytest.param("{mask: email}", "{mask: partial}", 4, "either", id="partial-without-parameter"),
    pytest.param("{mask: email}", "{mask: partial, keep_first: 1, keep_last: 1}", 4, "either", id="partial-with-both"),
    pytest.param("{mask: email}", "{mask: partial, keep_last: 0}", 4, "from 1 to", id="partial-keeps-nothing"),
    pytest.param("{mask: email}", "{mask: partial, keep_last: 65}", 4, "from 1 to", id="partial-keeps-too-much"),
    pytest.param("{mask: email}", "{mask: partial, keep_last: true}", 4, "an integer", id="partial-keeps-true"),
    pytest.param("{mask: email}", "{mask: range}", 4, "`width`", id="range-without-width"),
    pytest.param("{mask: email}", "{mask: range, width: -1}", 4, "from 1 to", id="range-with-negative-width"),
    pytest.param("id: open, customer_id", "id: secret, customer_id", 15, "'secret'", id="class-does-not-exist"),
    pytest.param("id: open, customer_id", "id: , customer_id", 15, "expected text", id="column-without-class"),
    pytest.param("id: open, customer_id", "id: open, id", 15, "twice", id="column-twice"),
    pytest.param("id: open, customer_id", "ctid: open, customer_id", 15, "system column", id="system-column"),
    pytest.param("id: open, customer_id", "a.b: open, customer_id", 15, "without a dot", id="column-with-a-dot"),
    pytest.param("id: open, customer_id", '"a\\0": open, customer_id', 15, "control", id="column-with-nul"),
    pytest.param("id: open, customer_id", '"a\\n": open, customer_id', 15, "control", id="column-with-line-break"),
    pytest.param("id: open, customer_id", f"{'é' * 32}: open, customer_id", 15, "63 bytes", id="column-too-long"),
    pytest.param("{id: open, customer_id: open, total: open}", "{}", 15, "at least one column", id="no-columns"),
    pytest.param(
        "    columns: {id: open, customer_id: open, total: open}", "    {}", 14, "`columns`", id="empty-table"
    ),
    pytest.param("  public.orders:", "  customers:", 14, "again; first on line 7", id="table-twice-by-two-names"),
    pytest.param("  public.orders:", "  public.customers:", 14, "twice", id="table-twice"),
    pytest.param("  public.orders:", "  a.public.orders:", 14, "`schema.table`", id="table-of-three-parts"),
    pytest.param("  public.orders:", "  public.:", 14, "`schema.table`", id="table-without-a-name"),
    pytest.param("  public.orders:", "  pg_toast.orders:", 14, "reserved", id="reserved-schema-pg"),
    pytest.param("  public.orders:", "  information_schema.orders:", 14, "reserved", id="reserved-schema-information"),
    pytest.param("  public.orders:", "  postern.task_key:", 14, "reserved", id="reserved-schema-postern"),
    pytest.param("  public.orders:", f"  task_{'0' * 32}.x:", 14, "reserved", id="reserved-schema-task"),
    pytest.param("  public.orders:", f"  {'x' * 64}:", 14, "63 bytes", id="table-too-long"),
    pytest.param("    rows:", "    triggers: []\n    rows:", 13, "unknown field", id="table-field-of-a-later-version"),
    pytest.param("region = :region", "region = ':region'", 13, "quotes", id="parameter-in-quotes"),
    pytest.param("region = :region", "region = (select 1)", 13, "subquery", id="filter-with-a-subquery"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), SLIPS)
def test_names_file_and_line_of_a_slip(old: str, new: str, line: int, says: str):
    error = _error(replaced(CATALOG, old, new))
    assert (error.file, error.line) == (FILE, line)
    assert error.detail.startswith(f"{FILE}:{line}: ")
    assert says in error.detail


def test_rejects_a_catalog_without_tables():
    text = CATALOG[: CATALOG.index("tables:")] + "tables: {}\n"
    assert (_error(text).line, "at least one table" in _error(text).detail) == (6, True)


def test_rejects_a_catalog_in_a_file_of_another_name():
    assert _error(CATALOG, file="catalog/store.yaml").line == 1

"""Catalogs: what loads, and each slip with the line it is on."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError
from postern.masking.detector_patterns import DEFAULT_DETECTORS, DetectorKind
from postern.policy.catalog import parse_catalog
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
        pytest.param("{mask: scrub}", Mask(MaskKind.SCRUB), id="scrub"),
        pytest.param(
            "{mask: sql, expression: 'left(value, 1)', type: text}",
            Mask(MaskKind.SQL, expression="left(value, 1)", type="text"),
            id="sql",
        ),
    ],
)
def test_parses_a_mask_with_its_parameters(written: str, mask: Mask):
    text = replaced(CATALOG, "{mask: email}", written)
    assert parse_catalog(text.encode(), file=FILE).classes["pii.email"] == mask


# What is replaced, by what, the line that the error names, and a part of what it says.
SLIPS = [
    pytest.param("database: shop", "", 2, "`database`", id="no-database"),
    pytest.param("database: shop", "database: Shop", 1, "database name", id="database-in-upper-case"),
    pytest.param("database: shop", "database: other", 1, "other.yaml", id="database-is-not-the-files-name"),
    pytest.param("database: shop", "database: 7", 1, "expected text", id="database-is-no-text"),
    pytest.param("schema_default: public", "", 1, "`schema_default`", id="no-schema-default"),
    pytest.param("schema_default: public", "schema_default: pg_catalog", 2, "reserved", id="default-is-reserved"),
    pytest.param("functions: []", "owner: dba", 18, "unknown field", id="field-of-a-later-version"),
    pytest.param("functions: []", "functions: [a.b.c]", 18, "`schema.function`", id="function-of-three-parts"),
    pytest.param("functions: []", "functions: [f, f]", 18, "once", id="function-twice"),
    pytest.param("functions: []", "functions: [pg_catalog.f]", 18, "reserved", id="function-in-a-reserved-schema"),
    pytest.param("  pii.name:", "  open:", 5, "`open`", id="class-named-open"),
    pytest.param("  pii.name:", "  pii/name:", 5, "class name", id="class-with-a-slash"),
    pytest.param("  pii.name:", "  pii.email:", 5, "twice", id="class-twice"),
    pytest.param("{mask: email}", "{mask: rot13}", 4, "expected a mask, one of", id="mask-unknown"),
    pytest.param("{mask: email}", "{mask: scrub, width: 1}", 4, "unknown field", id="scrub-with-a-parameter"),
    pytest.param("{mask: email}", "{mask: sql, type: text}", 4, "`expression`", id="sql-without-expression"),
    pytest.param("{mask: email}", "{mask: sql, expression: lower(value)}", 4, "`type`", id="sql-without-type"),
    pytest.param("{mask: email}", "{mask: sql, expression: lower(email), type: text}", 4, "`value`", id="sql-column"),
    pytest.param("{mask: email}", "{mask: sql, expression: lower(value), type: date}", 4, "(text)", id="sql-type"),
    pytest.param("{mask: email}", "{mask: range, width: 0}", 4, "from 1 to", id="range-without-any-width"),
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
    pytest.param("    rows:", "    owner: x\n    rows:", 13, "unknown field", id="table-field-of-a-later-version"),
    pytest.param("    rows:", "    triggers: stamp\n    rows:", 13, "expected a list", id="triggers-are-no-list"),
    pytest.param("    rows:", "    triggers: [a, a]\n    rows:", 13, "each trigger once", id="trigger-twice"),
    pytest.param("    rows:", "    triggers: [a.b]\n    rows:", 13, "without a dot", id="trigger-with-a-dot"),
    pytest.param("    rows:", "    cascades: [a, public.a]\n    rows:", 13, "each table once", id="cascade-twice"),
    pytest.param("    rows:", "    cascades: [pg_toast.a]\n    rows:", 13, "reserved", id="cascade-into-a-reserved"),
    pytest.param("    rows:", "    cascades: [a.b.c]\n    rows:", 13, "`schema.table`", id="cascade-of-three-parts"),
    pytest.param("functions: []", "detectors: {emails: true}", 18, "unknown field", id="detector-unknown"),
    pytest.param("functions: []", "detectors: {email: 1}", 18, "true or false", id="detector-is-no-switch"),
    pytest.param("functions: []", "detectors: [email]", 18, "a mapping", id="detectors-are-no-mapping"),
    pytest.param("total: open", "total: {type: integer}", 15, "`class`", id="type-without-class"),
    pytest.param("total: open", "total: {class: pii.gone, type: integer}", 15, "'pii.gone'", id="type-of-no-class"),
    pytest.param("total: open", "total: {class: open, mask: null}", 15, "unknown field", id="column-field-unknown"),
    pytest.param("total: open", "total: {class: open, type: int4}", 15, "as PostgreSQL prints it", id="type-unknown"),
    pytest.param("total: open", "total: {class: open, type: mood}", 15, "leave it out", id="type-of-ones-own"),
    pytest.param(
        "total: open",
        "total: {class: pii.email, type: 'numeric(8,2)'}",
        15,
        "class pii.email: mask email: expected a type that it can stand on, got numeric(8,2);"
        " masks that fit: redact, null, range, token, sql",
        id="mask-that-cannot-stand-on-the-type",
    ),
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


def test_carries_what_a_write_may_set_off_and_the_types_that_are_declared():
    text = replaced(CATALOG, "total: open}", "total: {class: open, type: 'numeric(8,2)'}}\n    triggers: [stamp]")
    text = replaced(text, "    triggers: [stamp]", "    triggers: [stamp, log it]\n    cascades: [lines, sales.leads]")
    table = parse_catalog(text.encode(), file=FILE).tables[TableName("public", "orders")]
    assert table.triggers == ("stamp", "log it")
    assert table.cascades == (TableName("public", "lines"), TableName("sales", "leads"))
    assert table.types == {"total": "numeric(8,2)"}
    assert table.columns == {"id": None, "customer_id": None, "total": None}


@pytest.mark.parametrize(
    ("class_name", "type_"),
    [
        pytest.param("pii.email", "character varying(60)", id="email-on-text"),
        pytest.param("pii.name", "jsonb", id="redact-on-anything"),
        pytest.param("open", "text[]", id="open"),
    ],
)
def test_a_mask_may_stand_on_the_declared_type(class_name: str, type_: str):
    text = replaced(CATALOG, "total: open", f"total: {{class: {class_name}, type: '{type_}'}}")
    table = parse_catalog(text.encode(), file=FILE).tables[TableName("public", "orders")]
    assert table.types == {"total": type_}


@pytest.mark.parametrize(
    ("written", "detectors"),
    [
        pytest.param("", None, id="nothing-said"),
        pytest.param("detectors: {}\n", tuple(kind for kind in DetectorKind if kind in DEFAULT_DETECTORS), id="none"),
        pytest.param(f"detectors: {{{', '.join(f'{kind}: false' for kind in DetectorKind)}}}\n", (), id="all-off"),
        pytest.param(
            f"detectors: {{{', '.join(f'{kind}: true' for kind in DetectorKind)}}}\n", tuple(DetectorKind), id="all-on"
        ),
    ],
)
def test_detectors_are_those_of_the_product_less_and_more(written: str, detectors: tuple[str, ...] | None):
    assert parse_catalog((CATALOG + written).encode(), file=FILE).detectors == detectors

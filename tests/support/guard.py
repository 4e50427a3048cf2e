"""What the guard's tests share: schemas as tables and as scopes, and files of named statements."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from postern.guard.scope import Relation, Scope
from postern.types import Action, GrantedColumn, Mask, MaskKind

READ = frozenset({Action.SELECT})
WRITE = frozenset(Action)
QUERIES = Path(__file__).resolve().parent.parent / "guard" / "queries"
CHINOOK_SQL = Path(__file__).resolve().parents[3] / "shared" / "data" / "chinook.sql"

SHOP_SQL = """
CREATE TABLE customers (id int, email text, full_name text, region text, created date, tags text[], attributes jsonb);
CREATE TABLE products (id int, sku text, name text, category text, price numeric, weight float8, released date);
CREATE TABLE orders (id int, customer_id int, status text, ordered_at timestamptz, shipped_at timestamptz,
                     total numeric, note text);
CREATE TABLE order_items (order_id int, product_id int, quantity int, unit_price numeric, discount numeric);
CREATE TABLE payments (id int, order_id int, amount numeric, paid_at timestamptz, details jsonb);
CREATE TABLE employees (id int, name text, manager_id int, salary numeric);
CREATE TABLE events (id int, customer_id int, kind text, at timestamptz, payload jsonb, duration interval, ip inet);
CREATE TABLE measurements (sensor int, at timestamptz, reading float8, span tstzrange);
CREATE TABLE posts (id int, parent_id int, owner_id int, title text, body text, score int, created timestamp,
                    tags text);
CREATE TABLE votes (post_id int, kind int, cast_on date);
CREATE TABLE nums (a int, b int, t text);
CREATE TABLE only_one (x int);
CREATE SCHEMA sales;
CREATE TABLE sales.targets (region text, month date, goal numeric);
CREATE TABLE sales.orders (id int, channel text);
CREATE TABLE secret (id int, region text);
CREATE SCHEMA hidden;
CREATE TABLE hidden.vault (id int, region text);
"""

CHINOOK_SQL_TABLES = {
    "album": "album_id title artist_id",
    "artist": "artist_id name",
    "customer": "customer_id first_name last_name company city state country email support_rep_id",
    "employee": "employee_id last_name first_name title reports_to birth_date hire_date city country email",
    "genre": "genre_id name",
    "invoice": "invoice_id customer_id invoice_date billing_city billing_country total",
    "invoice_line": "invoice_line_id invoice_id track_id unit_price quantity",
    "media_type": "media_type_id name",
    "playlist": "playlist_id name",
    "playlist_track": "playlist_id track_id",
    "track": "track_id name album_id media_type_id genre_id composer milliseconds bytes unit_price",
}
_SHOP_TABLE = re.compile(r"CREATE TABLE (?:(\w+)\.)?(\w+) \((.*?)\);", re.DOTALL)
_OUT_OF_SCOPE = {"secret", "vault"}


def relation(
    schema: str, name: str, columns: str, actions: frozenset[Action] = READ, *, filtered: bool = False
) -> Relation:
    """A relation whose view is named as the world names it: by the table alone in the default schema.

    A column is `name` where it is open, or `name:class:mask`.
    """
    view = name if schema == "public" else f"{schema}.{name}"
    return Relation(schema, name, view, tuple(map(_column, columns.split())), actions, filtered)


def _column(text: str) -> GrantedColumn:
    name, class_name, mask = [*text.split(":"), "", ""][:3]
    return GrantedColumn(name, class_name or None, Mask(MaskKind(mask)) if mask else None)


def shop_scope(*, actions: frozenset[Action] = READ, functions: frozenset[str] = frozenset(), major: int = 18) -> Scope:
    """Everything of the shop but `public.secret` and `hidden.vault`."""
    relations = [
        relation(schema or "public", name, " ".join(re.findall(r"(\w+) [a-z]", columns)), actions)
        for schema, name, columns in _SHOP_TABLE.findall(SHOP_SQL)
        if name not in _OUT_OF_SCOPE
    ]
    return Scope("public", tuple(relations), functions, major)


def chinook_scope() -> Scope:
    """Every table of Chinook."""
    return Scope("public", tuple(relation("public", *table) for table in CHINOOK_SQL_TABLES.items()), frozenset(), 18)


MASKED_TABLES = {
    "customer": (
        "customer_id first_name:pii.name:redact last_name:pii.name:redact email:pii.email:token "
        "phone:pii.phone:partial country support_rep_id"
    ),
    "employee": "employee_id last_name:pii.name:redact email:pii.email:token ssn:pii.ssn:token title reports_to",
    "invoice": "invoice_id customer_id invoice_date billing_country total",
    "supplier": "supplier_id email:pii.email:email name",
}


def masked_scope(*, actions: frozenset[Action] = WRITE) -> Scope:
    """Relations with masks, `sales.customer` among them, and `region` with a row filter; lookup of pii.email."""
    tables = [relation("public", name, columns, actions) for name, columns in MASKED_TABLES.items()]
    tables.append(relation("sales", "customer", "customer_id email:pii.email:token note", actions))
    tables.append(relation("public", "region", "region_id name", actions, filtered=True))
    return Scope("public", tuple(tables), frozenset(), 18, frozenset({"pii.email"}))


def named_statements(file: str) -> dict[str, str]:
    """The statements of a file in `queries`, by the name in the comment line before each."""
    parts = re.split(r"^-- name: (.+)\n", (QUERIES / file).read_text(), flags=re.MULTILINE)[1:]
    names, texts = parts[::2], parts[1::2]
    assert len(set(names)) == len(names), f"{file}: a name stands twice"
    return dict(zip(names, (text.strip() for text in texts), strict=True))


def require_shared(path: Path) -> Path:
    """A file of the shared test data. Without it the test is skipped, except in CI, where it fails."""
    if not path.is_file():
        reason = f"the shared test data is absent: {path}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path

"""The database that the attacks are aimed at, and the task that they are sent for."""

from __future__ import annotations

from postern.types import GrantedTable, MaskKind, RowFilter
from tests.support.world import granted, masked

SCHEMA = """
CREATE TABLE people (
    id integer PRIMARY KEY, email text UNIQUE, full_name text, ssn text, card text, born date, region text NOT NULL,
    reference text, note text, secret text
);
CREATE TABLE orders (
    id integer PRIMARY KEY, person integer REFERENCES people ON DELETE CASCADE, email text, total numeric
);
CREATE TABLE staff (name text, salary integer);
CREATE SEQUENCE counter;
INSERT INTO people VALUES
    (1, 'alice@example.com', 'Alice Adams', '111-22-3333', '4111111111111111', '1980-05-06', 'EU', 'raw-ref-1',
     'write to alice@example.com', 'raw-secret-1'),
    (2, 'bob@example.org', 'Bob Brown', '222-33-4444', '5500005555555559', '1990-07-08', 'EU', 'raw-ref-2', NULL,
     'raw-secret-2'),
    (3, 'zoe@example.net', 'Zoe Zeller', '333-44-5555', '4000056655665556', '1970-01-02', 'US', 'raw-ref-3', NULL,
     'raw-secret-3');
INSERT INTO orders VALUES (10, 1, 'alice@example.com', 9.50), (11, 2, 'bob@example.org', 3), (12, 3, NULL, 7.25);
INSERT INTO staff VALUES ('Staff Member', 987654);
ANALYZE people, orders, staff;
"""
# Made after the database was prepared, as an application's next release would.
LATER = """
CREATE FUNCTION public.peek() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT full_name FROM public.people';
CREATE FUNCTION public.peek(text, text) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT EXISTS (SELECT FROM public.people WHERE email = $2)';
CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = public.peek);
CREATE EXTENSION IF NOT EXISTS plpgsql;
"""
CATALOGUED = (("public", "people"), ("public", "orders"))
RAW = (
    *("alice@", "bob@", "zoe@", "Alice Adams", "Bob Brown", "Zoe Zeller", "111-22-3333", "222-33-4444", "333-44-5555"),
    *("4111111111111111", "5500005555555559", "4000056655665556", "1980-05-06", "1990-07-08", "1970-01-02"),
    *("raw-ref-", "raw-secret-", "Staff Member", "987654"),
)


def grant_tables(*, raw: bool = False) -> tuple[GrantedTable, ...]:
    """The task's tables; `raw` is a broker that trusts its parser, and grants the columns as they are, in all rows."""
    people = {
        "id": None,
        "region": None,
        "email": masked(MaskKind.EMAIL),
        "full_name": masked(MaskKind.REDACT),
        "ssn": masked(MaskKind.NULL),
        "card": masked(MaskKind.PARTIAL, keep_last=4),
        "born": masked(MaskKind.YEAR),
        "reference": masked(MaskKind.TOKEN),
        "note": masked(MaskKind.REDACT),
    }
    orders = {"id": None, "person": None, "total": None, "email": masked(MaskKind.EMAIL)}
    if raw:
        return granted("people", dict.fromkeys(people)), granted("orders", dict.fromkeys(orders))
    europe = RowFilter("region = :region", {"region": "EU"})
    return granted("people", people, row_filter=europe), granted("orders", orders)

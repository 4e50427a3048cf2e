"""What a scan makes of names, types, keys and samples, without a database."""

from __future__ import annotations

import pytest

from postern.catalog_scan.classes import CLASSES, class_of_name, is_of_people, is_open_name
from postern.catalog_scan.propose import Proposal, propose
from postern.catalog_scan.samples import Evidence, read_evidence, sample_sql, sampled_columns
from postern.catalog_scan.tables import ScannedColumn, ScannedTable
from postern.catalog_scan.write import format_catalog
from postern.masking.column_types import ColumnType
from postern.masking.detectors import DetectorKind
from postern.policy.catalog import parse_catalog

TEXT = ColumnType("text", "text", "text")
INTEGER = ColumnType("integer", "integer", "int4")
BIGINT = ColumnType("bigint", "bigint", "int8")
DATE = ColumnType("date", "date", "date")


def table(*columns: ScannedColumn, name: str = "things", schema: str = "public", **facts) -> ScannedTable:
    return ScannedTable(schema, name, **{"relkind": "r", "pages": 1, "is_readable": True} | facts, columns=columns)


def proposed(column: ScannedColumn, evidence: Evidence | None = None, *, name: str = "things") -> Proposal:
    key = ("public", name, column.name)
    return propose([table(column, name=name)], {} if evidence is None else {key: evidence})[key]


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("email", "pii.email"), ("customerEMail", "pii.email"), ("billing_email_2", "pii.email"),
        ("first_name", "pii.name"), ("LastName", "pii.name"), ("surname", "pii.name"), ("username", "pii.username"),
        ("phone", "pii.phone"), ("mobile_no", "pii.phone"), ("home-phone", "pii.phone"), ("fax", "pii.phone"),
        ("ssn", "pii.id_number"), ("passport_number", "pii.id_number"), ("dob", "pii.birth"),
        ("street", "pii.address"), ("zip", "pii.address"), ("postal_code", "pii.address"), ("iban", "pci.account"),
        ("card_number", "pci.card"), ("cvv", "secret"), ("password_hash", "secret"), ("api_key", "secret"),
        ("accessToken", "secret"), ("ip_address", "net.ip"), ("user_agent", "net.agent"), ("salary", "pii.income"),
        ("gender", "pii.special"), ("latitude", "pii.place"), ("comment", "text.free"), ("message_body", "text.free"),
        ("total", None), ("status", None), ("created_at", None), ("island", None), ("description", None),
        ("shipping", None), ("company", None), ("spinner", None), ("expand", None), ("agent", None),
    ],
)  # fmt: skip
def test_a_name_speaks_of_a_class_by_its_words(name: str, class_name: str | None) -> None:
    assert class_of_name(name) == class_name


@pytest.mark.parametrize(("name", "is_open"), [("status", True), ("order_status", True), ("state_of_mind", False)])
def test_a_name_speaks_of_what_many_share_by_its_last_word(name: str, is_open: bool) -> None:
    assert is_open_name(name) is is_open


@pytest.mark.parametrize(
    ("name", "people"), [("customers", True), ("app_user", True), ("userGroups", True), ("clientele", False)]
)
def test_a_table_of_people_is_known_by_its_words(name: str, people: bool) -> None:
    assert is_of_people(name) is people


@pytest.mark.parametrize(
    ("column", "evidence", "expected"),
    [
        (ScannedColumn("x", TEXT), Evidence(9, whole=DetectorKind.EMAIL), Proposal("pii.email")),
        (ScannedColumn("city", TEXT), Evidence(9, whole=DetectorKind.EMAIL), Proposal("pii.email")),
        (ScannedColumn("x", TEXT), Evidence(9, whole=DetectorKind.JWT), Proposal("secret")),
        (
            ScannedColumn("x", TEXT),
            Evidence(9, inside=(DetectorKind.IBAN,)),
            Proposal("text.free", "some values hold iban"),
        ),
        (
            ScannedColumn("x", TEXT),
            Evidence(99, is_category=True),
            Proposal(None, "open because a few values are repeated"),
        ),
        (ScannedColumn("x", TEXT), Evidence(9), Proposal("text.free", "text without a sign of what it holds")),
        (ScannedColumn("x", TEXT), None, Proposal("text.free", "not sampled")),
        (ScannedColumn("x", BIGINT), Evidence(9, whole=DetectorKind.CARD), Proposal("pci.card")),
        (ScannedColumn("x", BIGINT), Evidence(9, inside=(DetectorKind.CARD,)), Proposal(None)),
        (ScannedColumn("dob", TEXT), None, Proposal("data.hidden", "pii.birth, but the type cannot carry its mask")),
        (ScannedColumn("dob", DATE), None, Proposal("pii.birth")),
        (ScannedColumn("email_id", INTEGER), None, Proposal(None)),
        (ScannedColumn("national_id", INTEGER), None, Proposal("pii.id_number")),
        (ScannedColumn("email", TEXT, is_primary=True), None, Proposal("pii.email")),
        (ScannedColumn("code", TEXT, is_primary=True), None, Proposal(None, "a key: does it say who somebody is?")),
    ],
)
def test_evidence_comes_before_keys_and_keys_before_names_and_what_is_unknown_is_hidden(
    column: ScannedColumn, evidence: Evidence | None, expected: Proposal
) -> None:
    assert proposed(column, evidence) == expected


def test_a_probable_finding_of_a_careless_detector_is_marked() -> None:
    assert proposed(ScannedColumn("x", TEXT), Evidence(9, whole=DetectorKind.SSN)).unsure is not None
    assert proposed(ScannedColumn("ssn", TEXT), Evidence(9, whole=DetectorKind.SSN)).unsure is None


def test_a_name_is_a_persons_in_a_table_of_people_and_in_doubt_elsewhere() -> None:
    assert proposed(ScannedColumn("name", TEXT), name="patients") == Proposal("pii.name")
    assert proposed(ScannedColumn("name", TEXT), name="products").unsure is not None


def test_keys_that_lead_to_people_are_tokens_however_long_the_way() -> None:
    people = table(ScannedColumn("id", INTEGER, is_primary=True), name="users")
    profile = table(ScannedColumn("id", INTEGER, True, ("public", "users", "id")), name="settings")
    entry = table(ScannedColumn("settings", INTEGER, references=("public", "settings", "id")), name="entries")
    proposals = propose([entry, profile, people], {})
    assert {proposal.class_name for proposal in proposals.values()} == {"ref.person"}


def test_a_foreign_key_hides_what_its_target_hides() -> None:
    target = table(ScannedColumn("email", TEXT, is_primary=True), name="accounts")
    link = table(ScannedColumn("of", TEXT, references=("public", "accounts", "email")), name="links")
    assert propose([link, target], {})["public", "links", "of"].class_name == "pii.email"


def test_keys_that_lead_in_a_ring_agree() -> None:
    one = table(ScannedColumn("password", TEXT, references=("public", "b", "plain")), name="a")
    two = table(ScannedColumn("plain", TEXT, references=("public", "a", "password")), name="b")
    classes = {proposal.class_name for proposal in propose([one, two], {}).values()}
    assert classes == {"secret"}
    assert {one.class_name for one in propose([two, one], {}).values()} == classes


def test_a_sample_reads_a_few_pages_of_a_large_table_and_rows_of_a_small_one() -> None:
    columns = (ScannedColumn('a"b', TEXT),)
    small, large = table(*columns), table(*columns, pages=64_000)
    assert sample_sql(small, columns, 50) == 'SELECT left(t."a""b"::text, 1000) FROM "public"."things" AS t LIMIT 50'
    assert "TABLESAMPLE SYSTEM (0.100000)" in sample_sql(large, columns, 50)
    assert sample_sql(large, columns, 50).endswith(" LIMIT 50")


@pytest.mark.parametrize(
    "facts", [{"relkind": "v"}, {"relkind": "f"}, {"is_readable": False}], ids=["view", "foreign", "unreadable"]
)
def test_what_could_be_slow_or_is_closed_is_not_sampled(facts) -> None:
    assert sampled_columns(table(ScannedColumn("a", TEXT), **facts)) == ()
    assert sampled_columns(table(ScannedColumn("a", TEXT))) != ()


@pytest.mark.parametrize(
    ("cells", "evidence"),
    [
        ([], Evidence()),
        ([None, ""], Evidence()),
        (["a@example.org", "b@example.org", None, "none"], Evidence(3, DetectorKind.EMAIL, (DetectorKind.EMAIL,))),
        (["a@example.org", "no", "no"], Evidence(3, None, (DetectorKind.EMAIL,))),
        (["write to a@example.org"], Evidence(1, None, (DetectorKind.EMAIL,))),
        (["x", "y"] * 12, Evidence(24, is_category=True)),
        (["x", "y"] * 11, Evidence(22)),
        ([str(number) for number in range(24)], Evidence(24)),
    ],
)
def test_evidence_counts_and_keeps_no_value(cells, evidence: Evidence) -> None:
    assert read_evidence(cells) == evidence


def test_every_class_loads_as_the_catalog_writes_it() -> None:
    columns = tuple(ScannedColumn(f"c{place}", TEXT) for place in range(len(CLASSES)))
    proposals = {("public", "things", f"c{place}"): Proposal(name) for place, name in enumerate(CLASSES)}
    # Types are left out of it: not every mask stands on text.
    odd = ColumnType("public.odd", "public.odd", "other")
    text = format_catalog(
        "shop", "public", [table(*(ScannedColumn(column.name, odd) for column in columns))], proposals, {}
    )
    catalog = parse_catalog(text.encode(), file="shop.yaml")
    assert {name: mask.kind for name, mask in catalog.classes.items()} == {
        name: proposed_class.mask for name, proposed_class in CLASSES.items()
    }
    assert all(name in CLASSES for name in ("text.free", "ref.person", "data.hidden"))

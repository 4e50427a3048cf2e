"""`scrub` on real servers: what is replaced, what is left alone, and what no text can bring about."""

from __future__ import annotations

import json

import pytest

from postern.masking.detectors import DetectorKind, marker
from postern.masking.expressions import mask_expression
from postern.masking.scrub import MAX_PARTED_BYTES, MAX_SCRUBBED_BYTES
from postern.masking.scrub_patterns import NUMBER_PATTERNS, NUMBER_SIGNS, WORD_PATTERNS, WORD_SIGNS
from postern.types import Mask, MaskKind
from tests.support.masked_values import KEY_SQL, Values

SCRUB = Mask(MaskKind.SCRUB)


def scrubbed(values: Values, text: str, type_name: str = "text") -> str | None:
    """The mask over a row of a table: what is constant, planning would reckon beforehand."""
    masked = mask_expression(SCRUB, "t.v", values.types[type_name], KEY_SQL)
    connection = values.connection
    connection.run(f"CREATE TEMP TABLE IF NOT EXISTS scrubbed_{type_name} (v {values.types[type_name].name})")
    connection.run(f"TRUNCATE scrubbed_{type_name}")
    connection.run(
        f"INSERT INTO scrubbed_{type_name} VALUES (CAST(CAST(:v AS text) AS {values.types[type_name].name}))", v=text
    )
    ((found,),) = connection.run(f"SELECT ({masked.sql})::text FROM scrubbed_{type_name} AS t")
    return None if found is None else str(found)


def marked(text: str) -> str:
    """`{email}` and its like as markers."""
    return text.format(**{kind.value: marker(kind) for kind in DetectorKind})


AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC==\n-----END RSA PRIVATE KEY-----"

PATTERNS = WORD_PATTERNS + NUMBER_PATTERNS
FOUND = [
    ("bob@example.com", "{email}"),
    ("mail <bob@example.com>, or Ann@Mail.Example.CO.UK.", "mail <{email}>, or {email}."),
    ("mailto:bob@example.com?subject=x", "mailto:{email}?subject=x"),
    ("müller@exämple.de and почта@пример.рф", "{email} and {email}"),
    ("bob＠example．com", "{email}"),
    ("b\u200bob@exam\u200bple.com", "{email}"),
    ("bob@example.com-ann@example.org", "{email}"),
    ("联系bob@example.com请", "{email}"),
    ("BOB@XN--BCHER-KVA.XN--P1AI", "{email}"),
    ("4111111111111111", "{card}"),
    ("card 4111 1111 1111 1111, thanks", "card {card}, thanks"),
    ("4111-1111-1111-1111", "{card}"),
    ("4111.1111.1111.1111", "{card}"),
    ("4111 1111\n1111 1111", "{card}"),
    ("4111\u00a01111\u20111111\u20091111", "{card}"),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "{card}"),
    ("4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", "{card}"),
    ("3782 822463 10005", "{card}"),
    ("6759 6498 2643 8453 123", "{card}"),
    ("41111111 11111111", "{card}"),
    ("zz4111111111111111x", "zz{card}x"),
    (f"{PEM[:40]}\n{PEM}", "{private_key}{private_key}"),
    ("２ ４１１１１１１１１１１１１１１１", "２ {card}"),
    ("٤١١١١١١١١١١١١١١١", "{card}"),
    ("4111\u200b1111\u200d1111\ufeff1111", "{card}"),
    ("2026 4111 1111 1111 1111", "2026 {card}"),
    ("٤١١١ ١١١١ ١١١١ ١١١١", "{card}"),
    ("۶۰۳۷ ۹۹۱۸ ۱۲۳۴ ۵۶۷۸", "{card}"),
    ("४१११ ११११ ११११ ११११", "{card}"),
    ("4111\u200b\u200b\u200b\u200b1111\u200b\u200b\u200b\u200b1111\u200b\u200b\u200b\u200b1111", "{card}"),
    ("4\u200b111 1111 1111 1111", "{card}"),
    ("5500 0000 4111 1111 1111 1111", "{card}"),
    ("4111    1111    1111    1111", "{card}"),
    ("DE89370400440532013000", "{iban}"),
    ("NL91ABNA 0417164300", "{iban}"),
    ("NL91 ABNA 0417164300", "{iban}"),
    ("NL91\nABNA\n0417\n1643\n00", "{iban}"),
    ("IBAN_NL91 ABNA 0417 1643 00", "IBAN_{iban}"),
    ("+٩٦٦٥٠١٢٣٤٥٦٧", "{phone}"),
    ("+९१९८७६५४३२१०", "{phone}"),
    ("٠٥٠ ١٢٣ ٤٥٦٧", "{phone}"),
    ("2001:0DB8:85a3:0000:0000:8a2e:0370:7334: refused", "{ip}: refused"),
    ("[2001:0DB8:85a3:0000:0000:8a2e:0370:7334]:443", "[{ip}]:443"),
    ("[IPv6:2001:db8::1] and client_ip:2001:db8::1", "[IPv6:{ip}] and client_ip:{ip}"),
    ('"SecretAccessKey": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab"', '"{aws_key}"'),
    ("aws_secret_access_key => wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab", "{aws_key}"),
    ("123 - 45 - 6789", "{ssn}"),
    ("SSN is 123456789", "{ssn}"),
    ("iban:de89 3704 0044 0532 0130 00 bitte", "iban:{iban} bitte"),
    ("GB29 NWBK 6016 1331 9268 19", "{iban}"),
    ("NL91ABNA0417164300.", "{iban}."),
    ("xGB29-NWBK-6016-1331-9268-19", "x{iban}"),
    ("123-45-6789", "{ssn}"),
    ("123 45 6789", "{ssn}"),
    ("123\u201145\u20116789", "{ssn}"),
    ("SSN: 123456789", "{ssn}"),
    ("+49 (0)171 123 4567", "{phone}"),
    ("+14155552671", "{phone}"),
    ("0049 171 1234567", "{phone}"),
    ("00 33 1 42 68 53 00", "{phone}"),
    ("(415) 555-2671 or 415.555.2671", "{phone} or {phone}"),
    ("030 1234567", "{phone}"),
    ("06 12 34 56 78", "{phone}"),
    ("10.0.0.1:8080", "{ip}:8080"),
    ("2001:db8::1 fe80::1ff:fe23:4567:890a ::1", "{ip} {ip} {ip}"),
    ("at 1.2.3.4, twice", "at {ip}, twice"),
    ("::1", "{ip}"),
    ("a:b:c:d:e:f:a:b", "{ip}"),
    ("2001:0DB8:85a3:0000:0000:8a2e:0370:7334", "{ip}"),
    ("AKIAIOSFODNN7EXAMPLE asiaiosfodnn7example", "{aws_key} {aws_key}"),
    (f"aws_secret_access_key = '{AWS_SECRET}'", "{aws_key}'"),
    (f"AWSSecretKey: {AWS_SECRET}", "{aws_key}"),
    ("x" + "ghp_" + "a1B2" * 9, "x{github_token}"),
    ("GITHUB_PAT_" + "a1B2" * 9, "{github_token}"),
    (JWT, "{jwt}"),
    (JWT[:50] + "\n" + JWT[50:], "{jwt}"),
    (f"a\n{PEM}\nb", "a\n{private_key}\nb"),
    (PEM[:50], "{private_key}"),
    (PEM.lower(), "{private_key}"),
    (PEM.replace("\n", "\\n"), "{private_key}"),
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_replaces_what_is_in_the_text(values: Values, text: str, expected: str) -> None:
    assert scrubbed(values, text) == marked(expected)


@pytest.mark.parametrize(
    "text",
    [
        "Order 12345 of 2026-11-23 14:05:33.123 came to 1,234.50 EUR (10 20 30 40).",
        "from 2026-11-23 2026-11-24, or 01.02.2026 10:30",
        "years 2021 2022 2023 2024",
        "version 1.2.3, std::string, a::date, 10:30:45, 00:1B:44:11:3A:B7",
        "3 @ 2.50, pkg@1.2.3, @handle, a@b",
        "call 5551234",
        "be20 with that, no12 more",
        "-----BEGIN CERTIFICATE-----",
        "asia and akia, eyJ, ghp_, AT&T",
        "0123456789",
        "",
        "  \n",
        "😀 注文 é",
    ],
)
def test_leaves_other_text_as_it_is(values: Values, text: str) -> None:
    assert scrubbed(values, text) == text


@pytest.mark.parametrize(
    "text", ["bob at example dot com", "4155552671", "41 11 11 11 11 11 11 11", '"a b"@example.com']
)
def test_what_it_does_not_catch_is_told(values: Values, text: str) -> None:
    """If one of these is caught one day, the module's text must say less."""
    assert scrubbed(values, text) in {text, f'"a {marker(DetectorKind.EMAIL)}'}


@pytest.mark.parametrize("text", [text for text, _ in FOUND])
def test_scrubbing_again_changes_nothing(values: Values, text: str) -> None:
    once = scrubbed(values, text)
    assert once is not None
    assert scrubbed(values, once) == once


@pytest.mark.parametrize("kind", DetectorKind, ids=str)
def test_every_kind_that_a_detector_finds_is_scrubbed(values: Values, kind: DetectorKind) -> None:
    assert any(marker(kind) in (scrubbed(values, text) or "") for text, _ in FOUND)


@pytest.mark.parametrize("type_name", ["varchar", "char8", "name", "email_domain", "note"])
def test_every_type_of_text_is_scrubbed(values: Values, type_name: str) -> None:
    assert scrubbed(values, "a@b.org", type_name) == marker(DetectorKind.EMAIL)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"mail": "bob@example.com", "n": 1}', {"mail": "{email}", "n": 1}),
        ('{"bob@example.com": {"x": ["a", "a@b.org"]}}', {"{email}": {"x": ["a", "{email}"]}}),
        ('["line\\nbob@example.com", "4111\\n1111\\n1111\\n1111"]', ["line\n{email}", "{card}"]),
        ('"bob\\u0040example.com"', "{email}"),
        ('"4111\\n1111\\n1111\\n1111"', "{card}"),
        ("[-4111111111111111, -20000000000000, -4111111111111111.5]", ["{card}", "{card}", -4111111111111111.5]),
        ('{"n": [4111111111111111, 1732323051000, 0.3000000000000000444, -1e20, true, null]}',
         {"n": ["{card}", 1732323051000, 0.3000000000000000444, -100000000000000000000, True, None]}),
        ('"say \\"bob@example.com\\" \\\\"', 'say "{email}" \\'),
        ('["x@", "y.com"]', ["x@", "y.com"]),
        ("{}", {}),
        ("null", None),
        ('""', ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("type_name", ["json", "jsonb", "document"])
def test_documents_are_scrubbed_string_by_string(
    values: Values, type_name: str, document: str, expected: object
) -> None:
    wanted = json.dumps(expected)
    for kind in DetectorKind:
        wanted = wanted.replace(f"{{{kind.value}}}", marker(kind))
    assert json.loads(scrubbed(values, document, type_name) or "") == json.loads(wanted)


@pytest.mark.parametrize(
    "document",
    [
        '"a\\u0000b"',
        "1e999999",
        "[" * 6_000 + "]" * 6_000,
        json.dumps(["x" * MAX_PARTED_BYTES]),
    ],
    ids=["nul", "number-out-of-range", "deep", "long"],
)
def test_a_document_that_cannot_be_looked_through_is_redacted(values: Values, document: str) -> None:
    assert scrubbed(values, document, "json") == '"[redacted]"'


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ('{a,bob@example.com,NULL,"x y"}', '{a,[detected:email],NULL,"x y"}'),
        ("{}", "{}"),
        ("{{a,b},{c,d}}", "{[redacted]}"),
        ("{" + "x" * (MAX_PARTED_BYTES + 1) + "}", "{[redacted]}"),
    ],
    ids=["elements", "empty", "two-dimensions", "long"],
)
def test_arrays_are_scrubbed_element_by_element(values: Values, array: str, expected: str) -> None:
    assert scrubbed(values, array, "text_array") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x" * MAX_SCRUBBED_BYTES, "x" * MAX_SCRUBBED_BYTES), ("x" * (MAX_SCRUBBED_BYTES + 1), "[redacted]")],
    ids=["longest", "longer"],
)
def test_a_text_that_is_too_long_is_redacted_as_a_whole(values: Values, text: str, expected: str) -> None:
    assert scrubbed(values, text) == expected


def test_what_a_pattern_needs_is_in_all_that_it_matches(values: Values) -> None:
    """It is not tried on a text that lacks it."""
    texts = [text for found, _ in FOUND for text in (found, found.upper(), found.lower())]
    matched = set()
    for one in PATTERNS:
        rows = values.connection.run(
            'SELECT m[1], m[1] COLLATE "C" ~ :sign FROM unnest(CAST(:texts AS text[])) AS t (v)'
            " CROSS JOIN LATERAL regexp_matches(t.v COLLATE \"C\", :pattern, 'g') AS m",
            sign=one.sign,
            texts=texts,
            pattern=one.pattern,
        )
        matched |= {one.pattern} if rows else set()
        assert [whole for whole, is_signed in rows if not is_signed or one.needs not in whole.lower()] == []
    assert matched == {one.pattern for one in PATTERNS}


def test_a_session_keeps_all_patterns_compiled_that_rows_of_common_texts_take_turns_with() -> None:
    """PostgreSQL keeps 32 (MAX_CACHED_RES of its regexp.c). A document takes two more, and a query has its own."""
    always = {one.pattern for one in PATTERNS if not one.needs and not one.sign}
    for_nothing, of_documents, of_a_query = 1, 2, 5
    assert len(always | {*WORD_SIGNS, *NUMBER_SIGNS}) + for_nothing + of_documents + of_a_query <= 32


# Texts that would take hours if the time for one grew with the square of its length.
CRAFTED = {
    "address-that-never-ends": "a" * 400_000 + "@" + "b" * 400_000 + "@c.dd",
    "labels": "a@" + "b." * 450_000 + "1 a@b.co",
    "digits-and-gaps": "4444 444- " * 90_000,
    "invisible": "4" + "\u200b" * 300_000 + "4",
    "keys-without-an-end": "-----BEGIN PRIVATE KEY-----" * 30_000,
    "tokens-without-a-dot": "eyJaaaaaa" * 100_000 + ".a",
    "colons": "a:" * 450_000 + ":",
    "brackets": "+1 (" * 200_000,
}


@pytest.mark.parametrize("text", CRAFTED.values(), ids=CRAFTED)
def test_no_crafted_text_takes_longer_than_a_statement_may(values: Values, text: str) -> None:
    values.connection.run("SET statement_timeout = '18s'")
    try:
        assert scrubbed(values, text) is not None
    finally:
        values.connection.run("RESET statement_timeout")

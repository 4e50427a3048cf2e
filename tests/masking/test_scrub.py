"""`scrub` on real servers: what is replaced, what is left alone, and what no text can bring about."""

from __future__ import annotations

import json
import re

import pytest
from pg8000.exceptions import DatabaseError

from postern.masking.column_types import parse_column_type
from postern.masking.detectors import DetectorKind, marker
from postern.masking.expressions import mask_expression
from postern.masking.scrub import MAX_PARTED_BYTES, MAX_SCRUBBED_BYTES
from postern.masking.scrub_patterns import NUMBER_PATTERNS, NUMBER_SIGNS, WORD_PATTERNS, WORD_SIGNS
from postern.types import Mask, MaskKind
from tests.support.masked_values import KEY_SQL, Values

SCRUB = Mask(MaskKind.SCRUB)


def scrubbed(values: Values, texts: list[str], type_name: str = "text") -> list[str | None]:
    """The mask over rows of a table: what is constant, planning would reckon beforehand. An error is told as a text."""
    declared = values.types[type_name].name
    masked = mask_expression(SCRUB, "t.v", values.types[type_name], KEY_SQL)
    connection = values.connection
    try:
        connection.run(f"CREATE TEMP TABLE scrubbed (n integer, v {declared})")
        connection.run(
            f"INSERT INTO scrubbed SELECT n, CAST(v AS {declared})"
            " FROM json_array_elements_text(CAST(:texts AS json)) WITH ORDINALITY AS t (v, n)",
            texts=json.dumps(texts),  # a list would make a NULL of the text `null`
        )
        return [found for (found,) in connection.run(f"SELECT ({masked.sql})::text FROM scrubbed AS t ORDER BY t.n")]
    except DatabaseError as error:
        if len(texts) == 1:
            return [f"error: {error}"]
    finally:
        connection.run("DROP TABLE IF EXISTS scrubbed")
    return [one for text in texts for one in scrubbed(values, [text], type_name)]


def scrubbed_otherwise(
    values: Values, cases: list[tuple[str, str]], type_name: str = "text"
) -> list[tuple[str, str, str | None]]:
    """Of the texts and what is expected of them those that become something else, and what."""
    found = scrubbed(values, [text for text, _ in cases], type_name)
    return [(text, expected, got) for (text, expected), got in zip(cases, found, strict=True) if got != expected]


def marked(text: str) -> str:
    """`{email}` and its like as markers."""
    return text.format(**{kind.value: marker(kind) for kind in DetectorKind})


AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC==\n-----END RSA PRIVATE KEY-----"

PATTERNS = WORD_PATTERNS + NUMBER_PATTERNS
# The zero of each script: ASCII, Arabic, Persian, Devanagari, full width, mathematical in five forms.
ZEROS = [0x30, 0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6]


def in_script(zero: int, text: str) -> str:
    return text.translate({ord("0") + digit: chr(zero + digit) for digit in range(10)})


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
    ("4111\u200b\u200b\u200b\u200b1111\u200b\u200b\u200b\u200b1111\u200b\u200b\u200b\u200b1111", "{card}"),
    ("4\u200b111 11\u200b11 1111 1111", "{card}"),
    ("4111    1111    1111    1111", "{card}"),
    ("4111\u20281111 \u2022 1111~1111", "{card}"),
    ("5500 0000 4111 1111 1111 1111", "{card}"),
    ("4111 1111 1111 1111 2026-11-23", "{card} 2026-11-23"),
    ("4111 1111 1111 1111\n4012 8888 8888 1881", "{card}\n{card}"),
    ("DE89370400440532013000", "{iban}"),
    ("iban:de89 3704 0044 0532 0130 00 bitte", "iban:{iban} bitte"),
    ("GB29 NWBK 6016 1331 9268 19", "{iban}"),
    ("NL91ABNA0417164300.", "{iban}."),
    ("xGB29-NWBK-6016-1331-9268-19", "x{iban}"),
    ("NL91ABNA 0417164300, NL91 ABNA 0417164300, NL91 ABNA0417 164300", "{iban}, {iban}, {iban}"),
    ("NL91\nABNA\r\n0417\n1643\n00", "{iban}"),
    ("NL91 ABNA 0417 1643\n00", "{iban}"),
    ("SK31 1200 0000 1987 4263 7541\n54.164.156.54", "{iban}\n{ip}"),
    ("HU42 1177 3016 1111 1018 0000 0000 instead", "{iban} instead"),
    ("IBAN_NL91ABNA0417164300", "IBAN_{iban}"),
    ("iban:\\nNL91ABNA0417164300", "iban:{iban}"),
    ("NO9386011117947", "{iban}"),
    ("123-45-6789", "{ssn}"),
    ("123 45 6789", "{ssn}"),
    ("123\u201145\u20116789", "{ssn}"),
    ("SSN: 123456789", "{ssn}"),
    ("SSN is 123456789, ssn number: 123456789", "{ssn}, {ssn}"),
    ("123 - 45 - 6789", "{ssn}"),
    ("1\u200b23-4\u200b5-67\u200b89", "{ssn}"),
    ("+49 (0)171 123 4567", "{phone}"),
    ("+14155552671", "{phone}"),
    ("0049 171 1234567", "{phone}"),
    ("00 33 1 42 68 53 00", "{phone}"),
    ("(415) 555-2671 or 415.555.2671", "{phone} or {phone}"),
    ("030 1234567", "{phone}"),
    ("0\u200b30 123\u200b4567", "{phone}"),
    ("(4\u200b15) 5\u200b55-26\u200b71 or 4\u200b15.5\u200b55.26\u200b71", "{phone} or {phone}"),
    ("06 12 34 56 78", "{phone}"),
    ("10.0.0.1:8080", "{ip}:8080"),
    ("2001:db8::1 fe80::1ff:fe23:4567:890a ::1", "{ip} {ip} {ip}"),
    ("at 1.2.3.4, twice", "at {ip}, twice"),
    ("::1", "{ip}"),
    ("a:b:c:d:e:f:a:b", "{ip}"),
    ("2001:0DB8:85a3:0000:0000:8a2e:0370:7334", "{ip}"),
    ("2001:0DB8:85a3:0000:0000:8a2e:0370:7334: refused", "{ip}: refused"),
    ("2001:db8:85a3:0:0:8a2e:370:7334:443", "{ip}:443"),
    ("[IPv6:2001:db8::1] client_ip:2001:db8::1", "[{ip}] {ip}"),
    ("addr_fe80::1, 1_fe80::1 and _::1", "{ip}, {ip} and {ip}"),
    ("AKIAIOSFODNN7EXAMPLE asiaiosfodnn7example", "{aws_key} {aws_key}"),
    (f"aws_secret_access_key = '{AWS_SECRET}'", "{aws_key}'"),
    (f"AWSSecretKey: {AWS_SECRET}", "{aws_key}"),
    (f'{{"SecretAccessKey": "{AWS_SECRET}", "Expires": 1}}', '{{"{aws_key}", "Expires": 1}}'),
    (f"<SecretAccessKey>{AWS_SECRET}</SecretAccessKey>", "<{aws_key}</SecretAccessKey>"),
    (f"aws_secret_access_key => {AWS_SECRET}", "{aws_key}"),
    (f'\\"aws_secret_access_key\\": \\"{AWS_SECRET}\\"', '\\"{aws_key}\\"'),
    (f"AWS Secret Access Key: {AWS_SECRET}", "{aws_key}"),
    ("x" + "ghp_" + "a1B2" * 9, "x{github_token}"),
    ("GITHUB_PAT_" + "a1B2" * 9, "{github_token}"),
    (JWT, "{jwt}"),
    (JWT[:50] + "\n" + JWT[50:], "{jwt}"),
    (f"a\n{PEM}\nb", "a\n{private_key}\nb"),
    (PEM[:50], "{private_key}"),
    (PEM.lower(), "{private_key}"),
    (PEM.replace("\n", "\\n"), "{private_key}"),
]


def test_replaces_what_is_in_the_text(values: Values) -> None:
    assert scrubbed_otherwise(values, [(text, marked(expected)) for text, expected in FOUND]) == []


def test_numbers_are_found_in_the_digits_of_every_script(values: Values) -> None:
    numbers = [
        ("4111 1111 1111 1111", "{card}"),
        ("2221-0000-0000-0009", "{card}"),
        ("3782 822463 10005", "{card}"),
        ("4111111111111111", "{card}"),
        ("123-45-6789", "{ssn}"),
        ("+966501234567", "{phone}"),
        ("0049 171 1234567", "{phone}"),
        ("415.555.2671", "{phone}"),
        ("050 123 4567", "{phone}"),
        ("06 12 34 56 78", "{phone}"),
    ]
    cases = [(in_script(zero, text), marked(expected)) for zero in ZEROS for text, expected in numbers]
    assert scrubbed_otherwise(values, cases) == []


def test_leaves_other_text_as_it_is(values: Values) -> None:
    texts = [
        "Order 12345 of 2026-11-23 14:05:33.123 came to 1,234.50 EUR (10 20 30 40).",
        "from 2026-11-23 2026-11-24, or 01.02.2026 10:30",
        "years 2021 2022 2023 2024",
        "version 1.2.3, std::string, a::date, 10:30:45, 00:1B:44:11:3A:B7",
        "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        "43:51:43:a1:b5:fc:8b:b7:0a:3a:a9:b1:0f:66:73:a8:11:22:33:44",
        "method::add Foo::Bad x:Foo::Bar",
        "SE2024000123, AT3319272302 path 2024",
        "be20abcd-e29b-41d4-be20-446655440000, ffbe20abcdef0123456789abcdef01234567",
        "secret key = 1, class name 123456789",
        "3 @ 2.50, pkg@1.2.3, @handle, a@b",
        "call 5551234",
        "be20 with that, no12 more",
        "-----BEGIN CERTIFICATE-----",
        "asia and akia, eyJ, ghp_, AT&T",
        "0123456789",
        "",
        "  \n",
        "😀 注文 é",
    ]
    assert scrubbed_otherwise(values, [(text, text) for text in texts]) == []


def test_what_it_does_not_catch_is_told(values: Values) -> None:
    """If one of these is caught one day, the module's text must say less."""
    texts = [
        "bob at example dot com",
        "4155552671",
        "41 11 11 11 11 11 11 11",
        "4111,1111,1111,1111",
        "4111|1111|1111|1111",
        "+49 171\n1234567",
    ]
    quoted = ('"a b"@example.com', f'"a {marker(DetectorKind.EMAIL)}')
    assert scrubbed_otherwise(values, [*((text, text) for text in texts), quoted]) == []


def test_scrubbing_again_changes_nothing(values: Values) -> None:
    once = scrubbed(values, [text for text, _ in FOUND])
    assert None not in once
    assert scrubbed_otherwise(values, [(text, text) for text in once if text is not None]) == []


def test_every_kind_that_a_detector_finds_is_scrubbed(values: Values) -> None:
    found = " ".join(text or "" for text in scrubbed(values, [text for text, _ in FOUND]))
    assert [kind for kind in DetectorKind if marker(kind) not in found] == []


def test_every_type_of_text_is_scrubbed(values: Values) -> None:
    type_names = ["varchar", "char8", "name", "email_domain", "note"]
    found = {type_name: scrubbed(values, ["a@b.org"], type_name)[0] for type_name in type_names}
    assert found == dict.fromkeys(type_names, marker(DetectorKind.EMAIL))


def test_documents_are_scrubbed_string_by_string(values: Values) -> None:
    cases: list[tuple[str, object]] = [
        ('{"mail": "bob@example.com", "n": 1}', {"mail": "{email}", "n": 1}),
        ('{"bob@example.com": {"x": ["a", "a@b.org"]}}', {"{email}": {"x": ["a", "{email}"]}}),
        ('["line\\nbob@example.com", "4111\\n1111\\n1111\\n1111"]', ["line\n{email}", "{card}"]),
        ('"bob\\u0040example.com"', "{email}"),
        ('"4111\\n1111\\n1111\\n1111"', "{card}"),
        ('{"n": [4111111111111111, 1732323051000, 0.3000000000000000444, -1e20, true, null]}',
         {"n": ["{card}", 1732323051000, 0.3000000000000000444, -100000000000000000000, True, None]}),
        ('"say \\"bob@example.com\\" \\\\"', 'say "{email}" \\'),
        ('{"n": [-4111111111111111, -20000000000000, -3e15, -4111111111111111.5, 41111111111111115e-1], "4": -4.1e15}',
         {"n": ["{card}", "{card}", "{card}", -4111111111111111.5, 4111111111111111.5], "4": "{card}"}),
        ('["x@", "y.com"]', ["x@", "y.com"]),
        ("{}", {}),
        ("null", None),
        ('""', ""),
    ]  # fmt: skip
    wrong = []
    for type_name in ("json", "jsonb", "document"):
        found = scrubbed(values, [document for document, _ in cases], type_name)
        for (document, expected), got in zip(cases, found, strict=True):
            wanted = json.dumps(expected)
            for kind in DetectorKind:
                wanted = wanted.replace(f"{{{kind.value}}}", marker(kind))
            if decoded(got) != json.loads(wanted):
                wrong.append((type_name, document, wanted, got))
    assert wrong == []


def decoded(document: str | None) -> object:
    """What the JSON text says; what equals nothing that JSON can say where it is none."""
    try:
        return json.loads(document or "")
    except ValueError:
        return ("no JSON", document)


def test_a_document_that_cannot_be_looked_through_is_redacted(values: Values) -> None:
    documents = {
        "nul": '"a\\u0000b"',
        "number-out-of-range": "1e999999",
        "deep": "[" * 6_000 + "]" * 6_000,
        "long": json.dumps(["x" * MAX_PARTED_BYTES]),
        "gigabytes": "[" + ",".join(["1e131071"] * 20_000) + "]",
        "long-number": "[-1.5E+9999" + ", 0" * 1_000 + "]",
        "short": "[" + ",".join(["1e131071"] * 200) + "]",
        "megabytes": "[" + ",".join(["9e999"] * 33_000) + "]",
    }
    found = dict(zip(documents, scrubbed(values, list(documents.values()), "json"), strict=True))
    assert found == dict.fromkeys(documents, '"[redacted]"')


def test_arrays_are_scrubbed_element_by_element(values: Values) -> None:
    cases = [
        ('{a,bob@example.com,NULL,"x y"}', '{a,[detected:email],NULL,"x y"}'),
        ("{}", "{}"),
        ("{{a,b},{c,d}}", "{[redacted]}"),
        ("{" + "x" * (MAX_PARTED_BYTES + 1) + "}", "{[redacted]}"),
    ]
    assert scrubbed_otherwise(values, cases, "text_array") == []


def test_a_text_that_is_too_long_is_redacted_as_a_whole(values: Values) -> None:
    longest = "x" * MAX_SCRUBBED_BYTES
    assert scrubbed_otherwise(values, [(longest, longest), (longest + "x", "[redacted]")]) == []


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


@pytest.mark.parametrize("type_name", ["text", "text_array", "json"])
def test_a_session_keeps_all_patterns_compiled_that_a_column_takes_turns_with(type_name: str) -> None:
    """PostgreSQL keeps 32 (MAX_CACHED_RES of its regexp.c), whatever made them: a query has its own."""
    column_type = parse_column_type({"text_array": "text[]"}.get(type_name, type_name))
    assert column_type is not None
    constants = re.findall(r"E'((?:[^'\\]|\\.|'')*)'", mask_expression(SCRUB, "t.v", column_type, KEY_SQL).sql)
    patterns = {one.replace("\\\\", "\\").replace("''", "'") for one in constants}
    assert {one.pattern for one in PATTERNS} | {*WORD_SIGNS, *NUMBER_SIGNS, "x^"} <= patterns
    of_a_query = 3
    assert len(patterns) + of_a_query <= 32


def crafted(share: int) -> dict[str, str]:
    """Texts that would take hours if the time for one grew with the square of its length, at 1/`share` of it."""
    return {
        "address-that-never-ends": "a" * (400_000 // share) + "@" + "b" * (400_000 // share) + "@c.dd",
        "labels": "a@" + "b." * (450_000 // share) + "1 a@b.co",
        "digits-and-gaps": "4444 444- " * (90_000 // share),
        "invisible": "4" + "\u200b" * (300_000 // share) + "4",
        "keys-without-an-end": "-----BEGIN PRIVATE KEY-----" * (30_000 // share),
        "tokens-without-a-dot": "eyJaaaaaa" * (100_000 // share) + ".a",
        "colons": "a:" * (450_000 // share) + ":",
        "brackets": "+1 (" * (200_000 // share),
        "addresses": "a::1 " * (200_000 // share),
        "addresses-after-words": "x:a::1 1:2:3:4:5:6:7:8: " * (40_000 // share),
        "a-word-of-underscores": "ghp_" * (200_000 // share) + "A1::",
        "account-numbers": "NL91ABNA 0417164300 " * (50_000 // share),
    }


def test_no_crafted_text_takes_longer_than_a_statement_may(values: Values) -> None:
    """At full length on one server; a quarter of it has a quarter of the time on the other."""
    connection = values.connection
    ((version,),) = connection.run("SHOW server_version_num")
    share = 1 if int(version) >= 180_000 else 4
    connection.run(f"SET statement_timeout = {18_000 // share}")
    try:
        found = {name: scrubbed(values, [text])[0] for name, text in crafted(share).items()}
    finally:
        connection.run("RESET statement_timeout")
    assert [(name, got) for name, got in found.items() if got is None or got.startswith("error: ")] == []

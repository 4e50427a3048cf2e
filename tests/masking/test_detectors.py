"""What detectors find and what they leave alone, column-wise; the labelled sample is tests/data/detectors.jsonl."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.masking import detectors
from postern.masking.detector_checks import _IBAN_LENGTHS
from postern.masking.detectors import (
    DEFAULT_DETECTORS,
    EFFORT,
    UNCHECKED,
    DetectorKind,
    Effort,
    Found,
    marker,
    redact_column,
    redact_json_array_column,
    redact_json_column,
    redact_text,
)

ALL = frozenset(DetectorKind)
_TESTS = Path(__file__).parent.parent
SAMPLE = [json.loads(line) for line in (_TESTS / "data/detectors.jsonl").read_text(encoding="utf-8").splitlines()]
CHINOOK = _TESTS.parent.parent / "shared/data/chinook.sql"


def expected(entry: dict[str, Any], kinds: frozenset[DetectorKind]) -> tuple[str, Found]:
    text, counts = entry["text"], Counter()
    for kind, value in entry["found"]:
        if kind in kinds:
            text = text.replace(value, marker(DetectorKind(kind)))
            counts[DetectorKind(kind)] += 1
    return text, counts


def redacted_otherwise(cases, redact=redact_column):
    """Of the texts and what is expected of them, each a column of its own, those that become something else; what."""
    given = [(text, wanted, redact([text], ALL)[0]) for text, wanted in cases]
    return [case for case in given if case[2] != [case[1]]]


# The one text of the sample that nobody could tell from an address: with the IP detector on it is taken for one.
AMBIGUOUS = "page 4.1.1.1 of the manual version 4.1.1"


@pytest.mark.parametrize("kinds", [DEFAULT_DETECTORS, ALL], ids=["default", "all"])
def test_each_text_of_the_sample_loses_its_values_and_nothing_else(kinds):
    wrong = []
    for entry in SAMPLE:
        if entry["text"] == AMBIGUOUS and kinds is ALL:
            continue
        text, counts = expected(entry, kinds)
        got = redact_column([entry["text"]], kinds)
        wrong += [(entry["text"], (text, counts), got)] if got != ([text], counts) else []
    assert wrong == []


def test_precision_and_recall_on_the_sample():
    found, wanted = Counter(), Counter()
    for entry in SAMPLE:
        found += redact_column([entry["text"]], ALL)[1]
        wanted += expected(entry, ALL)[1]
    assert wanted - found == Counter()
    assert found - wanted == Counter({DetectorKind.IP: 1})
    assert min(wanted[kind] for kind in DetectorKind) >= 3


# Values that are missed, and near misses that are taken for values, of those in tests/data/detectors.
KNOWN_MISSES = {DetectorKind.IBAN: ["lower de89370400440532013000"]}
KNOWN_FALSE_ALARMS = {DetectorKind.PHONE: ["ISBN 978-316-1484"]}


@pytest.mark.parametrize("kind", list(DetectorKind))
def test_what_is_missed_and_what_is_taken_for_a_value_is_known(kind):
    lines = (_TESTS / f"data/detectors/{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    values = [entry for entry in entries if entry["found"]]
    near_misses = [entry for entry in entries if not entry["found"]]
    assert min(len(values), len(near_misses)) >= 40
    kinds = frozenset({kind})
    redacted = {entry["text"]: redact_column([entry["text"]], kinds)[0][0] for entry in entries}
    missed = [entry["text"] for entry in values if redacted[entry["text"]] != expected(entry, kinds)[0]]
    false_alarms = [entry["text"] for entry in near_misses if redacted[entry["text"]] != entry["text"]]
    assert missed == KNOWN_MISSES.get(kind, [])
    assert false_alarms == KNOWN_FALSE_ALARMS.get(kind, [])


def test_a_column_is_the_same_as_its_cells_alone():
    cells = [entry["text"] for entry in SAMPLE]
    whole, found = redact_column(cells, ALL)
    alone = [redact_column([cell], ALL) for cell in cells]
    assert whole == [column[0] for column, _ in alone]
    assert found == sum((counts for _, counts in alone), Counter())


def test_what_is_in_one_cell_hides_nothing_in_the_next():
    cases = [
        ("see //a", ":bob@example.com"),
        ("+1 650", " 253 0000, bob@example.com"),
        ("/", "bob@example.com"),
        ("1.", "4111111111111111"),
        ("4111 1111", " 4111 1111 1111 1111"),
        ("AB12", " GB82 WEST 1234 5698 7654 32"),
        ("0", "+1 650 253 0000"),
        ("1.", "10.1.1.1"),
    ]
    wrong = []
    for before, cell in cases:
        (alone,), found = redact_column([cell], ALL)
        beside = redact_column([before, cell, before], ALL)
        is_hidden = "[detected:" not in (alone or "") or beside != ([before, alone, before], found)
        wrong += [(before, cell, alone, beside)] if is_hidden else []
    assert wrong == []


def test_nulls_and_empty_cells_stay_in_their_places():
    cells = [None, "", "bob@example.com", None, "", "x", "bob@example.com", None]
    redacted, found = redact_column(cells, ALL)
    assert redacted == [None, "", "[detected:email]", None, "", "x", "[detected:email]", None]
    assert found == {DetectorKind.EMAIL: 2}
    assert cells[2] == "bob@example.com"


def test_a_column_without_findings_is_returned_as_it_is():
    cells = ["a", None, "12 34"]
    assert redact_column(cells, ALL)[0] is cells
    assert redact_column([], ALL) == ([], Counter())


def test_only_what_is_enabled_is_looked_for():
    wrong = []
    for entry in SAMPLE:
        for kind in DetectorKind:
            if [name for name, _ in entry["found"]] == [kind]:
                without, alone = (redact_column([entry["text"]], on)[1] for on in (ALL - {kind}, frozenset({kind})))
                wrong += [(entry["text"], kind, without, alone)] if kind in without or set(alone) != {kind} else []
    assert wrong == []


def test_nothing_enabled_finds_nothing():
    assert redact_column(["bob@example.com"], frozenset()) == (["bob@example.com"], Counter())
    assert redact_text("bob@example.com", frozenset()) == "bob@example.com"


def test_a_marker_is_not_found_again():
    assert [kind for kind in DetectorKind if redact_column([marker(kind)] * 2, ALL)[1] != Counter()] == []


def test_a_card_number_stands_alone():
    texts = [f"5{separator}4111111111111111{separator}5" for separator in " \n/;.-x1"]
    assert [text[1] for text in texts if DetectorKind.CARD in redact_column([text], ALL)[1]] == [" ", "\n", "/", ";"]


def test_numbers_beside_a_value_are_not_taken_for_more_of_it():
    cases = [
        ("12 4111 1111 1111 1111 11 29 123", "12 [detected:card] 11 29 123"),
        ("4111 1111 1111 1111 5500 0000 0000 0004", "[detected:card] [detected:card]"),
        ("1 2 3 4 3782 822463 10005 6 7", "1 2 3 4 [detected:card] 6 7"),
        ("4111 1111-1111 1111", "4111 1111-1111 1111"),
        ("41 11 11 11 11 11 11 11", "41 11 11 11 11 11 11 11"),
        ("AT61 1904 3002 3457 3201 GB82 WEST 1234 5698 7654 32", "[detected:iban] [detected:iban]"),
        ("AB12 CDEF 1234 5678 9012 3456 GB82 WEST 1234 5698 7654 32", "AB12 CDEF 1234 5678 9012 3456 [detected:iban]"),
        ("AB12 DE89 3704 0044 0532 0130 00 ABCD 1234", "AB12 [detected:iban] ABCD 1234"),
    ]
    assert redacted_otherwise(cases) == []


VALUES = {
    DetectorKind.JWT: "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.x",
    DetectorKind.GITHUB_TOKEN: f"ghp_{'a' * 36}",
    DetectorKind.AWS_KEY: "AKIAIOSFODNN7EXAMPLE",
    DetectorKind.IBAN: "NL91ABNA0417164300",
    DetectorKind.CARD: "4111111111111111",
    DetectorKind.SSN: "219-09-1234",
    DetectorKind.PHONE: "650-253-0000",
    DetectorKind.IP: "203.0.113.5",
}


def test_the_letter_of_an_escape_before_a_value_does_not_hide_it_and_stays():
    cases = []
    for before in ("\\n", "\\t", "\\\\n", "\\r\\n", "\\u00a0", "\\u003C"):
        for kind, value in VALUES.items():
            text = f'{{"note": "seen{before}{value}\\n"}}'
            cases.append((text, text.replace(value, marker(kind))))
    assert redacted_otherwise(cases) == []


def test_an_underscore_before_a_value_does_not_hide_it():
    kinds = sorted(set(VALUES) - {DetectorKind.GITHUB_TOKEN, DetectorKind.IP})
    assert redacted_otherwise([(f"old_{VALUES[kind]}", f"old_{marker(kind)}") for kind in kinds]) == []


def test_an_underscore_after_a_value_does_not_hide_it():
    kinds = sorted(set(VALUES) - {DetectorKind.JWT, DetectorKind.IP})
    assert redacted_otherwise([(f"{VALUES[kind]}_old", f"{marker(kind)}_old") for kind in kinds]) == []


@pytest.mark.parametrize("value", ["4111111111111111", "219-09-1234", "+41 44 668 18 00", "650-253-0000"])
def test_a_point_before_a_number_counts_after_a_digit_only(value):
    beside = [f"9.{value}", f"No.{value}", f"...{value}"]
    redacted, found = redact_column([*beside], ALL)
    assert (redacted[0], found.total()) == (beside[0], 2)
    assert not any(value in (cell or "") for cell in redacted[1:])


def test_what_stands_beside_an_address_does_not_hide_it():
    cases = [
        ("https://shop.example.com:\nbob@example.com", "https://shop.example.com:\n[detected:email]"),
        ("https://shop.example.com:bob@example.com", "https://shop.example.com:bob@example.com"),
        ("see...bob@example.com", "see...[detected:email]"),
        ("a..b..bob@example.com", "a..b..[detected:email]"),
        ("josé..bob@example.com", "josé..[detected:email]"),
        ("bob..@example.com", "bob..@example.com"),
        ("see..git@github.com", "see..git@github.com"),
        ("bob'@example.com", "[detected:email]"),
        ("bob@example.com.csv", "[detected:email].csv"),
        ("bob@example.com.TAR.gz", "[detected:email].TAR.gz"),
        ("bob@почта.рф.csv", "[detected:email].csv"),
        ("bob@example.com_old", "[detected:email]_old"),
        ("bob@example.com_eve@example.org", "[detected:email]_[detected:email]"),
        ("bob@example.com2024-01-02", "[detected:email]2024-01-02"),
        ("bob@example.com.FI21 1234 5600 0007 85", "[detected:email].[detected:iban]"),
        ("BOB@EXAMPLE.COM2024", "[detected:email]2024"),
        ("bob@example.com.csv_2", "[detected:email].csv_2"),
        ("bob@example.xn--p1ai", "[detected:email]"),
    ]
    assert redacted_otherwise(cases) == []


def test_names_of_files_and_versions_are_no_addresses():
    texts = [
        *("pkg@v1.0.rc1", "pkg@v1.2.beta3", "pkg@v1.0.js", "jquery@3.6.0.min.js", "style@main.min.css", "a@b..cc"),
        *("docs@a.2.html", "icon@2x.tar.gz", "bundle@1.0.js.map", "file@v1.json_2", "icon@2x.png2024"),
    ]
    assert [text for text in texts if redact_column([text], ALL) != ([text], Counter())] == []


def test_addresses_of_networks_beside_a_colon():
    cases = [
        ("fe80::1", "[detected:ip]"),
        ("from fd00::5 port 22", "from [detected:ip] port 22"),
        ("\\fe80::1", "\\[detected:ip]"),
        ("fe80::1%eth0", "[detected:ip]%eth0"),
        ("2001:db8::1: refused", "[detected:ip]: refused"),
        ("2001:db8::/32", "[detected:ip]/32"),
        ("[IPv6:2001:db8::1]", "[IPv6:[detected:ip]]"),
        ("client_ip:2001:db8::1", "client_ip:[detected:ip]"),
        ("client:203.0.113.5", "client:[detected:ip]"),
        ("::ffff:203.0.113.5", "::ffff:[detected:ip]"),
        ("2001:db8::203.0.113.5", "[detected:ip]"),
        ("203.0.113.5:203.0.113.6", "[detected:ip]:[detected:ip]"),
        *((text, text) for text in ("1:2.3.4.5", "64:ff9b::1", "fee::text", "abc::date", "dead::beef", "12:30:45:123")),
    ]
    assert redacted_otherwise(cases) == []


_PIECES = (*VALUES.values(), "bob@example.com", "fe80::1", "-----BEGIN PRIVATE KEY-----", "1", "é", "рф")
_BESIDE = [*"_-.:,;@ '\"\\/+({<%xn"]


@given(st.lists(st.sampled_from([*_PIECES, *_BESIDE]), max_size=8).map("".join))
def test_the_sign_of_a_kind_is_wherever_it_is_found(text):
    data = text.encode()
    for kind, pattern in detectors.PATTERNS.items():
        if detectors._compiled(pattern.form).search(data):
            assert detectors._compiled(pattern.sign).search(data), kind


def test_text_in_the_arrays_and_records_of_postgresql_keeps_their_form():
    cases = [
        ('{"a \\"bob@example.com\\"",NULL,eve@example.com}', '{"a \\"[detected:email]\\"",NULL,[detected:email]}'),
        ('(1,"4111 1111 1111 1111",x)', '(1,"[detected:card]",x)'),
        ("(1,4111111111111111,x)", "(1,[detected:card],x)"),
        ("{a,4111111111111111}", "{a,[detected:card]}"),
        ("{4111111111111111,5}", "{[detected:card],5}"),
        ("{1,4111111111111111,4111111111111111,2}", "{1,[detected:card],[detected:card],2}"),
        ("Bob,4111111111111111,12/27", "Bob,[detected:card],12/27"),
        ("1,234,567,890,123,456", "1,234,567,890,123,456"),
    ]
    assert redacted_otherwise(cases) == []


def test_strings_inside_json_are_looked_at_without_their_escapes():
    cases = [
        ('{"a": "x\\nbob@example.com"}', '{"a": "x\\n[detected:email]"}'),
        ('{"a":"\\u0062ob\\u0040example.com"}', '{"a":"[detected:email]"}'),
        ('{"bob@example.com": 1e400}', '{"[detected:email]": 1e400}'),
        ('["a@example.com","a@example.com",0.10]', '["[detected:email]","[detected:email]",0.10]'),
        ('"say \\"hi\\" to bob@example.com"', '"say \\"hi\\" to [detected:email]"'),
        ('{"n": 4111111111111111}', '{"n": "[detected:card]"}'),
        (
            "[4111111111111111,-4111111111111111,4111111111111111.0]",
            '["[detected:card]",-4111111111111111,4111111111111111.0]',
        ),
        ("4111111111111111", '"[detected:card]"'),
        ('{"a": "\\u0000 bob@example.com"}', '{"a": "\\ufffd [detected:email]"}'),
        ('["-----BEGIN PRIVATE KEY-----", 1, "x"]', '["[detected:private_key]", 1, "x"]'),
        ('{"a": "\\ud83d bob@example.com"}', '{"a": "\\ud83d [detected:email]"}'),
        ('{"a": "-----BEGIN PRIVATE KEY-----\\ud83d"}', '{"a": "[detected:private_key]"}'),
        ('{"a": "caf\\u00e9 \\\\ x"}', '{"a": "caf\\u00e9 \\\\ x"}'),
    ]
    assert redacted_otherwise(cases, redact_json_column) == []
    for _, redacted in cases:
        json.loads(redacted)


def test_json_without_findings_is_returned_as_it_is():
    cells = ['{"a": "\\n"}', None, "1"]
    assert redact_json_column(cells, ALL)[0] is cells


_JSON = st.recursive(
    st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(_JSON)
@settings(max_examples=50)
def test_redacted_json_is_json(value):
    (got,), _ = redact_json_column([json.dumps([value, "bob@example.com\n"])], ALL)
    assert json.loads(got or "")[1] == "[detected:email]\n"


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_column_keeps_its_length_and_its_nulls(cells):
    redacted, _ = redact_column(cells, ALL)
    assert [cell is None for cell in redacted] == [cell is None for cell in cells]


@pytest.mark.parametrize(
    "text",
    [
        *("a@" * 50_000, "4 " * 50_000, "4111 " * 20_000, "DE89 " * 20_000, "DE89" * 25_000, "eyJ" * 30_000),
        *("1.1." * 25_000, "-----BEGIN " * 9_000, "+1 (" * 25_000, "a.b-" * 25_000 + "@", "(650) 253-0000" * 1_000),
    ],
    ids=["email", "digits", "cards", "ibans", "iban", "token", "addresses", "keys", "phone", "local", "phones"],
)
def test_text_made_to_be_slow_is_looked_through(text):
    redact_column([text], ALL)


DENSE = {
    DetectorKind.EMAIL: "a@b.cc ",
    DetectorKind.CARD: "4111 1111 1111 1111 ",
    DetectorKind.IBAN: "DE89 3704 0044 0532 0130 00 ",
    DetectorKind.SSN: "219-09-1234 ",
    DetectorKind.PHONE: "+1 650 253 0000 ",
    DetectorKind.IP: "10.1.1.1 ",
    DetectorKind.JWT: "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.x ",
    DetectorKind.AWS_KEY: "AKIAIOSFODNN7EXAMPLE ",
    DetectorKind.GITHUB_TOKEN: f"ghp_{'a' * 36} ",
    DetectorKind.PRIVATE_KEY: "-----BEGIN PRIVATE KEY-----x-----END PRIVATE KEY----- ",
}


@pytest.mark.parametrize("kind", list(DetectorKind))
@pytest.mark.parametrize("size", [40, 400_000], ids=["short-cells", "long-cells"])
def test_where_there_is_too_much_to_check_cells_are_withheld_whole(kind, size, monkeypatch):
    text = DENSE[kind] * max(1, size // len(DENSE[kind]))
    cells: list[str | None] = [text] * (400_000 // len(text)) + [None, "", "nothing here"]
    checked = []
    pattern = detectors.PATTERNS[kind]
    counting = replace(pattern, check=lambda candidate: checked.append(candidate) or pattern.check(candidate))
    monkeypatch.setitem(detectors.PATTERNS, kind, counting)
    effort = Effort(10_000)
    redacted, found = redact_column(cells, frozenset({kind}), effort)
    assert len(checked) <= 10_000 / pattern.cost
    assert found[UNCHECKED] > 0
    assert not any(DENSE[kind].strip() in (cell or "") for cell in redacted)
    assert redacted[-3:-1] == [None, ""]
    assert effort.left < 0


@pytest.mark.parametrize(
    ("redact", "cells"),
    [
        (redact_json_column, ['["bob@example.com"]'] * 5_000),
        (redact_json_array_column, ['{"\\"bob@example.com\\""}'] * 5_000),
    ],
    ids=["json", "json-array"],
)
def test_json_that_is_withheld_is_json_still(redact, cells):
    redacted, found = redact(cells, ALL, Effort(3_000))
    assert found[UNCHECKED] > 0
    assert "bob" not in "".join(redacted)
    assert all(json.loads(cell) for cell in redacted if redact is redact_json_column)


def test_json_of_too_many_values_to_look_at_is_withheld_whole():
    document = json.dumps(["bob@example.com", *("nothing of anybody's" for _ in range(50))])
    redacted, found = redact_json_column([document, None, ""], ALL, Effort(50))
    assert (redacted, found) == (['"[detected:unchecked]"', None, ""], {UNCHECKED: 1})


@pytest.mark.parametrize("elements", ['""', '"\\\\"', "{1}"], ids=["empty", "backslash", "nested"])
@pytest.mark.parametrize("count", [1, 20], ids=["short-arrays", "long-arrays"])
def test_arrays_of_json_that_are_too_many_to_take_apart_are_withheld_whole(elements, count):
    array = f'{{{",".join([elements] * count)},"\\"bob\\\\u0040example.com\\""}}'
    cells: list[str | None] = [array, None, "", *[array] * 500]
    effort = Effort(2_000)
    redacted, found = redact_json_array_column(cells, ALL, effort)
    withheld = '{"\\"[detected:unchecked]\\""}'
    assert (redacted[-1], redacted[1:3]) == (withheld, [None, ""])
    assert found[UNCHECKED] == redacted.count(withheld) > 300
    assert effort.left < 0


def test_arrays_of_json_that_may_hold_nothing_take_no_effort():
    cells: list[str | None] = ['{"\\"a\\"",NULL,{1}}'] * 500
    effort = Effort(0)
    assert redact_json_array_column([*cells, '{"\\"\\\\n\\""}'], ALL, effort)[0][:300] == cells[:300]
    assert redact_json_array_column(cells, ALL, effort)[0] is cells


def test_the_effort_of_an_answer_is_one_for_all_its_columns():
    effort = Effort(1_000)
    redact_column(["a@b.cc"] * 1_000, ALL, effort)
    assert redact_column(["a@b.cc"], ALL, effort) == (["[detected:unchecked]"], {UNCHECKED: 1})
    assert redact_column(["plain"], ALL, effort) == (["plain"], Counter())


@pytest.mark.parametrize("kind", sorted(DEFAULT_DETECTORS))
def test_ten_thousand_values_of_a_kind_that_is_on_are_within_the_effort_of_an_answer(kind):
    effort = Effort()
    _, found = redact_column([DENSE[kind]] * 100, DEFAULT_DETECTORS, effort)
    assert found == {kind: 100}
    assert (EFFORT - effort.left) * 100 <= EFFORT


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('{"{\\"a\\": \\"bob@example.com\\"}",NULL,"1"}', '{"{\\"a\\": \\"[detected:email]\\"}",NULL,"1"}'),
        ('{{"[4111111111111111]"},{"2"}}', '{{"[\\"[detected:card]\\"]"},{"2"}}'),
        ('{"\\"bob\\\\u0040example.com\\""}', '{"\\"[detected:email]\\""}'),
        ("{1,2}", "{1,2}"),
        ("not an array of bob@example.com", "not an array of [detected:email]"),
    ],
)
def test_arrays_of_json_are_looked_at_document_by_document(text, redacted):
    assert redact_json_array_column([None, text], ALL)[0] == [None, redacted]


def test_a_text_that_is_recorded_is_redacted_by_the_default_detectors():
    assert redact_text("for bob@example.com, +41 44 668 18 00") == "for [detected:email], +41 44 668 18 00"
    assert redact_text("a\0bob@example.com\0") == "a\0[detected:email]\0"
    assert redact_text("half \ud800 bob@example.com") == "half \ud800 [detected:email]"
    assert redact_text("-----BEGIN PRIVATE KEY-----\ud800") == "[detected:private_key]"
    assert redact_text("é-----BEGIN PRIVATE KEY-----\ud800x") == "é[detected:private_key]"


def chinook_texts() -> list[str]:
    if not CHINOOK.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHINOOK.name} is missing")
        pytest.skip(f"{CHINOOK.name} is not beside the project")
    literals = re.findall(r"'((?:[^']|'')*)'", CHINOOK.read_text(encoding="utf-8"))
    return [literal.replace("''", "'") for literal in literals]


def test_titles_names_and_addresses_of_a_real_database_are_left_alone():
    texts: list[str | None] = [*chinook_texts()]
    redacted, found = redact_column(texts, DEFAULT_DETECTORS)
    changed = [before for before, after in zip(texts, redacted, strict=True) if before != after]
    assert len(texts) > 5_000
    assert set(found) == {DetectorKind.EMAIL}
    assert all(re.fullmatch(r"[\w.-]+@[\w.]+", text or "") for text in changed)
    assert found.total() == len(changed) == sum("@" in (text or "") for text in texts)


def test_lengths_of_ibans_are_those_of_the_registry():
    from stdnum import iban

    for country, length in _IBAN_LENGTHS.items():
        info = iban._ibandb.info(country + "00")[0][1]
        parts = re.findall(r"(\d+)!", info.get("bban", ""))
        assert not parts or length == 4 + sum(map(int, parts)), country


def test_a_secret_key_may_end_in_a_sign_and_be_named_as_the_command_line_names_it() -> None:
    named = ("aws_secret_access_key = {}\n", '"SecretAccessKey": "{}"', "AWS_SECRET_KEY='{}'")
    secrets = ["wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY" + end for end in ("ab", "a/", "a+", "//")]
    texts = [text.format(secret) for text in named for secret in secrets]
    assert [text for text in texts if "wJalr" in redact_text(text)] == []

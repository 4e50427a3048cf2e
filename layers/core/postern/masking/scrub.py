"""The mask `scrub`: values inside free text replaced in the view, so that no agent can cut a value into pieces first.

What stands where a value was is the detectors' own marker. Looked for are e-mail addresses, payment cards, IBANs, US
social security numbers, telephone numbers, IP addresses, keys and tokens (`scrub_patterns`), whatever their case,
in digits of several scripts, with invisible characters between them, and over the ends of lines where people and
programs break them. A text of more than 1,000,000 bytes is not looked through but becomes `[redacted]`: PostgreSQL
cannot search a text of a quarter of a gigabyte at all, and long ones cost seconds.

It is a net, not a wall: what must never be seen is masked with `redact`. Not caught are values written around
(`bob at example dot com`, `four one one one`), or encoded (base64, URL, HTML); cards in groups of two or three, or with
letters, commas or bars between; telephone numbers without any mark of one (`4155552671`), with letters, and over the
ends of lines; social security numbers as nine plain digits that nothing names; addresses without a dot in the host;
keys of other services; a local part in quotes but for its last word; what is split over two columns, two rows, or two
strings of a document.

In JSON each string, name and long number is looked through by itself, decoded; a number that is replaced becomes a
string, and the whole has the form that jsonb gives it. What cannot be jsonb (a NUL, a number out of its range) becomes
the string `[redacted]`. In an array each element is looked through; one of several dimensions becomes `{[redacted]}`,
since its shape cannot be kept. Arrays of more than 200,000 bytes and documents of more than that, of more than 5,000
arrays and objects, of more than 2,000 bytes with an exponent of four digits, or of more than 1,000,000 bytes in jsonb's
form, are redacted as a whole.
"""

from __future__ import annotations

from postern.masking.detectors import DetectorKind, marker
from postern.masking.scrub_patterns import NUMBER_PATTERNS, NUMBER_SIGNS, WORD_PATTERNS, WORD_SIGNS, ScrubPattern

MAX_SCRUBBED_BYTES = 1_000_000  # of one text
MAX_PARTED_BYTES = 200_000  # of a document or an array: taking apart and putting together takes several times as long

_REDACTED = "'[redacted]'"
_REDACTED_JSON = "'\"[redacted]\"'"
# Seen to match nothing when it is compiled, so that it is not searched for.
_NOTHING = "E'x^'"
# A document that can nest more deeply than this could exceed the server's stack, which is an error.
_MAX_BRACKETS = 5_000
_JSON_TOKEN = r'"(?:[^"\\]|\\.)*"|[^"]+'  # a string, or what stands between two
# A number that can be a card's, with its minus; milliseconds and microseconds of our time begin with 1.
_JSON_CARD = "(?<![0-9.-])-?(?:4[0-9]{12}|[2-6][0-9]{13,18})(?![0-9.])"
# A number that jsonb writes out in a thousand digits or more, up to 131,072 for nine characters. It is looked for in
# documents that could become more than some 30 megabytes so.
_MAX_GROWING_BYTES = 2_000
_JSON_GROWING = r"(?:^|[\[,: \t\r\n-])[0-9.]+[eE][+-]?[0-9]{4}"


def scrub_text_sql(text_sql: str) -> str:
    """The text with what was found replaced, as SQL. NULL stays NULL."""
    text = f'({text_sql}::text COLLATE pg_catalog."C")'
    return f"CASE WHEN octet_length({text}) > {MAX_SCRUBBED_BYTES} THEN {_REDACTED} ELSE {_scrubbed(text)} END"


def scrub_array_sql(array_sql: str) -> str:
    """The array of text with each element scrubbed, as SQL. NULL stays NULL, as an element too."""
    size = f"(SELECT sum(octet_length(e.v::text)) FROM unnest({array_sql}) AS e (v))"
    return (
        f"CASE WHEN array_ndims({array_sql}) > 1 OR {size} > {MAX_PARTED_BYTES} THEN ARRAY[{_REDACTED}]"
        f" WHEN {array_sql} IS NOT NULL THEN ARRAY("
        f"SELECT {scrub_text_sql('e.v')} FROM unnest({array_sql}) WITH ORDINALITY AS e (v, n) ORDER BY e.n) END"
    )


def scrub_json_sql(document_sql: str) -> str:
    """The document, json or jsonb, with each string, name and long number scrubbed, as SQL of type jsonb."""
    source = f"{document_sql}::text"
    # The text that is cast is chosen, not the cast: planning may reckon any branch of a CASE over constants.
    brackets = f"octet_length({source}) - octet_length(replace(replace({source}, '[', ''), '{{', ''))"
    castable = (
        f"CASE WHEN octet_length({source}) > {MAX_PARTED_BYTES} OR {brackets} > {_MAX_BRACKETS}"
        f" OR octet_length({source}) > {_MAX_GROWING_BYTES}"
        f' AND ({source} COLLATE pg_catalog."C") ~ {_literal(_JSON_GROWING)}'
        f" OR NOT pg_input_is_valid({source}, 'pg_catalog.jsonb') THEN {_REDACTED_JSON} ELSE {source} END"
    )
    # OFFSET keeps what is before it from being reckoned anew at every place that speaks of it.
    tokens = (
        "SELECT m.n, m.t[1] AS t, CASE WHEN left(m.t[1], 1) = '\"' THEN m.t[1]::jsonb #>> '{}' END AS v"
        f" FROM regexp_matches(d.t, {_literal(_JSON_TOKEN)}, 'g') WITH ORDINALITY AS m (t, n) OFFSET 0"
    )
    number = f"regexp_replace(p.t, {_literal(_JSON_CARD)}, '\"{marker(DetectorKind.CARD)}\"', 'g')"
    part = f"CASE WHEN p.v IS NULL THEN {number} ELSE to_json(({scrub_text_sql('p.v')})::text)::text END"
    # A string may hide anything behind a backslash.
    signs = f"strpos(d.t, chr(92)) > 0 OR {_has('d.t', WORD_SIGNS + NUMBER_SIGNS)}"
    return (
        f"(SELECT CASE WHEN octet_length(d.t) > {MAX_SCRUBBED_BYTES} THEN {_REDACTED_JSON}"
        f" WHEN {signs} THEN (SELECT string_agg({part}, '' ORDER BY p.n) FROM ({tokens}) AS p)"
        f' ELSE d.t END::jsonb FROM (SELECT (({castable})::jsonb::text COLLATE pg_catalog."C") AS t OFFSET 0) AS d)'
    )


def _scrubbed(text: str) -> str:
    # What the signs are looked for in is the text as it was: a marker adds none, and a value that is gone needs none.
    words = f"CASE WHEN {_has(text, WORD_SIGNS)} THEN {_replaced(text, WORD_PATTERNS, text)} ELSE {text} END"
    return f"CASE WHEN {_has(text, NUMBER_SIGNS)} THEN {_replaced(words, NUMBER_PATTERNS, text)} ELSE {words} END"


def _has(text: str, signs: tuple[str, ...]) -> str:
    return " OR ".join(f"{text} ~ {_literal(sign)}" for sign in signs)


def _replaced(text: str, patterns: tuple[ScrubPattern, ...], original: str) -> str:
    for one in patterns:
        text = f"regexp_replace({text}, {_pattern_sql(one, original)}, '{marker(one.kind)}', 'g')"
    return text


def _pattern_sql(one: ScrubPattern, original: str) -> str:
    """The pattern, and one that matches nothing where the text as it was lacks what the pattern needs."""
    if not one.needs and not one.sign:
        return _literal(one.pattern)
    operator = "ILIKE" if one.needs.isalpha() else "LIKE"
    sign = f"{original} {operator} '%{one.needs}%'" if one.needs else f"{original} ~ {_literal(one.sign)}"
    return f"CASE WHEN {sign} THEN {_literal(one.pattern)} ELSE {_NOTHING} END"


def _literal(pattern: str) -> str:
    # The same constant whatever `standard_conforming_strings` is while the view is made.
    return "E'" + pattern.replace("\\", "\\\\").replace("'", "''") + "'"

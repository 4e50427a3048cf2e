"""What tells a value from something that only looks like one: check digits, prefixes, registries.

Each check takes a candidate and gives the places in it that are values: start and end, in order. Candidates are
generous, since digits and groups beside a value look like more of it. The checksum libraries are
imported when their first candidate comes.
"""

from __future__ import annotations

import binascii
import ipaddress
import json
import re
from base64 import urlsafe_b64decode
from contextlib import suppress

Spans = list[tuple[int, int]]

# Ends of file names that look like a host's, as in `icon@2x.png`; no top-level domain has any of these names.
_FILE_ENDINGS = frozenset(
    {"avif", "css", "csv", "gif", "gz", "html", "ico", "jpeg", "jpg", "js", "json", "log"}
    | {"pdf", "png", "sql", "svg", "tar", "tiff", "txt", "webp", "xml", "yaml", "yml"}
)

# (first digits from, to, lengths) of the issuers whose numbers are in wide use; ISO/IEC 7812 and the issuers' guides.
_CARD_PREFIXES: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 19})),
    ("51", "55", frozenset({16})),
    ("2221", "2720", frozenset({16})),
    ("34", "34", frozenset({15})),
    ("37", "37", frozenset({15})),
    ("6011", "6011", frozenset({16, 19})),
    ("644", "649", frozenset({16, 19})),
    ("65", "65", frozenset({16, 19})),
    ("62", "62", frozenset({16, 17, 18, 19})),
    ("3528", "3589", frozenset({16, 19})),
    ("300", "305", frozenset({14})),
    ("36", "36", frozenset({14})),
    ("38", "39", frozenset({14, 16})),
)
_CARD_GROUPS = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13)})
_CARD_GROUP_BEGINNINGS = frozenset(sizes[:count] for sizes in _CARD_GROUPS for count in range(1, len(sizes) + 1))
_CARD_DIGITS = range(13, 20)
_DIGITS = re.compile("[0-9]+")
_PHONE_GAPS = re.compile("(?<=[0-9])[ ().-]+(?=[0-9])")
_PHONE_TRIES = 3
_IBAN_BEGINNING = re.compile("[A-Z]{2}[0-9]{2}")
# Characters of an IBAN by country, without spaces; SWIFT's IBAN registry.
_IBAN_LENGTHS: dict[str, int] = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}


def any_of_its_form(candidate: str) -> Spans:
    return [(0, len(candidate))]


def email(candidate: str) -> Spans:
    local, _, domain = candidate.rpartition("@")
    labels = domain.split(".")
    named = any(not label.isdigit() for label in labels[:-1])
    if not named or labels[-1].lower() in _FILE_ENDINGS or local.lower() == "git" or ".." in candidate:
        return []
    return [(0, len(candidate))]


def card(candidate: str) -> Spans:
    """Every run of groups that is grouped as cards are, or the one group that is a whole number."""
    groups = [match.span() for match in _DIGITS.finditer(candidate)]
    spans: Spans = []
    index = 0
    while index < len(groups):
        last = _last_group_of_card(candidate, groups, index)
        if last is not None:
            spans.append((groups[index][0], groups[last][1]))
        index = index + 1 if last is None else last + 1
    return spans


def _last_group_of_card(candidate: str, groups: Spans, first: int) -> int | None:
    """The group with which a card number ends that begins with group `first`; the longest if there are several."""
    digits = ""
    sizes: tuple[int, ...] = ()
    separators: set[str] = set()
    found = None
    for index in range(first, len(groups)):
        start, end = groups[index]
        if index > first:
            separators.add(candidate[groups[index - 1][1] : start])
        digits += candidate[start:end]
        sizes += (end - start,)
        if (len(sizes) == 1 or sizes in _CARD_GROUPS) and len(separators) < 2 and _is_card(digits):
            found = index
        if sizes not in _CARD_GROUP_BEGINNINGS:
            break
    return found


def _is_card(digits: str) -> bool:
    from stdnum import luhn

    if len(digits) not in _CARD_DIGITS:
        return False
    issued = any(low <= digits[: len(low)] <= high and len(digits) in sizes for low, high, sizes in _CARD_PREFIXES)
    return issued and len(set(digits)) > 1 and luhn.is_valid(digits)


def iban(candidate: str) -> Spans:
    """The first run of groups that is an IBAN: words in capitals beside one look like its groups."""
    from stdnum import iban as standard

    for start in (0, *(match.end() for match in re.finditer(" ", candidate))):
        if _IBAN_BEGINNING.match(candidate, start):
            end = _place_after(candidate, start, _IBAN_LENGTHS.get(candidate[start : start + 2], 0))
            # The check digits first: the registry's form of a country's numbers takes twenty times as long.
            if (
                end is not None
                and _has_check_digits(candidate[start:end].replace(" ", ""))
                and standard.is_valid(candidate[start:end], check_country=False)
            ):
                return [(start, end)]
    return []


def _has_check_digits(compact: str) -> bool:
    """Whether the number's remainder by 97 is 1, letters counting from 10 (ISO 7064, MOD 97-10)."""
    return int("".join([str(int(character, 36)) for character in compact[4:] + compact[:4]])) % 97 == 1


def _place_after(candidate: str, start: int, length: int) -> int | None:
    """The place after `length` characters that are not spaces, if a group ends there."""
    for end in range(start + length, len(candidate) + 1):
        if end - start - candidate.count(" ", start, end) == length:
            return end if length and candidate[end : end + 1] in ("", " ") else None
    return None


def ssn(candidate: str) -> Spans:
    from stdnum.us import ssn as standard

    return [(0, len(candidate))] if standard.is_valid(candidate) else []


def phone(candidate: str) -> Spans:
    """The longest beginning of a candidate that is a number in use: what follows a number looks like more of it."""
    import phonenumbers

    ends = [len(candidate), *(match.start() for match in reversed(list(_PHONE_GAPS.finditer(candidate))))]
    for end in ends[:_PHONE_TRIES]:
        dialled = f"+{candidate[2:end]}" if candidate.startswith("00") else candidate[:end]
        with suppress(phonenumbers.NumberParseException):
            if phonenumbers.is_valid_number(phonenumbers.parse(dialled, "US")):
                return [(0, end)]
    return []


def ip(candidate: str) -> Spans:
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return []
    nobodys = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved
    return [] if nobodys else [(0, len(candidate))]


def jwt(candidate: str) -> Spans:
    header = candidate.partition(".")[0]
    try:
        fields = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return []
    return [(0, len(candidate))] if isinstance(fields, dict) and "alg" in fields else []

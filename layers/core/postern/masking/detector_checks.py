"""What tells a value from something that only looks like one: check digits, prefixes, registries.

Each check takes a candidate and gives the places in it that are values: start and end, in order. Candidates are
generous, since digits and groups beside a value look like more of it. A text can be made of nothing but candidates, so
what refuses most of them at the least cost comes first; the registries are imported when their first candidate comes.
"""

from __future__ import annotations

import binascii
import ipaddress
import json
import re
from base64 import urlsafe_b64decode
from contextlib import suppress
from functools import lru_cache

Spans = list[tuple[int, int]]

# Ends of file names that look like a host's, as in `icon@2x.png`; no top-level domain has any of these names.
_FILE_ENDINGS = frozenset(
    {"avif", "css", "csv", "gif", "gz", "html", "ico", "jpeg", "jpg", "js", "json", "log", "map", "min"}
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
_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice a digit, its own digits added up
# Of those whose holders' numbers were printed on cards for show: they are nobody's since.
_PRINTED_SSNS = frozenset({"078-05-1120", "219-09-9999", "457-55-5462"})
_PHONE_GAPS = re.compile("(?<=[0-9])[ ().-]+(?=[0-9])")
_PHONE_TRIES = 3
_NUMBERS_OF_LETTERS = str.maketrans({chr(ord("A") + place): str(10 + place) for place in range(26)})
_IBAN_BEGINNING = re.compile("(?:^| )(?=[A-Z]{2}[0-9]{2})")
_BBAN_PART = re.compile("([0-9]+)!([nac])")
_BBAN_CHARACTERS = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}
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
    """The address without the dots of a sentence before it, and what a file's name or a number adds to it."""
    before, at, domain = candidate.rpartition("@")
    local = before.rpartition("..")[2]
    labels = domain.split(".")
    if not labels[-1].startswith("xn--"):
        labels[-1] = labels[-1].rstrip("_0123456789")
    while labels and labels[-1].lower() in _FILE_ENDINGS:
        labels.pop()
    named = any(not label.isdigit() for label in labels[:-1])
    if not named or not local or local.lower() == "git" or not _is_top_level(labels[-1]):
        return []
    return [(len(before) - len(local), len(before + at + ".".join(labels)))]


def _is_top_level(label: str) -> bool:
    return label.startswith("xn--") or (label.isalpha() and len(label) > 1)


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
    if len(digits) not in _CARD_DIGITS or not _has_check_digit(digits) or len(set(digits)) == 1:
        return False
    return any(low <= digits[: len(low)] <= high and len(digits) in sizes for low, high, sizes in _CARD_PREFIXES)


def _has_check_digit(digits: str) -> bool:
    """Whether the digits, every second one from the right doubled, add up to a multiple of ten (ISO/IEC 7812-1)."""
    return sum(map(int, digits[::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def iban(candidate: str) -> Spans:
    """The first run of groups that is an IBAN: words in capitals beside one look like its groups."""
    for beginning in _IBAN_BEGINNING.finditer(candidate):
        start = beginning.end()
        end = _place_after(candidate, start, _IBAN_LENGTHS.get(candidate[start : start + 2], 0))
        if end is not None:
            number = candidate[start:end].replace(" ", "")
            if _has_check_digits(number) and _bban_form(number[:2]).fullmatch(number, 4):
                return [(start, end)]
    return []


def _has_check_digits(number: str) -> bool:
    """Whether the number's remainder by 97 is 1, letters counting from 10 (ISO 7064, MOD 97-10)."""
    return int((number[4:] + number[:4]).translate(_NUMBERS_OF_LETTERS)) % 97 == 1


@lru_cache(maxsize=len(_IBAN_LENGTHS))
def _bban_form(country: str) -> re.Pattern[str]:
    """What follows the check digits of a country's numbers, by the registry; nothing does for one that it lacks."""
    from stdnum import numdb

    ((_, properties), *_) = numdb.get("iban").info(country)
    parts = _BBAN_PART.findall(properties.get("bban", ""))
    return re.compile("".join([f"{_BBAN_CHARACTERS[kind]}{{{count}}}" for count, kind in parts]))


def _place_after(candidate: str, start: int, length: int) -> int | None:
    """The place after `length` characters that are not spaces, if a group ends there."""
    for end in range(start + length, len(candidate) + 1):
        if end - start - candidate.count(" ", start, end) == length:
            return end if length and candidate[end : end + 1] in ("", " ") else None
    return None


def ssn(candidate: str) -> Spans:
    """A number that can have been given to somebody: 20 CFR 422.103, and the randomisation of 2011."""
    area, group, serial = candidate.split("-")
    never = area in {"000", "666"} or area >= "900" or group == "00" or serial == "0000"
    return [] if never or candidate in _PRINTED_SSNS else [(0, len(candidate))]


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
    """An address of version 4, or one of version 6 that has a digit: `abc::def` is a name of a program's."""
    if ":" not in candidate:
        return [(0, len(candidate))] if _is_somebodys(candidate.split(".")) else []
    written = candidate if candidate.endswith("::") else candidate.removesuffix(":")
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return []
    nobodys = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved
    return [] if nobodys or _DIGITS.search(written) is None else [(0, len(written))]


def _is_somebodys(octets: list[str]) -> bool:
    """Whether four decimal numbers are an address of version 4, and not loopback, multicast, reserved or none."""
    if any(int(octet) > 255 or (octet[0] == "0" and octet != "0") for octet in octets):
        return False
    return octets[0] != "127" and int(octets[0]) < 224 and any(octet != "0" for octet in octets)


def jwt(candidate: str) -> Spans:
    header = candidate.partition(".")[0]
    try:
        fields = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return []
    return [(0, len(candidate))] if isinstance(fields, dict) and "alg" in fields else []

"""Check digits and registries as the public libraries have them: what is reckoned here by itself differs in nothing."""

from __future__ import annotations

import ipaddress
import random

import pytest
from stdnum import iban as iban_library
from stdnum import luhn as luhn_library
from stdnum.us import ssn as ssn_library

from postern.masking import detector_checks
from postern.masking.detector_checks import _IBAN_LENGTHS, iban, ip, ssn


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def test_a_cards_check_digit_is_that_of_the_library() -> None:
    draw = random.Random(1)
    numbers = [_digits(draw, length) for length in range(13, 20) for _ in range(200)]
    assert [detector_checks._has_check_digit(number) for number in numbers] == [
        luhn_library.is_valid(number) for number in numbers
    ]


def test_numbers_of_social_security_are_those_of_the_library() -> None:
    draw = random.Random(2)
    areas = ["000", "001", "665", "666", "667", "899", "900", "999", *(_digits(draw, 3) for _ in range(200))]
    numbers = [
        f"{area}-{draw.choice(['00', _digits(draw, 2)])}-{draw.choice(['0000', _digits(draw, 4)])}" for area in areas
    ]
    numbers += ["078-05-1120", "219-09-9999", "457-55-5462", "219-09-1234"]
    assert [bool(ssn(number)) for number in numbers] == [ssn_library.is_valid(number) for number in numbers]


def test_a_countrys_numbers_are_those_of_the_registry() -> None:
    assert [country for country in sorted(_IBAN_LENGTHS) if not _is_as_in_the_registry(country)] == []


def _is_as_in_the_registry(country: str) -> bool:
    """Numbers of the right length and with right check digits; letters and digits in any place."""
    draw = random.Random(country)
    bbans = ["".join(draw.choices("0123456789AZ" if mixed else "0123456789", k=_IBAN_LENGTHS[country] - 4))
             for mixed in (False, True) * 20]  # fmt: skip
    bbans += [_bban(country, draw) for _ in range(20)]
    numbers = [f"{country}{iban_library.calc_check_digits(f'{country}00{bban}')}{bban}" for bban in bbans]
    whole = [iban(number) == [(0, len(number))] for number in numbers]
    if whole != [iban_library.is_valid(number, check_country=False) for number in numbers]:
        return False
    return all(whole[-20:]) or not _bban(country, draw)


def _bban(country: str, draw: random.Random) -> str:
    """A number that has the country's form; empty where the registry gives none."""
    structure = iban_library._ibandb.info(country)[0][1].get("bban", "")
    kinds = {"n": "0123456789", "a": "ABCXYZ", "c": "0123456789AZ"}
    parts = iban_library._struct_re.findall(structure)
    return "".join("".join(draw.choices(kinds[kind], k=int(count))) for count, kind in parts)


@pytest.mark.parametrize("changed", range(22))
def test_an_iban_with_another_character_is_none(changed: int) -> None:
    number = "GB82WEST12345698765432"
    other = "X" if number[changed].isalpha() else str((int(number[changed]) + 1) % 10)
    assert iban(number) == [(0, 22)]
    assert iban(number[:changed] + other + number[changed + 1 :]) == []


def test_addresses_are_those_that_somebody_can_have() -> None:
    octets = ["0", "1", "9", "10", "127", "128", "223", "224", "239", "240", "255", "256", "999", "00", "01", "007"]
    candidates = [f"{first}.{second}.0.{last}" for first in octets for second in octets for last in octets]
    assert [bool(ip(candidate)) for candidate in candidates] == [_is_somebodys(candidate) for candidate in candidates]


def _is_somebodys(candidate: str) -> bool:
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved)

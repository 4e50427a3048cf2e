"""A layer whose Cedar is put off: loaded without it, and never believed where it is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.policy.bundle import parse_bundle
from tests.support.policy import layer

BROKEN = {"policy_shop": "permit (principal, action, resource"}


def test_what_is_put_off_decides_as_what_is_not():
    whole, put_off = (parse_bundle(layer(), local=None, decides=decides) for decides in (True, False))

    assert put_off.digest == whole.digest
    assert put_off.cedar.ids == whole.cedar.ids


def test_it_is_parsed_once():
    put_off = parse_bundle(layer(), local=None, decides=False)

    assert put_off.cedar is put_off.cedar


def test_a_broken_policy_is_told_when_the_layer_is_loaded_by_who_decides():
    with pytest.raises(PolicyFileError):
        parse_bundle(layer(**BROKEN), local=None)


def test_a_broken_policy_that_was_put_off_allows_nothing_when_it_is_asked():
    put_off = parse_bundle(layer(**BROKEN), local=None, decides=False)

    with pytest.raises(PolicyUnavailable, match="nothing is allowed"):
        put_off.cedar  # noqa: B018 - asked


@pytest.mark.parametrize("part", ["cedar", "issuers", "catalogs", "approvals"])
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"issuers": "issuers: ["}, id="issuers"),
        pytest.param({"catalog_shop": "database: ["}, id="catalog"),
        pytest.param({"approvals": "{default: no}"}, id="approvals"),
    ],
)
def test_no_part_of_broken_rules_that_were_put_off_is_believed(part, broken):
    put_off = parse_bundle(layer(**broken), local=None, decides=False)

    with pytest.raises(PolicyUnavailable, match="nothing is allowed"):
        getattr(put_off, part)


def test_where_databases_are_is_checked_by_who_decides_nothing_too():
    with pytest.raises(PolicyFileError, match="expected an address for each catalog"):
        parse_bundle(layer(databases="{}"), local=None, decides=False)


def test_cedar_is_not_loaded_where_nobody_asks():
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from postern.policy.bundle import parse_bundle\n"
            "parse_bundle({'issuers.yaml': b'issuers: []'}, local=None, decides=False)\n"
            "print('cedarpy' in sys.modules or 'postern.policy.rules' in sys.modules)\n"
            "parse_bundle({'issuers.yaml': b'issuers: []'}, local=None)\n"
            "print('cedarpy' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split() == ["False", "True"]

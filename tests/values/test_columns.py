"""Which columns the detectors look at."""

from __future__ import annotations

import pytest

from postern.values import is_json, is_text


@pytest.mark.parametrize(
    ("oid", "text", "is_json_type"),
    [(25, True, False), (1043, True, False), (1009, True, False), (2249, True, False), (20_000, True, False)]
    + [(oid, False, False) for oid in (16, 17, 20, 23, 700, 1082, 1114, 1700, 2950, 869, 1007)]
    + [(114, False, True), (3802, False, True)],
)
def test_text_and_json_are_what_detectors_look_at(oid, text, is_json_type):
    assert (is_text(oid), is_json(oid)) == (text, is_json_type)

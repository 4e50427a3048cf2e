"""A time out of an answer is the one that botocore reads, whatever its form."""

from __future__ import annotations

import pytest
from botocore.utils import parse_timestamp

from postern.edges import clients
from postern.edges.timestamps import read_timestamp

TOLD = [
    "2026-11-23T19:11:40Z",
    "2026-11-23T19:11:40.123Z",
    "2024-02-29T23:59:59.999Z",
    "2026-11-23T19:11:40.123456Z",
    "2026-11-23T19:11:40+01:00",
    "Mon, 23 Nov 2026 19:11:40 GMT",
    "1795461100",
    1795461100,
    1795461100.25,
]


@pytest.mark.parametrize("told", TOLD, ids=[str(told) for told in TOLD])
def test_it_is_the_same_instant_with_its_zone(told):
    read = read_timestamp(told)
    assert read == parse_timestamp(told)
    assert read.utcoffset() == parse_timestamp(told).utcoffset()


@pytest.mark.parametrize("told", ["2026-13-23T19:11:40Z", "2026-11-23T25:00:00.000Z", "soon"])
def test_what_is_no_time_is_refused(told):
    with pytest.raises(ValueError, match=r".+"):
        read_timestamp(told)


def test_the_sessions_of_functions_read_times_so():
    session = clients.connect("us-east-1")
    parser = session.get_component("response_parser_factory").create_parser("rest-xml")
    assert parser._timestamp_parser is read_timestamp

"""The records on S3: how they are found, and what S3 may answer otherwise. The contract is in tests/contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.edges.wal import S3Wal
from postern.errors import EvidenceUnavailable
from postern.log_ports import WalVersion
from tests.support.log_process import command_id


@dataclass
class Pages:
    """An S3 client that lists what it is told, a page at a time, and keeps what it was asked."""

    pages: list[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get_paginator(self, _: str) -> Pages:
        return self

    def paginate(self, **request: Any) -> Any:
        self.asked.append(request)
        for at, page in enumerate(self.pages):
            if isinstance(page, Exception):
                raise page
            yield as_page(page, is_last=at == len(self.pages) - 1)

    def get_object(self, **_: Any) -> Any:
        raise self.pages[0]


@dataclass
class Listed:
    """An S3 client that lists these versions, so many rows a page, as S3 does; it counts the pages."""

    rows: list[tuple[str, str]]  # key and version, newest first
    width: int
    pages: int = 0

    def get_paginator(self, _: str) -> Listed:
        return self

    def paginate(self, **request: Any) -> Any:
        prefix, marker = request["Prefix"], request["KeyMarker"].encode()
        rows = [one for one in self.rows if one[0].startswith(prefix) and one[0].encode() > marker]
        for at in range(0, max(len(rows), 1), self.width):
            self.pages += 1
            yield as_page(rows[at : at + self.width], is_last=at + self.width >= len(rows))


def as_page(rows: list[tuple[str, str]], *, is_last: bool) -> dict[str, Any]:
    # Where there is more, S3 names the last key of the page.
    marker = {} if is_last else {"NextKeyMarker": rows[-1][0]}
    return {"Versions": [row(*one) for one in rows], "IsTruncated": not is_last, **marker}


def row(key: str, version: str) -> dict[str, Any]:
    return {"Key": key, "VersionId": version, "Size": 1, "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}


def one_hour(count: int) -> list[str]:
    """So many keys of records that lie in one folder, in their order."""
    keys = (record_key("prod-2026", RecordType.INTENT, command_id(n, at_ms=n)) for n in range(100_000))
    shard = (key for key in keys if key.startswith("wal/v1/prod-2026/0/"))
    return sorted(islice(shard, count))


AWAY = [
    pytest.param(ClientError({"Error": {"Code": "SlowDown"}}, "X"), id="503"),
    pytest.param(ClientError({"Error": {"Code": "AccessDenied"}}, "X"), id="403"),
    pytest.param(ReadTimeoutError(endpoint_url="s3"), id="no answer"),
]
FOLDER = "wal/v1/prod-2026/2/20261122/10/01a202b2-c514-7000-8000-000000000003"


class TestS3:
    def test_versions_of_a_key_may_lie_on_several_pages(self):
        wal = S3Wal(Pages([[("a", "3"), ("a", "2")], [("a", "1"), ("b", "1")]]), "b")
        found = [(one.key, one.version_id) for one in wal.versions_under("") if one.is_first]
        assert found == [("a", "1"), ("b", "1")]

    def test_an_hour_is_listed_from_the_smallest_key_that_is_wanted_to_the_largest(self):
        intent, outcome = f"{FOLDER}/1-intent.json", f"{FOLDER}/2-outcome.json"
        s3 = Pages([[(intent, "1"), (outcome, "1"), (f"{FOLDER}z", "1")], AssertionError("listed past the last key")])
        assert S3Wal(s3, "b").first_versions([outcome, intent]).keys() == {intent, outcome}
        (asked,) = s3.asked
        assert asked["Prefix"] == "wal/v1/prod-2026/2/20261122/10/"
        assert intent[:-2] < asked["KeyMarker"] < intent

    @pytest.mark.parametrize("width", [1, 2, 3, 10, 1000])
    def test_keys_that_lie_far_apart_are_found_without_what_lies_between(self, width):
        hour = one_hour(1000)
        absent = hour.pop(500)
        s3 = Listed([(key, "1") for key in hour], width)
        wanted = [hour[3], absent, hour[-2], hour[-1]]
        found = S3Wal(s3, "b").first_versions(wanted)
        assert {key: one and one.key for key, one in found.items()} == dict(zip(wanted, wanted, strict=True)) | {
            absent: None
        }
        assert s3.pages <= 2 * len(wanted)

    @pytest.mark.parametrize("width", [1, 2, 3, 7, 1000])
    def test_of_a_key_whose_versions_fill_pages_the_oldest_is_found(self, width):
        a, b, c = one_hour(3)
        rows = [(a, "2"), (a, "1"), *((b, str(n)) for n in range(9, 0, -1)), (c, "1"), (f"{c}-later", "1")]
        found = S3Wal(Listed(rows, width), "b").first_versions([c, a, b])
        assert {key: one and (one.key, one.version_id, one.is_first) for key, one in found.items()} == {
            key: (key, "1", True) for key in (a, b, c)
        }

    @pytest.mark.parametrize("junk", ["/1-intent.jso", "/1-intent.jso!", "/1-intent.jsm"])
    def test_keys_that_crowd_before_a_wanted_one_do_not_hide_it(self, junk):
        first, wanted = one_hour(2)
        crowd = [(f"{wanted.removesuffix('/1-intent.json')}{junk}{n:03}", "1") for n in range(300)]
        s3 = Listed([(first, "1"), *crowd, (wanted, "1")], 10)
        found = S3Wal(s3, "b").first_versions([first, wanted])
        assert [one and one.key for one in found.values()] == [first, wanted]

    def test_the_times_are_those_of_the_bucket(self):
        (found,) = S3Wal(Pages([[("a", "1")]]), "b").versions_under("")
        assert found == WalVersion("a", "1", 1, 1_767_225_600_000_000, is_first=True)

    @pytest.mark.parametrize("error", AWAY)
    def test_what_cannot_be_listed_or_read_is_absent_and_never_none(self, error):
        wal = S3Wal(Pages([error]), "b")
        assert wal.first_versions(["wal/a"]) == {}
        assert wal.read_versions([WalVersion("wal/a", "1", 1, 0, is_first=True)]) == {}

    @pytest.mark.parametrize("error", AWAY)
    def test_a_failure_of_one_is_told(self, error):
        wal = S3Wal(Pages([error]), "b")
        with pytest.raises(EvidenceUnavailable):
            list(wal.versions_under("wal/"))
        with pytest.raises(EvidenceUnavailable):
            wal.read_version("wal/a", "1")

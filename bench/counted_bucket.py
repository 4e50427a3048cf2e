"""A bucket in memory that answers what a pull asks, and counts it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.response import StreamingBody
from tests.support.inventory import Line

NAME = "evidence"


@dataclass(slots=True)
class CountedBucket:
    """As much of an S3 client as a pull uses, over objects in memory; requests and bytes are counted."""

    objects: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))  # versions, oldest first
    requests: Counter[str] = field(default_factory=Counter)
    listed: int = 0  # versions, of all lists
    sent: int = 0  # bytes, of all objects
    _sorted: list[tuple[str, int]] = field(default_factory=list)

    def list_object_versions(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's own
        self.requests["list_object_versions"] += 1
        rows = self._rows()
        prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter")
        after = (request.get("KeyMarker", ""), -int(request.get("VersionIdMarker", "0")))
        page: list[dict[str, Any]] = []
        folders: dict[str, None] = {}
        for key, number in rows:
            if not key.startswith(prefix) or (key, -number) <= after or (after[1] == 0 and key <= after[0]):
                continue
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folders[prefix + rest.partition(delimiter)[0] + delimiter] = None
                continue
            if len(page) == 1000:
                last = page[-1]
                marker = {"NextKeyMarker": last["Key"], "NextVersionIdMarker": last["VersionId"]}
                self.listed += len(page)
                return {"Versions": page, "IsTruncated": True, **marker}
            page.append(self._row(key, number))
        self.listed += len(page)
        return {"Versions": page, "CommonPrefixes": [{"Prefix": one} for one in folders]}

    def get_object(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's own
        self.requests["get_object"] += 1
        data = self._data(request)
        self.sent += len(data)
        return {"Body": StreamingBody(io.BytesIO(data), len(data)), **_LOCK}

    def head_object(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's own
        self.requests["head_object"] += 1
        return {"ContentLength": len(self._data(request)), **_LOCK}

    def reset(self) -> None:
        """Counts from nought."""
        self.requests, self.listed, self.sent = Counter(), 0, 0

    def lines(self) -> list[Line]:
        """What an inventory of it says."""
        return [_line(self._row(key, number)) for key, number in self._rows()]

    def _rows(self) -> list[tuple[str, int]]:
        if not self._sorted:
            self._sorted = [(key, at) for key in sorted(self.objects) for at in range(len(self.objects[key]), 0, -1)]
        return self._sorted

    def _row(self, key: str, number: int) -> dict[str, Any]:
        data, count = self.objects[key][number - 1], len(self.objects[key])
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        stored = _STORED + timedelta(seconds=number)
        version = {"VersionId": f"{number}", "IsLatest": number == count}
        return {"Key": key, **version, "Size": len(data), "ETag": f'"{etag}"', "LastModified": stored}

    def _data(self, request: dict[str, Any]) -> bytes:
        return self.objects[request["Key"]][int(request["VersionId"]) - 1]


_STORED = datetime(2026, 11, 22, 10, tzinfo=UTC)
_UNTIL = datetime(2028, 1, 1, tzinfo=UTC)
_LOCK = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": _UNTIL}


def _line(row: dict[str, Any]) -> Line:
    return {
        "Bucket": NAME,
        "Key": row["Key"],
        "VersionId": row["VersionId"],
        "Size": f"{row['Size']}",
        "ETag": row["ETag"].strip('"'),
        "ObjectLockRetainUntilDate": _UNTIL.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ObjectLockMode": "COMPLIANCE",
    }

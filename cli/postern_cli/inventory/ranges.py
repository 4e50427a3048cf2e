"""Which part of a bucket is listed afresh beside an inventory: all that is small, and what is newer than the inventory.

Under `wal/v1/<log>/<shard>/` and `blob/<log>/` keys follow the time inside their ids, so the new ones are listed from a
day on. A record may be stored long after its id was made (a settlement, by days): one that the log holds and neither
list told of is asked for by its key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from postern.audit.keys import LOG_NAME
from postern.audit.times import format_time
from postern_cli.pull_listing import Bucket, Part, divide

OVERLAP_US = 2 * 86_400_000_000  # before the inventory's own time: an object may come that late and not be in it
_SHARDS = frozenset("0123456789abcdef")


def fresh_parts(bucket: Bucket, created_us: int) -> Iterator[Part]:
    """The parts to list, what points at something before what it points at: the log first, then the records."""
    since_us = max(0, created_us - OVERLAP_US)
    if bucket.log is not None:
        yield Part(f"log/{bucket.log}/", f"log/{bucket.log}/")
        yield from _of_log(bucket, f"wal/v1/{bucket.log}/", since_us)
        yield _of_blobs(f"blob/{bucket.log}/", since_us)
        return
    tops = divide(bucket, "")
    for top in sorted(tops, key=lambda part: (part.order != "log/", part.order != "wal/")):
        if top.order == "wal/":
            yield from _of_records(bucket, since_us)
        elif top.order == "blob/":
            for log in divide(bucket, "blob/"):
                yield _of_blobs(log.order, since_us) if _is_log(log) else _whole(log)
        else:
            yield _whole(top)


def _of_records(bucket: Bucket, since_us: int) -> Iterator[Part]:
    for version in divide(bucket, "wal/"):
        if version.prefix != "wal/v1/":
            yield _whole(version)
            continue
        for log in divide(bucket, "wal/v1/"):
            if _is_log(log):
                yield from _of_log(bucket, log.order, since_us)
            else:
                yield _whole(log)


def _of_log(bucket: Bucket, prefix: str, since_us: int) -> Iterator[Part]:
    day = format_time(since_us)[:10].replace("-", "")
    for shard in divide(bucket, prefix):
        is_ours = shard.prefix is not None and shard.prefix[len(prefix) : -1] in _SHARDS
        yield replace(shard, after=f"{shard.prefix}{day}/") if is_ours else _whole(shard)


def _of_blobs(prefix: str, since_us: int) -> Part:
    digits = f"{since_us // 1000:012x}"
    return Part(prefix, prefix, after=f"{prefix}{digits[:8]}-{digits[8:]}")


def _is_log(part: Part) -> bool:
    return part.prefix is not None and LOG_NAME.fullmatch(part.prefix.split("/")[-2]) is not None


def _whole(part: Part) -> Part:
    """A folder, or the versions of a key right below a slash: listed again by that key, for their ETags."""
    return part if part.prefix is not None else Part(part.order, part.order)

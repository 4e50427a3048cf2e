"""The latest head of a log that is published, with its signature checked against the keys that are on record for it."""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.keys import LOG_NAME
from postern.errors import BadRequest
from postern.log_ports import LogBucket
from postern.reap_ports import LogKeys
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.notes import parse_vkey
from postern.tlog.origins import origin_of


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """A signed note, and the head that it was found to say."""

    note: bytes
    head: Checkpoint


def published_head(log: str, deployment: str, keys: LogKeys | None, bucket: LogBucket) -> PublishedHead | None:
    """None before the log's first checkpoint. Raises `IntegrityError` where a signature does not hold."""
    if keys is None:
        # Not begun, so the bucket has nothing either; to who may not list it, it would say 403.
        return None
    latest = bucket.latest_checkpoint()
    if latest is None:
        return None
    vkeys = [parse_vkey(key.vkey) for key in keys.keys]
    return PublishedHead(latest[0], open_checkpoint(latest[0], vkeys, origin_of(deployment, log)))


def check_log(log: str) -> None:
    """Raises `BadRequest` unless this can be the name of a log."""
    if LOG_NAME.fullmatch(log) is None:
        raise BadRequest("request.invalid", "log: expected 1 to 40 of a-z, 0-9 and -, got another form")

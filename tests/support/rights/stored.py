"""Who may do what to what is kept: the items of the tables, the objects of the bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .asking import Ask
from .documents import ACCOUNT, REGION
from .places import BUNDLE, CHECKPOINT, ELSEWHERE, OLD_TILE, OTHER_RECORD, OTHER_TEXT, RECORD, TEXT, TILE, Places
from .rows import NOBODY, Row, who

WRITERS = frozenset({"tasks", "query", "provision", "run", "revoke", "deploy"})


def stored(places: Places) -> Iterator[Row]:
    """Of the tables, item by item, and of the bucket, object by object."""
    yield from _items(places.table("StateTable"), _STATE, _STATE_KEYS)
    yield from _items(places.table("LogTable"), _LOG, _LOG_KEYS)
    yield from _items(places.table("SealTable"), _SEALS)
    yield from _tables(places)
    yield from _objects(places)
    yield from _bucket(places)


# Items: action -> partition key -> who. A key that is not written here is nobody's.
_STATE_READERS = {
    "task#1": "tasks query provision run revoke reap",
    "approval#1": "tasks provision run",
    "deny": "tasks revoke reap",
}
_BATCH_READERS = {**_STATE_READERS, "deny": "tasks revoke reap inspect"}
_STATE: dict[str, dict[str, str]] = {
    "GetItem": {**_STATE_READERS, "jwks#i": "authorize"},
    "BatchGetItem": _BATCH_READERS,
    "PutItem": {"task#1": "tasks query", "approval#1": "tasks", "deny": "revoke", "dpop#a": "authorize"},
    "UpdateItem": {
        "task#1": "tasks query provision run revoke reap",
        "approval#1": "tasks",
        "pending#a": "tasks",
        "rate#openings#a#1": "tasks",
        "rate#statements#a#1": "query",
        "rate#provisions#a#1": "tasks revoke reap",
        "deny": "revoke reap",
        "jwks#i": "authorize",
    },
    "ConditionCheckItem": {"task#1": "tasks", "deny": "tasks provision revoke reap"},
    "Query": {"deny": "revoke reap"},
}
_STATE_KEYS = ("xtask#1", "denial", "rate#1", "head#l")
_LOG: dict[str, dict[str, str]] = {
    "GetItem": {
        "head#l": "sequence reap receipts",
        "entry#k": "reap receipts",
        "epoch#l": "sequence reap",
        "watermark#test-2026": "query run reap receipts",
        "watermark#l": "reap receipts",
        "quarantine#k": "reap",
        "keys#l": "reap receipts inspect",
        "cosigned#l": "receipts",
        "deploy#postern": "deploy",
    },
    "BatchGetItem": {
        "head#l": "reap receipts",
        "entry#k": "sequence reap receipts inspect",
        "epoch#l": "reap",
        "watermark#test-2026": "reap",
        "watermark#l": "reap",
        "quarantine#k": "reap",
        "keys#l": "reap receipts",
    },
    "BatchWriteItem": {"entry#k": "sequence"},
    "PutItem": {
        "head#l": "sequence",
        "epoch#l": "reap",
        "quarantine#k": "reap",
        "keys#l": "reap",
        "deploy#postern": "deploy",
    },
    "UpdateItem": {"head#l": "sequence", "watermark#test-2026": "reap", "watermark#l": "reap", "quarantine#k": "reap"},
}
_LOG_KEYS = ("deploy#other", "header")
_SEALS: dict[str, dict[str, str]] = {
    "GetItem": {"seal#1": "reap"},
    "PutItem": {"seal#1": "query run reap"},
    "UpdateItem": {"seal#1": "reap"},
    "DeleteItem": {"seal#1": "reap"},
    "ConditionCheckItem": {"seal#1": "query run"},
    "Query": {"seal#1": "reap"},
}
_ITEM_ACTIONS = (
    *("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"),
    *("Query", "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"),
)


def _items(table: str, cells: Mapping[str, Mapping[str, str]], foreign: tuple[str, ...] = ()) -> Iterator[Row]:
    """Every action on every item. `foreign`: keys of nobody's, among them some that begin like one."""
    keys = sorted({key for row in cells.values() for key in row})
    is_bound = bool(foreign)  # to keys: the table of seals is one function's to erase, whole
    for action in _ITEM_ACTIONS:
        named = cells.get(action, {})
        # No statement names a right of PartiQL: a few keys show that none came in.
        for key in (*keys, *foreign) if action in cells or "PartiQL" not in action else keys[:2]:
            yield Row(_item(table, action, key), who(named.get(key, "")))
        # One key that is nobody's here is one too many; a request without a key is nobody's.
        for key in named if is_bound else ():
            yield Row(_item(table, action, key, foreign[0]), NOBODY)
        if is_bound:
            yield Row(Ask(f"dynamodb:{action}", table), NOBODY)


def _item(table: str, action: str, *keys: str) -> Ask:
    return Ask(f"dynamodb:{action}", table, {"dynamodb:LeadingKeys": keys})


def _tables(places: Places) -> Iterator[Row]:
    actions = ("Scan", "DeleteTable", "UpdateTable", "DescribeTable", "PutResourcePolicy", "UpdateTimeToLive")
    for name in ("StateTable", "LogTable", "SealTable"):
        for action in actions:
            yield Row(Ask(f"dynamodb:{action}", places.table(name)), NOBODY)
    indexes = {"by_principal": who("tasks"), "by_deadline": who("tasks revoke reap"), "another": NOBODY}
    for index, may in indexes.items():
        arn = f"{places.table('StateTable')}/index/{index}"
        yield Row(Ask("dynamodb:Query", arn, {"dynamodb:LeadingKeys": ("a",)}), may)
        yield Row(Ask("dynamodb:Scan", arn), NOBODY)
    # What somebody may do to an item, nobody may in another table.
    another = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/another"
    for action in _ITEM_ACTIONS:
        keys = {**_STATE.get(action, {}), **_LOG.get(action, {}), **_SEALS.get(action, {})}
        yield from (Row(_item(another, action, key), NOBODY) for key in keys)


_READ_ANY, _LOGS = who("sequence reap"), who("sequence reap receipts")
_SHOWN = _LOGS | who("inspect")
_OBJECTS: dict[str, dict[str, frozenset[str]]] = {
    "GetObject": {
        RECORD: WRITERS | {"reap"},
        TEXT: WRITERS | {"reap"},
        OTHER_RECORD: who("reap"),
        OTHER_TEXT: who("reap"),
        CHECKPOINT: _SHOWN,
        BUNDLE: _SHOWN,
        TILE: _LOGS,
        OLD_TILE: _LOGS,
    },
    "GetObjectVersion": {
        RECORD: _READ_ANY,
        OTHER_RECORD: _READ_ANY,
        TEXT: who("reap"),
        OTHER_TEXT: who("reap"),
    },
} | {
    action: {
        RECORD: WRITERS | {"reap"},
        TEXT: WRITERS | {"reap"},
        OTHER_RECORD: who("reap"),
        OTHER_TEXT: who("reap"),
        CHECKPOINT: who("sequence"),
        BUNDLE: who("sequence"),
        TILE: who("sequence"),
        OLD_TILE: who("sequence"),
    }
    for action in ("PutObject", "PutObjectRetention")
}
_NEVER_ON_OBJECTS = (
    *("DeleteObject", "DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectLegalHold", "PutObjectAcl"),
    *("PutObjectTagging", "ReplicateObject", "ReplicateDelete", "UpdateObjectEncryption", "AbortMultipartUpload"),
)


def _objects(places: Places) -> Iterator[Row]:
    keys = (RECORD, OTHER_RECORD, TEXT, OTHER_TEXT, CHECKPOINT, BUNDLE, TILE, OLD_TILE, ELSEWHERE, "wal/v2/test-2026/a")
    for action, cells in _OBJECTS.items():
        for key in keys:
            yield Row(Ask(f"s3:{action}", places.object(key)), cells.get(key, NOBODY))
        yield Row(Ask(f"s3:{action}", f"{places.bucket}2/{RECORD}"), NOBODY)
    for action in _NEVER_ON_OBJECTS:
        yield from (Row(Ask(f"s3:{action}", places.object(key)), NOBODY) for key in (RECORD, TEXT, CHECKPOINT))


_NEVER_ON_BUCKETS = (
    *("DeleteBucket", "DeleteBucketPolicy", "PutBucketPolicy", "PutBucketVersioning", "PutBucketNotification"),
    *("PutBucketObjectLockConfiguration", "PutLifecycleConfiguration", "PutEncryptionConfiguration"),
    *("PutReplicationConfiguration", "PutBucketPublicAccessBlock", "PutBucketOwnershipControls"),
)


def _bucket(places: Places) -> Iterator[Row]:
    listing = who("sequence reap")
    prefixes = {"wal/v1/test-2026/a/": listing, "log/test-2026/": listing, "blob/": NOBODY, "wal/v2/": NOBODY}
    for prefix, may in prefixes.items():
        yield Row(Ask("s3:ListBucketVersions", places.bucket, {"s3:prefix": (prefix,)}), may)
    yield Row(Ask("s3:ListBucketVersions", places.bucket), NOBODY)
    yield Row(Ask("s3:ListBucketVersions", f"{places.bucket}2", {"s3:prefix": ("wal/v1/",)}), NOBODY)
    yield Row(Ask("s3:ListBucket", places.bucket), listing)
    yield Row(Ask("s3:ListBucket", f"{places.bucket}2"), NOBODY)
    yield from (Row(Ask(f"s3:{action}", places.bucket), NOBODY) for action in _NEVER_ON_BUCKETS)

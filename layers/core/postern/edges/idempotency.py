"""A caller's Idempotency-Key as the state table may hold it.

The body holds literals, so its plain digest could be searched by who reads the table. The key is the one secret that
the first call and its repetition share: the table holds two HMACs under it, and not the key. Whoever can guess the key
can search the body: a key should be random, such as a UUID.
"""

from __future__ import annotations

import hashlib
import hmac

from postern.ports import IdempotencyKey
from postern.types import Sha256Hex


def kept_key(key: str, task_id: str, call: bytes) -> IdempotencyKey:
    """The key for one task, with what it stands for: `call` is the call's name and body."""
    return IdempotencyKey(_hmac(key, b"name", task_id.encode()), _hmac(key, b"body", call))


def _hmac(key: str, use: bytes, data: bytes) -> Sha256Hex:
    return Sha256Hex(hmac.new(key.encode(), b"postern idempotency\0" + use + b"\0" + data, hashlib.sha256).hexdigest())

"""What the state table holds of a caller's Idempotency-Key and of the body it stands for."""

from __future__ import annotations

import hashlib

import pytest

from postern.edges.idempotency import kept_key
from tests.support.domain import TASK_ID

KEPT = kept_key("0d8f3c1e-5f0a-4b7e-9a43-6a6c2f1b7e10", TASK_ID, b"query_answer\0{}")


def test_the_same_call_has_the_same_name_and_body():
    assert kept_key("0d8f3c1e-5f0a-4b7e-9a43-6a6c2f1b7e10", TASK_ID, b"query_answer\0{}") == KEPT


@pytest.mark.parametrize(
    ("other", "same_name"),
    [
        pytest.param(kept_key("0d8f3c1e-5f0a-4b7e-9a43-6a6c2f1b7e10", TASK_ID, b"query_answer\0[]"), True, id="body"),
        pytest.param(kept_key("0d8f3c1e-5f0a-4b7e-9a43-6a6c2f1b7e11", TASK_ID, b"query_answer\0{}"), False, id="key"),
    ],
)
def test_another_call_has_another_body_and_only_another_key_another_name(other, same_name):
    assert other.body_hmac != KEPT.body_hmac
    assert (other.value == KEPT.value) is same_name


def test_another_task_has_another_name():
    assert kept_key("0d8f3c1e-5f0a-4b7e-9a43-6a6c2f1b7e10", "0" * 32, b"query_answer\0{}").value != KEPT.value


def test_neither_the_key_nor_a_plain_digest_of_the_body_is_kept():
    kept = {KEPT.value, KEPT.body_hmac}
    key = b"0d8f3c1e-5f0a-4b7e-9a43-6a6c2f1b7e10"
    for said in (key, b"query_answer\0{}", b"{}", key + TASK_ID.encode(), TASK_ID.encode() + key):
        assert hashlib.sha256(said).hexdigest() not in kept
    assert key.decode() not in repr(KEPT)
    assert all(len(one) == 64 for one in kept)


def test_a_name_is_never_a_bodys_hmac():
    kept = kept_key("key", "same", b"same")
    assert kept.value != kept.body_hmac

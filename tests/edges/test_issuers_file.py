"""The issuers of a deployment: from the policy layer's folder and the environment."""

from __future__ import annotations

import pytest

from postern.edges.issuers_file import load_issuers
from postern.errors import PolicyUnavailable

LOCAL = "issuers: [{name: a, issuer: local, audience: us}]"


def environment(folder, **changes: str) -> dict[str, str]:
    return {"POSTERN_POLICY_DIR": str(folder), **changes}


def test_reads_the_file_of_the_policy_folder(tmp_path):
    (tmp_path / "issuers.yaml").write_text("issuers: [{name: a, issuer: 'https://i.example', audience: us}]")
    assert [rules.issuer for rules in load_issuers(environment(tmp_path))] == ["https://i.example"]


def test_takes_the_local_issuer_from_the_environment(tmp_path):
    (tmp_path / "issuers.yaml").write_text(LOCAL)
    given = environment(tmp_path, POSTERN_LOCAL_ISSUER="http://127.0.0.1:8080")
    assert [rules.issuer for rules in load_issuers(given)] == ["http://127.0.0.1:8080"]


@pytest.mark.parametrize("url", [None, "", "https://i.example", "http://10.0.0.1", "local"], ids=str)
def test_refuses_a_local_issuer_that_is_absent_or_off_the_loopback_interface(tmp_path, url):
    (tmp_path / "issuers.yaml").write_text(LOCAL)
    given = environment(tmp_path) if url is None else environment(tmp_path, POSTERN_LOCAL_ISSUER=url)
    with pytest.raises(PolicyUnavailable):
        load_issuers(given)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "expected a file"),
        (b"issuers:\n- x", "issuers.yaml:2"),
        (b"\xff", "issuers.yaml:1"),
        (b"", "issuers.yaml:1"),
    ],
    ids=["absent", "wrong", "not utf-8", "empty"],
)
def test_refuses_a_file_that_is_absent_or_wrong_and_says_where(tmp_path, content, says):
    if content is not None:
        (tmp_path / "issuers.yaml").write_bytes(content)
    with pytest.raises(PolicyUnavailable, match=says):
        load_issuers(environment(tmp_path))

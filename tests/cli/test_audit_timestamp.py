"""`postern audit timestamp` against an authority of its own, made with openssl."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from postern_cli.main import main
from postern_cli.stop import Exit
from tests.support.tsa import Authority
from tests.support.witness import grown

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and not os.environ.get("CI"), reason="openssl is not installed: no time stamps"
)
REPLY = "application/timestamp-reply"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("tsa") / "authority")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    file = tmp_path / "checkpoint"
    file.write_bytes(grown(9)["checkpoint"])
    return file


@pytest.fixture
def stamped(authority: Authority, checkpoint: Path, tmp_path: Path) -> Path:
    """A reply to a query over the checkpoint."""
    query, reply = tmp_path / "query.tsq", tmp_path / "reply.tsr"
    assert main(request(checkpoint, query, "--query-only")) == Exit.DONE
    reply.write_bytes(authority.stamp(query.read_bytes()))
    return reply


def request(checkpoint: Path, out: Path, *more: str) -> list[str]:
    return ["audit", "timestamp", "request", "--checkpoint", str(checkpoint), "--out", str(out), *more]


def check(checkpoint: Path, reply: Path, ca: Path) -> int:
    files = ["--checkpoint", str(checkpoint), "--reply", str(reply), "--ca", str(ca)]
    return main(["audit", "timestamp", "check", *files])


def test_a_stamp_is_asked_for_kept_and_holds(
    authority: Authority, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = tmp_path / "reply.tsr"
    with authority.serving() as url:
        assert main(request(checkpoint, reply, "--tsa", url)) == Exit.DONE
    assert "stamped " in capsys.readouterr().out
    assert check(checkpoint, reply, authority.root) == Exit.DONE
    assert "postern.shop/prod-2026 had 9 entries by" in capsys.readouterr().out


def test_a_stamp_of_a_query_sent_by_other_means_holds(authority: Authority, checkpoint: Path, stamped: Path) -> None:
    assert check(checkpoint, stamped, authority.root) == Exit.DONE


def test_a_stamp_does_not_hold_for_another_checkpoint(
    authority: Authority, checkpoint: Path, stamped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint.write_bytes(grown(10)["checkpoint"])
    assert check(checkpoint, stamped, authority.root) == Exit.REFUSED
    assert "does not hold" in capsys.readouterr().err


def test_a_changed_reply_does_not_hold(authority: Authority, checkpoint: Path, stamped: Path) -> None:
    data = bytearray(stamped.read_bytes())
    data[-20] ^= 1
    stamped.write_bytes(bytes(data))
    assert check(checkpoint, stamped, authority.root) == Exit.REFUSED


def test_a_stamp_by_an_authority_that_is_not_trusted_does_not_hold(
    checkpoint: Path, stamped: Path, tmp_path: Path
) -> None:
    other = Authority.made(tmp_path / "other")
    assert check(checkpoint, stamped, other.root) == Exit.REFUSED


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ((503, REPLY, b""), Exit.UNKNOWN, "status 503"),
        ((200, "text/html", None), Exit.UNKNOWN, "got text/html"),
        ((200, REPLY, b"not one"), Exit.UNKNOWN, "expected one of RFC 3161"),
        ((200, REPLY, bytes(2 * 1024 * 1024)), Exit.UNKNOWN, "expected at most"),
        ((200, REPLY, bytes.fromhex("30053003020102")), Exit.REFUSED, "did not grant"),  # status 2: rejection
    ],
    ids=["away", "said to be a web page", "no reply", "too large", "rejection"],
)
def test_what_is_no_stamp_is_not_kept(
    authority: Authority,
    checkpoint: Path,
    tmp_path: Path,
    answer: tuple[int, str, bytes | None],
    code: Exit,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    authority.answers.append(answer)
    with authority.serving() as url:
        assert main(request(checkpoint, tmp_path / "reply", "--tsa", url)) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "reply").exists()


def test_an_authority_that_does_not_take_sha256_gives_no_stamp(checkpoint: Path, tmp_path: Path) -> None:
    other = Authority.made(tmp_path / "other", digests="sha512")
    with other.serving() as url:
        assert main(request(checkpoint, tmp_path / "reply", "--tsa", url)) == Exit.REFUSED


def test_nobody_there_is_no_verdict(authority: Authority, checkpoint: Path, tmp_path: Path) -> None:
    with authority.serving() as url:
        pass
    assert main(request(checkpoint, tmp_path / "reply", "--tsa", url)) == Exit.UNKNOWN


@pytest.mark.parametrize("more", [[], ["--tsa", "http://x", "--query-only"], ["--tsa", "file:///x"]])
def test_an_authority_or_a_query_is_asked_for(checkpoint: Path, tmp_path: Path, more: list[str]) -> None:
    assert main(request(checkpoint, tmp_path / "out", *more)) == Exit.USAGE


def test_only_a_checkpoint_is_stamped(checkpoint: Path, tmp_path: Path) -> None:
    checkpoint.write_bytes(b"hello\n")
    assert main(request(checkpoint, tmp_path / "out", "--query-only")) == Exit.USAGE
    assert main(request(tmp_path / "none", tmp_path / "out", "--query-only")) == Exit.UNKNOWN


def test_without_openssl_it_says_so(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(request(checkpoint, tmp_path / "out", "--query-only")) == Exit.UNKNOWN
    assert "openssl: expected the program" in capsys.readouterr().err


def test_a_reply_or_a_root_that_is_not_there_is_no_verdict(
    authority: Authority, checkpoint: Path, stamped: Path, tmp_path: Path
) -> None:
    assert check(checkpoint, tmp_path / "none", authority.root) == Exit.UNKNOWN
    assert check(checkpoint, stamped, tmp_path / "none") == Exit.UNKNOWN

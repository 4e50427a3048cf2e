"""`postern audit timestamp` against an authority of its own, made with openssl."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path

import pytest

from postern_cli.main import main
from postern_cli.stop import Exit
from tests.support.tsa import Authority, with_status
from tests.support.witness import LOG_KEY, grown

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and not os.environ.get("CI"), reason="openssl is not installed: no time stamps"
)
REPLY = "application/timestamp-reply"
REJECTION = bytes.fromhex("30053003020102")  # status 2


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


def check(checkpoint: Path, reply: Path, ca: Path, *more: str) -> int:
    files = ["--checkpoint", str(checkpoint), "--reply", str(reply), "--ca", str(ca), *more]
    return main(["audit", "timestamp", "check", *files])


def test_a_stamp_is_asked_for_kept_and_holds(
    authority: Authority, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = tmp_path / "reply.tsr"
    with authority.serving() as url:
        assert main(request(checkpoint, reply, "--tsa", url)) == Exit.DONE
    assert "the reply says " in capsys.readouterr().out
    assert check(checkpoint, reply, authority.root) == Exit.DONE
    out = capsys.readouterr().out
    assert out.startswith("holds: these bytes existed by ")
    assert "postern.shop/prod-2026 had 9 entries; who signed them was not checked" in out


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


@pytest.mark.parametrize(
    "words",
    [
        "ok\nTime stamp: Jan  1 00:00:00 2020 GMT\nStatus: Granted.",
        "ok\nTime stamp: Jan  1 00:00:00 2020 GMT\n\nTST info:\nTime stamp: Jan  1 00:00:00 2020 GMT",
    ],
    ids=["one time", "two times"],
)
def test_words_that_nobody_signed_tell_no_time(
    authority: Authority, checkpoint: Path, stamped: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(checkpoint, stamped, authority.root) == Exit.DONE
    before = capsys.readouterr().out
    stamped.write_bytes(with_status(stamped.read_bytes(), 0, words))
    assert check(checkpoint, stamped, authority.root) == Exit.DONE
    assert capsys.readouterr().out == before


def test_words_that_nobody_signed_grant_no_stamp(authority: Authority, checkpoint: Path, tmp_path: Path) -> None:
    words = "no\nStatus info:\nStatus: Granted.\nTime stamp: Jan  1 00:00:00 2020 GMT\n"
    authority.answers.append((200, REPLY, with_status(REJECTION, 2, words)))
    with authority.serving() as url:
        assert main(request(checkpoint, tmp_path / "kept", "--tsa", url)) == Exit.REFUSED
    assert not (tmp_path / "kept").exists()


def test_a_stamp_with_a_status_that_grants_none_is_no_verdict(
    authority: Authority, checkpoint: Path, stamped: Path
) -> None:
    stamped.write_bytes(with_status(stamped.read_bytes(), 2, "no"))
    assert check(checkpoint, stamped, authority.root) == Exit.UNKNOWN


def test_with_the_logs_key_it_is_said_that_the_log_signed(
    authority: Authority, checkpoint: Path, stamped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(checkpoint, stamped, authority.root, "--vkey", str(LOG_KEY.verifier)) == Exit.DONE
    assert "the log's key signed in them that postern.shop/prod-2026 had 9 entries" in capsys.readouterr().out


def test_a_checkpoint_that_anybody_wrote_does_not_hold_under_the_logs_key(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was stamped all the same: an authority learns a digest and no more."""
    forged, query, reply = tmp_path / "forged", tmp_path / "query", tmp_path / "reply"
    root = base64.b64encode(b"\1" * 32).decode()
    forged.write_text(f"postern.shop/prod-2026\u009b31m\u202e\n7777777\n{root}\n\n\u2014 x YWJjZGVmZ2g=\n", "utf-8")
    assert main(request(forged, query, "--query-only")) == Exit.DONE
    reply.write_bytes(authority.stamp(query.read_bytes()))
    capsys.readouterr()
    assert check(forged, reply, authority.root) == Exit.DONE
    out = capsys.readouterr().out
    assert "who signed them was not checked" in out
    assert "prod-2026\\x9b31m\\u202e had" in out
    assert out.rstrip("\n").isprintable()
    assert check(forged, reply, authority.root, "--vkey", str(LOG_KEY.verifier)) == Exit.REFUSED


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
        ((200, REPLY, REJECTION), Exit.REFUSED, "did not grant"),
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

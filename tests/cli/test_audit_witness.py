"""`postern audit witness`: from a key to a signed checkpoint, and everything that must keep it from signing."""

from __future__ import annotations

import fcntl
import io
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from postern.tlog.cosignatures import verify_cosignatures
from postern.tlog.notes import parse_note, parse_vkey
from postern.witness.signing_key import format_key, make_key
from postern.witness.state import format_state, parse_state
from postern.witness.watch import cosigned
from postern_cli import witness_files, witness_lambda
from postern_cli.main import main
from postern_cli.stop import Exit, Stop
from postern_cli.witnessing import Outlet, Witnessed, run_once
from tests.support.log_copy import log_key
from tests.support.witness import (
    LOG,
    LOG_KEY,
    NOW_S,
    ORIGIN,
    WITNESS,
    Killed,
    MemoryInRam,
    Published,
    grown,
    kept_of,
    write_copy,
)

REWRITTEN = {2: b"what was never there"}
Log = dict[str, bytes]
NINE = grown(9)


class Site:
    """A witness with its files, and a copy of a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.state, self.out = folder / "key", folder / "state.json", folder / "cosigned"

    def init(self, *more: str) -> int:
        return main(
            [
                "audit",
                "witness",
                "init",
                "--key",
                str(self.key),
                "--state",
                str(self.state),
                "--name",
                "w.example",
                *more,
            ]
        )

    def put(self, log: Mapping[str, bytes]) -> None:
        write_copy(self.folder / "copy", log)

    def run(self, *source: str, vkey: str = str(LOG_KEY.verifier)) -> int:
        files = ["--key", str(self.key), "--state", str(self.state), "--out", str(self.out)]
        from_copy = ["--dir", str(self.folder / "copy")]
        return main(["audit", "witness", "run", *files, "--vkey", vkey, *(source or from_copy)])

    def show(self) -> int:
        return main(["audit", "witness", "show", "--key", str(self.key), "--state", str(self.state)])

    @property
    def evidence(self) -> list[str]:
        return sorted(one.name for one in (self.folder / "evidence").glob("*"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def begun(site: Site) -> Site:
    """A witness that has signed a log of nine entries, as `init` and `run` leave it."""
    key = make_key("w.example", b"\x06" * 32)
    kept = cosigned(key, NINE["checkpoint"], NOW_S)
    witness_files.create_key_file(site.key, format_key(key))
    witness_files.StateFile(site.state).create(format_state({ORIGIN: kept}))
    site.out.write_bytes(kept.data)
    site.put(NINE)
    return site


def test_the_first_run_signs_what_it_sees(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.init() == Exit.DONE
    site.put(NINE)
    assert site.run() == Exit.DONE
    assert "9 entries, seen for the first time and signed" in capsys.readouterr().out


def test_init_makes_a_key_for_its_owner_alone_and_prints_the_public_one(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.init() == Exit.DONE
    vkey = parse_vkey(capsys.readouterr().out.strip())
    assert vkey.name == "w.example"
    assert [stat.S_IMODE(file.stat().st_mode) for file in (site.key, site.state)] == [0o600, 0o600]
    assert parse_state(site.state.read_bytes(), vkey) == {}


def test_init_changes_nothing_that_is_there(begun: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = begun.key.read_bytes(), begun.state.read_bytes()
    assert begun.init() == Exit.REFUSED
    begun.key.rename(begun.folder / "elsewhere")
    assert begun.init() == Exit.REFUSED, "a memory is there"
    assert (begun.folder / "elsewhere").read_bytes() == before[0]
    assert begun.state.read_bytes() == before[1]
    assert "expected no such file yet" in capsys.readouterr().err


def test_an_honest_log_is_signed_as_it_grows(begun: Site, capsys: pytest.CaptureFixture[str]) -> None:
    for size, said in ((9, "9 entries as before"), (300, "300 entries continue the 9"), (301, "301 entries continue")):
        begun.put(grown(size, batches=[9]))
        assert begun.run() == Exit.DONE
        assert said in capsys.readouterr().out
    assert begun.show() == Exit.DONE
    vkey, line = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{ORIGIN}: 301 entries, root ")
    [signed] = verify_cosignatures(parse_note(begun.out.read_bytes()), [parse_vkey(vkey)])
    assert signed.vkey.name == "w.example"
    assert begun.evidence == []


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (grown(5), "ROLLBACK: 5 entries, and 9 were seen before"),
        (grown(9, changed=REWRITTEN), "FORK: the log's key signed two trees"),
        (grown(20, changed=REWRITTEN, batches=[9]), "FORK: the log's key signed two trees"),
        (grown(300, changed=REWRITTEN), "FORK"),
    ],
    ids=["put back", "two trees of a size", "rewritten whole", "rewritten and grown"],
)
def test_what_contradicts_the_log_seen_before_is_not_signed_and_both_are_kept(
    begun: Site, log: Log, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state, signed = begun.state.read_bytes(), begun.out.read_bytes()
    begun.put(log)
    assert begun.run() == Exit.REFUSED
    assert said in capsys.readouterr().err
    assert (begun.state.read_bytes(), begun.out.read_bytes()) == (state, signed)
    kept, latest = begun.evidence
    folder = begun.folder / "evidence"
    assert (folder / kept).read_bytes() == signed
    assert (folder / latest).read_bytes() == log["checkpoint"]
    assert begun.run() == Exit.REFUSED
    assert begun.evidence == [kept, latest], "the same two are kept once"


def test_a_log_put_back_right_is_signed_again(begun: Site) -> None:
    begun.put(grown(5))
    assert begun.run() == Exit.REFUSED
    begun.put(grown(12, batches=[9]))
    assert begun.run() == Exit.DONE


@pytest.mark.parametrize(
    ("log", "vkey"),
    [
        (grown(12, batches=[9], key=log_key(ORIGIN, seed=3)), str(LOG_KEY.verifier)),
        (grown(12, batches=[9], key=log_key("postern.shop/prod-2027")), str(LOG_KEY.verifier)),
    ],
    ids=["another key", "another origin"],
)
def test_a_checkpoint_that_is_not_the_logs_is_not_signed(begun: Site, log: Log, vkey: str) -> None:
    signed = begun.out.read_bytes()
    begun.put(log)
    assert begun.run(vkey=vkey) == Exit.REFUSED
    assert begun.out.read_bytes() == signed


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "`init` begins one"),
        (b"", "JSON"),
        (format_state({ORIGIN: kept_of(grown(5))}), "expected a signature of w.example"),
    ],
    ids=["gone", "emptied", "another witness's"],
)
def test_without_its_memory_a_witness_does_not_sign(
    begun: Site, state: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begun.state.unlink()
    if state is not None:
        begun.state.write_bytes(state)
    assert begun.run() == Exit.UNKNOWN
    assert said in capsys.readouterr().err
    assert begun.show() == Exit.UNKNOWN


def test_a_key_that_others_may_read_is_refused(begun: Site, capsys: pytest.CaptureFixture[str]) -> None:
    begun.key.chmod(0o640)
    assert begun.run() == Exit.REFUSED
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"PRIVATE+KEY+x\n", b"\xff"])
def test_a_key_file_that_holds_no_key_cannot_sign(begun: Site, content: bytes) -> None:
    begun.key.write_bytes(content)
    assert begun.run() == Exit.UNKNOWN


def test_a_second_run_at_the_same_time_is_kept_out(begun: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with begun.state.with_name("state.json.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert begun.run() == Exit.UNKNOWN
    assert "another run" in capsys.readouterr().err
    assert begun.run() == Exit.DONE


@pytest.mark.parametrize(("missing", "kept"), [("checkpoint", 0), ("tile/0/000", 2)])
def test_a_copy_that_lacks_a_file_is_no_verdict(begun: Site, missing: str, kept: int) -> None:
    begun.put(grown(600, batches=[9]))
    (begun.folder / "copy/objects/log/prod-2026" / missing).unlink()
    assert begun.run() == Exit.UNKNOWN
    assert len(begun.evidence) == kept


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda tile: tile.write_bytes(tile.read_bytes()[:-1]), Exit.REFUSED, "FORK or damaged tiles"),
        (lambda tile: tile.unlink(), Exit.UNKNOWN, "no such file; not signed, and both signed checkpoints are kept"),
    ],
    ids=["cut short", "missing"],
)
def test_a_fork_whose_tiles_are_held_back_is_kept_all_the_same(
    begun: Site, spoil: Callable[[Path], None], code: Exit, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    signed, log = begun.out.read_bytes(), grown(300, changed=REWRITTEN)
    begun.put(log)
    spoil(begun.folder / "copy/objects/log/prod-2026/tile/0/000")
    assert begun.run() == code
    assert said in capsys.readouterr().err
    assert [(begun.folder / "evidence" / name).read_bytes() for name in begun.evidence] == [signed, log["checkpoint"]]
    assert begun.out.read_bytes() == signed


@pytest.mark.parametrize(
    "source",
    [[], ["--dir", "x", "--url", "https://x"], ["--bucket", "b", "--dir", "x"], ["--url", "file:///etc/passwd"]],
    ids=["none", "two", "bucket and copy", "no web address"],
)
def test_a_source_is_asked_for(begun: Site, source: list[str]) -> None:
    files = ["--key", str(begun.key), "--state", str(begun.state), "--out", str(begun.out)]
    vkey = ["--vkey", str(LOG_KEY.verifier)]
    assert main(["audit", "witness", "run", *files, *vkey, *source]) == Exit.USAGE


@pytest.mark.parametrize("vkey", ["x", str(WITNESS.vkey), str(log_key("elsewhere.example/log").verifier)])
def test_only_a_log_of_ours_is_watched(begun: Site, vkey: str) -> None:
    assert begun.run(vkey=vkey) == Exit.USAGE


def test_one_run_watches_one_log(begun: Site) -> None:
    other = str(log_key("postern.shop/prod-2027").verifier)
    assert begun.run("--dir", str(begun.folder / "copy"), "--vkey", other) == Exit.USAGE


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_log_is_read_from_wherever_its_files_are_served(begun: Site) -> None:
    begun.put(grown(300, batches=[9]))
    with served(begun.folder / "copy/objects/log/prod-2026") as url:
        assert begun.run("--url", url) == Exit.DONE
        (begun.folder / "copy/objects/log/prod-2026/checkpoint").unlink()
        assert begun.run("--url", url) == Exit.UNKNOWN
    assert begun.run("--url", url) == Exit.UNKNOWN, "nobody answers there any more"


def test_a_fork_without_the_older_checkpoint_is_told_over_the_web_too(
    begun: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    write_copy(begun.folder / "other", grown(300, changed=REWRITTEN))
    with served(begun.folder / "other/objects/log/prod-2026") as url:
        assert begun.run("--url", url) == Exit.REFUSED
    assert "FORK or damaged tiles" in capsys.readouterr().err


def outlet(published: Published) -> Outlet:
    return Outlet(published.notes.append, published.keep)


def run_in_ram(memory: MemoryInRam, log: Log, published: Published) -> Witnessed:
    return run_once(WITNESS, memory, LOG, log.__getitem__, outlet(published), time_s=NOW_S)


def killed(when: str) -> Callable[[str], None]:
    def dies(now: str) -> None:
        if now == when:
            raise Killed

    return dies


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_given_away_that_is_not_remembered(when: str) -> None:
    """Killed around the write of its memory, it signs nothing later that contradicts what it gave away."""
    memory, published = MemoryInRam(format_state({ORIGIN: kept_of(grown(5))})), Published()
    memory.dies = killed(when)
    with pytest.raises(Killed):
        run_in_ram(memory, grown(9, batches=[5]), published)
    assert published.notes == []
    memory.dies = lambda _: None
    fork = grown(9, changed={7: b"other"}, batches=[5])
    if when == "before":
        assert run_in_ram(memory, fork, published).size == 9, "it never signed the other tree"
    else:
        with pytest.raises(Stop, match="FORK"):
            run_in_ram(memory, fork, published)
        assert run_in_ram(memory, grown(9, batches=[5]), published).size == 9


def test_a_memory_that_cannot_be_written_keeps_the_note_back() -> None:
    published = Published()

    def full(_: str) -> None:
        raise Stop(Exit.UNKNOWN, "no space left")

    with pytest.raises(Stop, match="no space"):
        run_in_ram(MemoryInRam(format_state({}), dies=full), grown(9), published)
    assert published.notes == []


def test_evidence_of_a_fork_is_kept_before_it_is_told() -> None:
    def lost(_name: str, _data: bytes) -> None:
        raise Stop(Exit.UNKNOWN, "cannot keep it")

    memory = MemoryInRam(format_state({ORIGIN: kept_of(grown(9))}))
    log = grown(9, changed=REWRITTEN)
    with pytest.raises(Stop, match="cannot keep it"):
        run_once(WITNESS, memory, LOG, log.__getitem__, Outlet(lambda _: None, lost), time_s=NOW_S)


def test_a_state_cut_off_between_write_and_rename_leaves_the_old_one(
    begun: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = begun.state.read_bytes()

    def dies(self: Path, target: Path) -> Path:
        raise Killed

    begun.put(grown(12, batches=[9]))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(witness_files.Path, "replace", dies)
        begun.run()
    assert begun.state.read_bytes() == before
    assert begun.run() == Exit.DONE


class FakeS3:
    """Two buckets: GET, and PUT with If-Match, as S3 answers them."""

    def __init__(self, objects: dict[tuple[str, str], bytes]) -> None:
        self.objects = objects
        self.is_away = False

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._reach()
        data = self.objects.get((Bucket, Key))
        if data is None:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(data), "ETag": f'"{hash(data)}"'}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfMatch: str = "", **_: str) -> None:  # noqa: N803
        self._reach()
        if IfMatch and IfMatch != f'"{hash(self.objects[Bucket, Key])}"':
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Bucket, Key] = Body

    def _reach(self) -> None:
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="https://s3.example")

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        assert (Name, WithDecryption) == ("/witness/key", True)
        return {"Parameter": {"Value": format_key(WITNESS).reveal()}}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """A Lambda's environment, with a witness that has signed nine entries."""
    objects = {("log", f"log/prod-2026/{path}"): data for path, data in grown(12, batches=[9]).items()}
    client = FakeS3({**objects, ("own", "state.json"): format_state({ORIGIN: kept_of(grown(9))})})
    monkeypatch.setattr("boto3.client", lambda *_: client)
    for name, value in {
        "POSTERN_LOG_VKEYS": str(LOG_KEY.verifier),
        "POSTERN_LOG_BUCKET": "log",
        "POSTERN_WITNESS_BUCKET": "own",
        "POSTERN_WITNESS_KEY_PARAMETER": "/witness/key",
    }.items():
        monkeypatch.setenv(name, value)
    return client


def test_the_lambda_signs_and_remembers_in_its_own_bucket(cloud: FakeS3) -> None:
    assert witness_lambda.handler({}, None) == {"origin": ORIGIN, "size": 12, "size_before": 9}
    note = parse_note(cloud.objects["own", "cosigned/prod-2026"])
    assert len(verify_cosignatures(note, [WITNESS.vkey])) == 1
    assert parse_state(cloud.objects["own", "state.json"], WITNESS.vkey)[ORIGIN].checkpoint.size == 12


def test_the_lambda_keeps_a_forks_two_checkpoints_and_fails(cloud: FakeS3) -> None:
    log = grown(9, changed=REWRITTEN)
    cloud.objects["log", "log/prod-2026/checkpoint"] = log["checkpoint"]
    with pytest.raises(Stop, match="FORK"):
        witness_lambda.handler({}, None)
    kept = {key: data for (bucket, key), data in cloud.objects.items() if key.startswith("evidence/")}
    assert sorted(kept.values()) == sorted([kept_of(grown(9)).data, log["checkpoint"]])
    assert ("own", "cosigned/prod-2026") not in cloud.objects


def test_two_lambdas_at_once_do_not_both_sign(cloud: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one writes the state between our reading and our writing."""
    read = witness_lambda.BucketMemory.read

    def overtaken(self: witness_lambda.BucketMemory) -> bytes:
        data = read(self)
        cloud.objects["own", "state.json"] = format_state({ORIGIN: kept_of(grown(9), time_s=NOW_S + 1)})
        return data

    monkeypatch.setattr(witness_lambda.BucketMemory, "read", overtaken)
    with pytest.raises(Stop, match="PreconditionFailed"):
        witness_lambda.handler({}, None)
    assert ("own", "cosigned/prod-2026") not in cloud.objects


@pytest.mark.parametrize("what", ["no state", "no checkpoint", "S3 away"])
def test_the_lambda_fails_where_it_cannot_tell(cloud: FakeS3, what: str) -> None:
    if what == "S3 away":
        cloud.is_away = True
    else:
        del cloud.objects[("own", "state.json") if what == "no state" else ("log", "log/prod-2026/checkpoint")]
    with pytest.raises(Stop):
        witness_lambda.handler({}, None)
    assert ("own", "cosigned/prod-2026") not in cloud.objects

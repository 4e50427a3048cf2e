"""`make interop`: other people's verifiers read our log, and must say of good and of tampered ones what ours says.

They are a program over Go's `golang.org/x/mod/sumdb` and `docs/verify-with-openssl.sh`, which has nothing but openssl
and coreutils. Prints each disagreement and ends with 1 where there is one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from postern.errors import IntegrityError
from postern.tlog.checkpoints import parse_checkpoint
from postern.tlog.cosignatures import verify_cosignatures
from postern.tlog.hashing import Hash
from postern.tlog.notes import COSIGNATURE, Note, format_note, parse_note, verifier_key
from postern.tlog.prove import prove_inclusion
from postern.tlog.tlog_proof import TlogProof, format_tlog_proof, parse_tlog_proof, verify_tlog_proof
from tests.interop.others import Others, others
from tests.interop.own_check import check_log
from tests.interop.tampered import CASES, ENTRIES, KEY, NEXT_KEY, ORIGIN, SIZE, WITNESS, Log, Seen, cosigned, good
from tests.interop.whole import whole_copies
from tests.support.log_copy import build
from tests.support.log_fakes import LogStore
from tests.support.log_process import LOG, process, put_records, put_start, until_settled

LARGE = 66_000  # a third level of tiles
WITNESS_KEY = verifier_key(WITNESS.name, WITNESS.public, COSIGNATURE)


def main() -> None:
    with others() as unkeyed:
        they = unkeyed.given(KEY.verifier)
        wrong = [*logs(they), *large_logs(they), *sequenced_logs(they), *proofs(they), *cosignatures(they)]
        wrong += whole_copies(unkeyed)
    for one in wrong:
        print(f"DISAGREE  {one}")
    sys.exit(1 if wrong else 0)


def logs(they: Others) -> Iterator[str]:
    """Each case is refused by exactly those that it says see it."""
    for case in CASES:
        log = case.log()
        said = {"ours": own_log_holds(log), "go": they.log_holds(log)}
        if said != {"ours": case.seen is Seen.NOBODY, "go": case.seen is not Seen.BOTH}:
            yield f"{case.name}: {said}, seen by {case.seen.value}"
    counts = {seen.value: sum(case.seen is seen for case in CASES) for seen in Seen}
    print(f"logs: {len(CASES)}, tampering seen by {counts}")


def own_log_holds(log: Log) -> bool:
    try:
        check_log(log, KEY.verifier)
    except IntegrityError:
        return False
    return True


def large_logs(they: Others) -> Iterator[str]:
    """A third level of tiles; and a log of one entry, of entries that are empty and as long as can be."""
    for entries, batches in (
        ([b"%d" % number for number in range(LARGE)], (1_000, LARGE - 2_000, 1_000)),
        ([b"{}"], (1,)),
        ([b"", b"x" * 65_535, b"\n"], (1, 1, 1)),
        ([b"%d" % number for number in range(256)], (255, 1)),
    ):
        log = build(entries, origin=ORIGIN, batches=batches, key=KEY)
        if not (own_log_holds(log) and they.log_holds(log)):
            yield f"a good log of {len(entries)} entries is refused"
    print(f"large and small logs: read up to {LARGE:,} entries")


def sequenced_logs(they: Others) -> Iterator[str]:
    """What the sequencer itself writes, batch by batch, under one key and then under two."""
    store = LogStore()
    for count, seeds in ((1, (1,)), (300, (1,)), (500, (1, 2))):
        keys = put_records(store, count, first=2 + len(store.wal)) + ([] if store.heads else [put_start(store)])
        until_settled(process(store, seeds=seeds), keys)
        log = {path: data for (_, path), data in store.objects.items() if not path.startswith("stage/")}
        log["checkpoint"] = store.latest[LOG][-1]
        if not (own_log_holds(log) and they.log_holds(log)):
            yield f"the sequencer's own log of {len(store.wal)} entries is refused"
    print(f"sequenced logs: {len(store.wal)} records in {len(store.latest[LOG])} batches")


def proofs(they: Others) -> Iterator[str]:
    """Proof files: those that hold, and each changed in one place."""
    log, files = good(), 0
    for index in (0, 1, 255, 256, 511, 512, SIZE - 2, SIZE - 1):
        hashes = prove_inclusion(index, SIZE, log.__getitem__)
        proof = TlogProof(index, tuple(hashes), log["checkpoint"], ENTRIES[index])
        for name, changed in {"good": proof, **(wrong_proofs(proof, log) if index in (1, SIZE - 1) else {})}.items():
            data, files = format_tlog_proof(changed), files + 1
            said = {"ours": own_proof_holds(data), **they.proof_holds(data)}
            if set(said.values()) != {name == "good"}:
                yield f"proof of {index}, {name}: {said}"
    print(f"proof files: {files}, read by Go and by openssl alone")


def wrong_proofs(proof: TlogProof, log: Log) -> dict[str, TlogProof]:
    """The same proof with one thing wrong in each."""
    checkpoint, zeros = proof.checkpoint, Hash(bytes(32))
    note = parse_note(checkpoint)
    return {
        "another index": replace(proof, index=proof.index - 1),
        "an index past the end": replace(proof, index=SIZE),
        "a huge index": replace(proof, index=2**63 - 1),
        "another entry": replace(proof, unverified_extra=b"{}"),
        "an entry with a newline more": replace(proof, unverified_extra=ENTRIES[proof.index] + b"\n"),
        "no entry": replace(proof, unverified_extra=None),
        "a hash less": replace(proof, hashes=proof.hashes[:-1]),
        "a hash more": replace(proof, hashes=(*proof.hashes, zeros)),
        "another hash": replace(proof, hashes=(zeros, *proof.hashes[1:])),
        "hashes turned round": replace(proof, hashes=proof.hashes[::-1]),
        "another size": replace(proof, checkpoint=checkpoint.replace(b"\n600\n", b"\n599\n")),
        "an earlier checkpoint": replace(proof, checkpoint=log["checkpoints/1"]),
        "another key's signature": replace(proof, checkpoint=format_note(note.text, [NEXT_KEY.sign(note.text)])),
        "another origin": replace(proof, checkpoint=checkpoint.replace(b"2026\n", b"2027\n")),
        "a bit of the signature": replace(proof, checkpoint=checkpoint[:-20] + b"AAAA" + checkpoint[-16:]),
    }


def own_proof_holds(data: bytes) -> bool:
    try:
        proof = parse_tlog_proof(data)
        if proof.unverified_extra is None:
            return False
        verify_tlog_proof(proof, proof.unverified_extra, [KEY.verifier], ORIGIN)
    except IntegrityError:
        return False
    return True


def cosignatures(they: Others) -> Iterator[str]:
    """A witness's line under a checkpoint, as it is and with a bit changed."""
    note = parse_note(good()["checkpoint"])
    line = cosigned(note.text)
    wrong = replace(line, signature=line.signature[:7] + b"\0" + line.signature[8:])
    for name, signatures in {"good": [line], "another time": [wrong], "none": []}.items():
        changed = Note(note.text, (*note.signatures, *signatures))
        data = format_note(changed.text, changed.signatures)
        said = {"ours": own_cosignature_holds(changed), "go": they.cosignature_holds(data, str(WITNESS_KEY))}
        if set(said.values()) != {name == "good"}:
            yield f"cosignature, {name}: {said}"
    print("cosignatures: 3")


def own_cosignature_holds(note: Note) -> bool:
    parse_checkpoint(note.text)
    try:
        return bool(verify_cosignatures(note, [WITNESS_KEY]))
    except IntegrityError:
        return False


if __name__ == "__main__":
    main()

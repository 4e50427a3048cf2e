"""Steps 14 and 19: what somebody outside the bucket, or a later epoch, saw of a log is what the log still says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from postern.audit.findings import Finding, Step
from postern.audit.listing import PulledLog
from postern.audit.verify import rows
from postern.audit.verify.entries import path_key
from postern.audit.verify.found import Found
from postern.audit.verify.heads import read_start
from postern.audit.verify.log_objects import check_note, claim_part
from postern.audit.verify.spill import Spill
from postern.audit.verify.terms import Anchor, Cosigned, Log, Terms
from postern.errors import IntegrityError
from postern.tlog.checkpoints import parse_checkpoint
from postern.tlog.cosignatures import verify_cosignatures
from postern.tlog.notes import parse_note
from postern.tlog.origins import log_of
from postern.tlog.tiles import Bundle


def find_anchors(pulled: PulledLog, terms: Terms, found: Found) -> Iterator[tuple[Log, Anchor]]:
    """The trees that were seen, with the log each is of; a finding for each note that does not hold by itself."""
    for data in terms.options.kept:
        yield from _opened(data, "kept checkpoint", Step.KEPT, terms, found)
    for cosigned in terms.options.cosigned:
        _check_witnesses(cosigned, found)
        yield from _opened(cosigned.note, "cosigned checkpoint", Step.KEPT, terms, found)
    for name in terms.logs:
        start = read_start(pulled, name) if terms.is_asked(name) else None
        if start is None or start.previous is None:
            continue
        before = terms.logs.get(start.previous.log)
        if before is None or not before.has_tree or not terms.is_asked(before.name):
            continue
        where = f"{path_key(name, Bundle(0))} entry 0"
        checkpoint = check_note(start.previous.note, where, before)
        if not isinstance(checkpoint, Finding):  # else `epochs` says so
            yield before, Anchor(checkpoint, where, "previous log's checkpoint")


def unasked_anchors(terms: Terms) -> Iterator[str]:
    """The checkpoints that were given and are of other logs than the one that was asked for: they show nothing."""
    given = [*(("kept", note) for note in terms.options.kept)]
    given += [("cosigned", cosigned.note) for cosigned in terms.options.cosigned]
    for what, data in given if terms.options.log is not None else ():
        try:
            origin = parse_checkpoint(parse_note(data).text).origin
            is_asked = terms.is_asked(log_of(origin))
        except IntegrityError:
            continue  # `find_anchors` says so
        if not is_asked:
            yield f"{what} checkpoint of {origin}: only {terms.options.log} was asked for"


def file_anchors(spill: Spill, anchors: Sequence[tuple[Log, Anchor]]) -> None:
    """Asks for the roots at the anchors' sizes."""
    for log, anchor in anchors:
        size = anchor.checkpoint.size
        claim = rows.Claim(size, log.number, rows.Claims.ANCHOR, rows.NO_DIGEST, 0, 0, rows.NO_DIGEST)
        rows.add(spill, claim, claim_part(log.number, size))
    spill.flush()


def check_anchors(
    anchors: Sequence[tuple[Log, Anchor]], log: Log, signed: int, roots: Mapping[int, bytes], found: Found
) -> None:
    """14. The log's largest signed tree begins with each tree that was seen of it."""
    for of, anchor in anchors:
        if of.number != log.number:
            continue
        checkpoint = anchor.checkpoint
        if checkpoint.size > signed:
            expected = f"at least its {checkpoint.size} entries under a checkpoint"
            got = f"{max(0, signed)}: the log was rolled back"
            found.find(Finding(Step.KEPT, anchor.where, anchor.what, expected, got))
        elif checkpoint.size in roots and roots[checkpoint.size] != checkpoint.root:
            expected = f"{checkpoint.root.hex()} at {checkpoint.size}"
            got = f"{roots[checkpoint.size].hex()}: the log has another history"
            found.find(Finding(Step.KEPT, anchor.where, anchor.what, expected, got))


def _opened(data: bytes, what: str, step: Step, terms: Terms, found: Found) -> Iterator[tuple[Log, Anchor]]:
    try:
        origin = parse_checkpoint(parse_note(data).text).origin
    except IntegrityError as error:
        found.find(Finding(step, what, "checkpoint", "one of its form", error.detail))
        return
    log = next((log for log in terms.logs.values() if log.origin == origin), None)
    if log is None:
        found.find(Finding(step, what, "log", f"{origin}, which it is of", "nothing of it in the copy"))
        return
    if not terms.is_asked(log.name):
        return
    checkpoint = check_note(data, what, log)
    if isinstance(checkpoint, Finding):
        found.find(Finding(step, what, checkpoint.what, checkpoint.expected, checkpoint.got))
        return
    yield log, Anchor(checkpoint, f"log/{log.name}/checkpoint", what)


def _check_witnesses(cosigned: Cosigned, found: Found) -> None:
    """19. Each witness that was asked for has signed, and its signature holds."""
    try:
        signed = {one.vkey for one in verify_cosignatures(parse_note(cosigned.note), cosigned.witnesses)}
    except IntegrityError as error:
        found.find(Finding(Step.WITNESS, "cosigned checkpoint", "cosignature", "one that holds", error.detail))
        return
    for witness in cosigned.witnesses:
        if witness not in signed:
            found.find(Finding(Step.WITNESS, "cosigned checkpoint", "cosignature", f"one of {witness.name}", "none"))

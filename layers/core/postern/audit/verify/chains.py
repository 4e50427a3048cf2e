"""Step 10: every writer's chain is whole.

One environment's records are numbered from 0 and each names the bytes of the one before, so none can be
taken out from between two others, replaced, or put in. What a chain cannot show: that its last records
are missing. That the log shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from postern.audit.canonical import MAX_RECORD_BYTES
from postern.audit.findings import Finding, Step
from postern.audit.listing import PulledLog
from postern.audit.stored import parse_record
from postern.audit.times import format_time
from postern.audit.verify import rows
from postern.audit.verify.joins import Joined, portions
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.terms import Terms
from postern.errors import IntegrityError


def join_chains(pulled: PulledLog, spill: Spill, terms: Terms, part: int) -> Joined:
    """The first thing wrong with each chain of this file that is not whole."""
    joined = Joined()
    check = _ChainCheck(pulled, terms)
    for portion in portions(spill, part, Kind.CHAIN):
        links = sorted(rows.read_bytes(Kind.CHAIN, spill, portion))
        for begin, end, is_whole in _chains(links, terms.bounds.skew_us):
            joined.found.count["chains"] += 1
            if not is_whole:
                chain = [rows.Chain(*rows.unpack_chain(link)) for link in links[begin:end]]
                joined.found.find(check.run(chain[0].env.hex(), chain))
    return joined


def _chains(links: Sequence[bytes], skew_us: int) -> Iterator[tuple[int, int, bool]]:
    """Where each chain begins and ends in sorted rows, and whether all of it holds: else `_ChainCheck` says what."""
    begin, is_whole = 0, True
    env, n, sha256, stored_us, source = b"", 0, b"", 0, b""
    for at, link in enumerate(links):
        of, number, digest, prev, last_modified_us, by, _, _, _ = rows.unpack_chain(link)
        if of != env:
            if at:
                yield begin, at, is_whole
            begin, is_whole = at, number == 0
        elif number != n + 1 or prev != sha256 or by != source or last_modified_us < stored_us - skew_us:
            is_whole = False
        env, n, sha256, stored_us, source = of, number, digest, last_modified_us, by
    if links:
        yield begin, len(links), is_whole


class _ChainCheck:
    def __init__(self, pulled: PulledLog, terms: Terms) -> None:
        self._pulled, self._terms = pulled, terms

    def run(self, env: str, links: list[rows.Chain]) -> Finding | None:
        last: rows.Chain | None = None
        for n, link in enumerate(links):
            if link.n != n:
                expected, got = f"a record at {n}", f"none before {link.n}"
                if link.n < n:
                    expected, got = f"one record at {link.n}", "another one there"
                return Finding(Step.CHAIN, self._key(link), f"chain {env}", expected, got)
            finding = None if last is None else self._check_next(env, last, link)
            if finding is not None:
                return finding
            last = link
        return None

    def _check_next(self, env: str, last: rows.Chain, link: rows.Chain) -> Finding | None:
        if link.source != last.source:
            expected, got = self._source(last), self._source(link)
            return Finding(Step.CHAIN, self._key(link), f"source of chain {env}", expected, got)
        if link.prev != last.sha256:
            got = "none" if link.prev == rows.NO_DIGEST else link.prev.hex()
            return Finding(Step.CHAIN, self._key(link), f"digest before it in chain {env}", last.sha256.hex(), got)
        if link.last_modified_us < last.last_modified_us - self._terms.bounds.skew_us:
            expected = f"not before {format_time(last.last_modified_us)}, when the one before it was"
            return Finding(Step.CHAIN, self._key(link), "stored", expected, format_time(link.last_modified_us))
        return None

    def _key(self, link: rows.Chain) -> str:
        return rows.key_of(self._terms.named(link.log).name, link.type, link.id)

    def _source(self, link: rows.Chain) -> str:
        try:
            return f"{parse_record(self._pulled.read(self._key(link), MAX_RECORD_BYTES)).source}"
        except (IntegrityError, KeyError):
            return "another"

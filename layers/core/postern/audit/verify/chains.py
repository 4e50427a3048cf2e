"""Step 10: every writer's chain is whole.

One environment's records are numbered from 0 and each names the bytes of the one before, so none can be
taken out from between two others, replaced, or put in. What a chain cannot show: that its last records
are missing. That the log shows.
"""

from __future__ import annotations

from itertools import groupby

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
        links = sorted(rows.read(rows.Chain, spill, portion))
        for env, chain in groupby(links, lambda link: link.env):
            joined.found.count["chains"] += 1
            joined.found.find(check.run(env.hex(), list(chain)))
    return joined


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

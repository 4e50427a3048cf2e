"""Whole pulled copies: what `postern audit verify` says of them, and what Go says of the log inside.

Each is a good copy of two epochs with one change, as the tests of the verifier make them. Ours refuses every one. Go
must refuse those in which something changed that it reads; of the others (records, listings, locks, epochs) it knows
nothing. What the owner of the signing key can do, by making the tree anew, Go takes for a good log by its nature: those
cases are in the verifier's own tests alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from postern.audit.findings import Bounds
from postern.audit.keys import log_key
from postern.audit.verify import verify
from tests.audit.test_log_tampering import BUCKET
from tests.interop.others import Others
from tests.support.audit import Copy
from tests.support.good_log import FIRST_KEY, NEW, NOW_US, OLD, OLD_KEY, SECOND_KEY, good_copy
from tests.support.log_tampering import OPTIONS, beyond, forked, small_copy

_KEYS = {OLD: (OLD_KEY.verifier,), NEW: (FIRST_KEY.verifier, SECOND_KEY.verifier)}
_PARTS = tuple(f"log/{name}/{kind}" for name in _KEYS for kind in ("checkpoint", "tile/"))
# Changes of what Go reads that it cannot take offence at.
_UNSEEN = {
    "a checkpoint missing": "nothing says which sizes were signed",
}


def whole_copies(they: Others) -> Iterator[str]:
    """Every change, seen by those who can see it."""
    for name, copy in {"good": good_copy(), "small": small_copy()}.items():
        if not (_ours(copy) and _go(they, copy)):
            yield f"the {name} copy is refused"
    needed = frozenset(key for key in good_copy().objects if key.startswith(_PARTS))
    read, seen = _read_by_go(good_copy(), needed), 0
    for name, tamper, *_ in BUCKET:
        copy = good_copy()
        tamper(copy)
        is_seen = _read_by_go(copy, needed) != read and name not in _UNSEEN
        seen += is_seen
        said = {"ours": _ours(copy), "go": _go(they, copy)}
        if said != {"ours": False, "go": not is_seen}:
            yield f"{name}: {said}, {'seen' if is_seen else 'not seen'} by Go"
    for name, tamper in (("beyond", beyond), ("forked", forked)):
        copy = good_copy()
        tamper(copy)
        if _ours(copy) or _go(they, copy):
            yield f"a checkpoint signed over something else, {name}: holds"
    print(f"whole copies: {len(BUCKET) + 2} tampered with, {seen + 2} of them where Go can see it")


def _ours(copy: Copy) -> bool:
    return verify(copy, Bounds(), now_us=NOW_US, options=OPTIONS).first is None


def _go(they: Others, copy: Copy) -> bool:
    """Whether both logs of the copy hold, read as they are."""
    return all(they.given(*keys).log_holds(_log(copy, name)) for name, keys in _KEYS.items())


def _log(copy: Copy, name: str) -> dict[str, bytes]:
    folder = log_key(name, "checkpoint").removesuffix("checkpoint")
    return {key.removeprefix(folder): data for key, data in copy.objects.items() if key.startswith(folder)}


def _read_by_go(copy: Copy, needed: frozenset[str]) -> dict[str, bytes]:
    """The objects that Go reads: every checkpoint there is, and what the good copy's trees are stored in."""
    kept = tuple(log_key(name, "checkpoints/0")[:-1] for name in _KEYS)
    return {key: data for key, data in copy.objects.items() if key in needed or key.startswith(kept)}

"""An issuer's key set over time: when the kept one is served, and when the issuer is asked for another. Pure.

    fresh         fetched less than 15 min ago: served as it is
    stale         asked for again, at most once in 30 s; while the issuer does not answer, served up to 24 h
    none kept     asked for, at most once in 5 s
    kid unknown   asked for, at most ten times at once and then once in 30 s: a stranger's random `kid` costs the
                  issuer nothing more, and a key that was rotated in need not wait

A key that an issuer withdraws is therefore refused after at most 15 minutes while the issuer answers, and after
24 h at the latest. What is known may be one process's knowledge or that of all: the rules are the same.

A `kid` that is not in the set is the token's fault where the set was fetched after the token came, or after it was
issued by its own word. Otherwise the issuer may have a key that nobody has seen yet, and refusing would make the
caller throw a good token away: `Unavailable`, which is answered by "try again". Who lies about it in a token that
nobody signed chooses between two refusals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from postern.identity.keys import VerifyingKey

FRESH_S = 15 * 60
KEEP_S = 24 * 60 * 60
COOL_DOWN_S = 30
AT_ONCE = 10  # times that an issuer is asked for an unknown `kid` before the cool-down holds
RETRY_S = 5  # while nothing is kept
ASKING_S = 4  # who began to ask longer ago than this has got no answer
SKEW_S = 5  # between the clocks of two environments
ROTATION_S = 10  # between the clocks of an issuer and ours, and until all of its servers show a new key


@dataclass(frozen=True, slots=True)
class KeySet:
    """An issuer's keys as it published them at a time."""

    keys: tuple[VerifyingKey, ...]
    fetched_at_s: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one issuer; times in seconds since the epoch.

    Each asking adds a cool-down to `paid_until_s`, so that one number counts how often it was asked of late.
    """

    key_set: KeySet | None = None  # None: never had one
    asked_at_s: int | None = None  # when somebody began to ask last; None: never
    paid_until_s: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a token asks for: its `kid`, where it names one, and when it says that it was issued."""

    kid: str | None
    unverified_iat_s: int | None


@dataclass(frozen=True, slots=True)
class Serve:
    """These keys hold now, and no others may."""

    keys: tuple[VerifyingKey, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """The issuer may be asked, by the first who sets `paid_until_s` to this."""

    paid_until_s: int


@dataclass(frozen=True, slots=True)
class Await:
    """Somebody is asking the issuer right now: soon more may be known."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing can be said yet. The reason is for the log."""

    reason: str


Step: TypeAlias = Serve | Ask | Await | Unavailable


class SharedKeySets(Protocol):
    """What all environments know together, by the issuer's URL.

    `read` is strongly consistent; `Known()` where there is no entry. `claim` is linearizable: of all that have seen
    the same `paid_until_s` one gets True. `put` is durable once it returns and never replaces a newer set, unless a
    clock that was wrong dated that one by more than `SKEW_S` ahead. Nothing is retried. All raise `StateUnavailable`,
    `read` also for an entry that is malformed.
    """

    def read(self, issuer_url: str) -> Known: ...

    def claim(self, issuer_url: str, seen: Known, ask: Ask, *, now_s: int) -> bool: ...

    def put(self, issuer_url: str, key_set: bytes, *, fetched_at_s: int) -> None: ...


def next_step(known: Known, wanted: Wanted, *, now_s: int) -> Step:
    """What to do for a token, by what is known."""
    kept = known.key_set
    if kept is None or not _is_within(now_s, kept.fetched_at_s, KEEP_S):
        return _without_keys(known, now_s)
    if wanted.kid is not None and all(key.kid != wanted.kid for key in kept.keys):
        return _with_other_keys(known, kept, wanted, now_s)
    if _is_within(now_s, kept.fetched_at_s, FRESH_S) or _is_within(now_s, known.asked_at_s, COOL_DOWN_S):
        return Serve(kept.keys)
    return _ask(known, COOL_DOWN_S, now_s)


def newest(one: Known, other: Known, *, now_s: int) -> Known:
    """The newer key set of both, and the later times.

    Nothing that a clock which was wrong set in times to come: it would hide whatever is learned until then.
    """
    sets = [known.key_set for known in (one, other) if known.key_set is not None]
    return Known(
        max((each for each in sets if each.fetched_at_s <= now_s + SKEW_S), key=_fetched_at_s, default=None),
        _later(one.asked_at_s, other.asked_at_s, most_s=now_s + SKEW_S),
        _later(one.paid_until_s, other.paid_until_s, most_s=_furthest_s(now_s)),
    )


def _without_keys(known: Known, now_s: int) -> Step:
    if _is_being_asked(known, now_s):
        return Await()
    if _is_within(now_s, known.asked_at_s, RETRY_S):
        return Unavailable("expected its keys, got none")
    return _ask(known, RETRY_S, now_s)


def _with_other_keys(known: Known, kept: KeySet, wanted: Wanted, now_s: int) -> Step:
    if _is_being_asked(known, now_s):
        return Await()
    if _paid_until_s(known, now_s) <= now_s + (AT_ONCE - 1) * COOL_DOWN_S:
        return _ask(known, COOL_DOWN_S, now_s)
    issued_at_s = wanted.unverified_iat_s
    if issued_at_s is None or issued_at_s + ROTATION_S <= kept.fetched_at_s or now_s <= kept.fetched_at_s:
        return Serve(kept.keys)  # a newer set could not hold the token's key either
    return Unavailable("expected a newer key set, got none yet")


def _ask(known: Known, cool_down_s: int, now_s: int) -> Ask:
    return Ask(max(_paid_until_s(known, now_s), now_s) + cool_down_s)


def _paid_until_s(known: Known, now_s: int) -> int:
    """Further ahead than it can be set, it was set by a clock that was wrong, and nobody waits for that."""
    paid_until_s = known.paid_until_s
    return now_s if paid_until_s is None or paid_until_s > _furthest_s(now_s) else paid_until_s


def _furthest_s(now_s: int) -> int:
    return now_s + SKEW_S + (AT_ONCE + 1) * COOL_DOWN_S


def _is_being_asked(known: Known, now_s: int) -> bool:
    if not _is_within(now_s, known.asked_at_s, ASKING_S):
        return False
    return known.key_set is None or known.asked_at_s is None or known.key_set.fetched_at_s < known.asked_at_s


def _is_within(now_s: int, since_s: int | None, span_s: int) -> bool:
    """False also for a time that is to come by more than skew: the clock was set back, and nothing has an age."""
    return since_s is not None and -SKEW_S <= now_s - since_s < span_s


def _later(one: int | None, other: int | None, *, most_s: int) -> int | None:
    return max((each for each in (one, other) if each is not None and each <= most_s), default=None)


def _fetched_at_s(key_set: KeySet) -> int:
    return key_set.fetched_at_s

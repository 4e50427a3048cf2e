"""When kept keys are served and when the issuer is asked, as a table."""

from __future__ import annotations

import pytest

from postern.identity.key_sets import (
    ASKING_S,
    AT_ONCE,
    COOL_DOWN_S,
    FRESH_S,
    KEEP_S,
    RETRY_S,
    ROTATION_S,
    SKEW_S,
    Ask,
    Await,
    KeySet,
    Known,
    Serve,
    Unavailable,
    Wanted,
    newest,
    next_step,
)
from postern.identity.keys import parse_key_set
from tests.support.identity import NOW_S, jwk, key_set

KID = "ES256"
KEYS = parse_key_set(key_set(jwk(KID)))
SERVE, WAIT = Serve(KEYS), Await()
FULL_S = AT_ONCE * COOL_DOWN_S  # paid ahead where the issuer was asked as often as may be


def known(age_s: int | None, asked_s: int | None = None, paid_s: int | None = None) -> Known:
    """A key set of that age, asked for that long ago, and paid for that far ahead."""
    return Known(
        None if age_s is None else KeySet(KEYS, NOW_S - age_s),
        None if asked_s is None else NOW_S - asked_s,
        None if paid_s is None else NOW_S + paid_s,
    )


def ask(ahead_s: int) -> Ask:
    return Ask(NOW_S + ahead_s)


TABLE = {
    "fresh": (known(0), KID, SERVE),
    "fresh to the last second": (known(FRESH_S - 1), KID, SERVE),
    "fresh by a clock that is ahead": (known(-SKEW_S), KID, SERVE),
    "without a kid": (known(0), None, SERVE),
    "stale": (known(FRESH_S), KID, ask(COOL_DOWN_S)),
    "stale without a kid": (known(FRESH_S), None, ask(COOL_DOWN_S)),
    "stale, asked in vain": (known(FRESH_S, COOL_DOWN_S - 1), KID, SERVE),
    "stale, being asked": (known(FRESH_S, 0), KID, SERVE),
    "stale, cooled down": (known(FRESH_S, COOL_DOWN_S), KID, ask(COOL_DOWN_S)),
    "stale, strangers asked much": (known(FRESH_S, COOL_DOWN_S, FULL_S - 30), KID, ask(FULL_S)),
    "stale to the last second": (known(KEEP_S - 1, 5), KID, SERVE),
    "too old": (known(KEEP_S), KID, ask(RETRY_S)),
    "too old, asked in vain": (known(KEEP_S, RETRY_S - 1), KID, Unavailable("expected its keys, got none")),
    "of a time to come": (known(-SKEW_S - 1), KID, ask(RETRY_S)),
    "none": (known(None), KID, ask(RETRY_S)),
    "none, being asked": (known(None, ASKING_S - 1), KID, WAIT),
    "none, asked in vain": (known(None, ASKING_S), KID, Unavailable("expected its keys, got none")),
    "none, asked again": (known(None, RETRY_S), KID, ask(RETRY_S)),
    "none, asked by a clock that is wrong": (known(None, -SKEW_S - 1), KID, ask(RETRY_S)),
    "unknown kid": (known(0), "x", ask(COOL_DOWN_S)),
    "unknown kid, paid before": (known(0, 9, 70), "x", ask(70 + COOL_DOWN_S)),
    "unknown kid, paid long ago": (known(0, 9, -70), "x", ask(COOL_DOWN_S)),
    "unknown kid, being asked": (known(9, ASKING_S - 1), "x", WAIT),
    "unknown kid, answered since": (known(1, 1), "x", ask(COOL_DOWN_S)),
    "unknown kid, the last time": (known(9, 9, FULL_S - COOL_DOWN_S), "x", ask(FULL_S)),
    "unknown kid, paid by a clock that is wrong": (known(0, 9, 10**6), "x", ask(COOL_DOWN_S)),
}


@pytest.mark.parametrize(("given", "kid", "step"), TABLE.values(), ids=TABLE.keys())
def test_decides_by_what_is_known(given, kid, step):
    assert next_step(given, Wanted(kid, NOW_S), now_s=NOW_S) == step


NEWER = Unavailable("expected a newer key set, got none yet")


@pytest.mark.parametrize(
    ("issued_s", "age_s", "step"),
    [
        pytest.param(0, 9, NEWER, id="issued after the set was fetched"),
        pytest.param(9 + ROTATION_S - 1, 9, NEWER, id="issued about then"),
        pytest.param(9 + ROTATION_S, 9, SERVE, id="issued well before"),
        pytest.param(None, 9, SERVE, id="does not say"),
        pytest.param(-1000, 9, NEWER, id="says a time to come"),
        pytest.param(0, 0, SERVE, id="set fetched this second"),
    ],
)
def test_calls_a_kid_unknown_only_where_the_set_is_younger_than_the_token(issued_s, age_s, step):
    """While the cool-down runs: what is served lacks the kid, so the token is refused for good."""
    issued_at_s = None if issued_s is None else NOW_S - issued_s
    assert next_step(known(age_s, 9, FULL_S), Wanted("x", issued_at_s), now_s=NOW_S) == step


def test_never_asks_for_unknown_kids_more_often_than_the_cool_down_allows():
    """An hour of one stranger a second: ten times at once, then once in a cool-down."""
    state, asked = known(0), []
    for second in range(3600):
        now_s = NOW_S + second
        step = next_step(state, Wanted("x", now_s), now_s=now_s)
        if isinstance(step, Ask):
            asked.append(second)
            state = Known(KeySet(KEYS, now_s), now_s, step.paid_until_s)
    assert asked[:AT_ONCE] == list(range(AT_ONCE))
    assert len(asked) == AT_ONCE - 1 + 3600 // COOL_DOWN_S


def test_learns_the_newer_set_and_the_later_times():
    mine, theirs = Known(KeySet((), 5), 9, 8), Known(KeySet(KEYS, 6), 7, None)
    assert newest(mine, theirs, now_s=9) == newest(theirs, mine, now_s=9) == Known(KeySet(KEYS, 6), 9, 8)
    assert newest(Known(), mine, now_s=9) == mine


def test_learns_nothing_that_a_wrong_clock_dated_ahead():
    mine, theirs = known(9, 9, 9), known(-SKEW_S - 1, -SKEW_S - 1, FULL_S + COOL_DOWN_S + SKEW_S + 1)
    assert newest(mine, theirs, now_s=NOW_S) == newest(theirs, mine, now_s=NOW_S) == mine
    assert newest(Known(), theirs, now_s=NOW_S) == Known()
    ahead = known(-SKEW_S, -SKEW_S, FULL_S + COOL_DOWN_S + SKEW_S)
    assert newest(mine, ahead, now_s=NOW_S) == ahead

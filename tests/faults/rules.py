"""What is to happen to which request on its way to a server: rules as data, and who counts and applies them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

DATABASE = "database"


class Act(Enum):
    """What happens to a request. BEFORE: the server never sees it. AFTER: it did what it was asked."""

    ANSWER = "answer"  # an error in the service's own form, in place of the server's answer
    DELAY = "delay"
    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    CUT_AMID = "cut amid"  # a part of the answer has gone out
    HANG_BEFORE = "hang before"  # nothing comes, for as long as the rule is in force
    HANG_AFTER = "hang after"
    DIE_BEFORE = "die before"  # the query function's processes are killed
    DIE_AFTER = "die after"


IS_AFTER = frozenset({Act.CUT_AFTER, Act.HANG_AFTER, Act.DIE_AFTER})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the proxies see it."""

    service: str  # s3, dynamodb, sts, kms, lambda, …, or `database`
    operation: str  # PUT, UpdateItem, AssumeRole; of a database: startup, parse, query
    subject: bytes  # the path and the body; of a database: `user=<role> ` and the statement
    function: str = ""  # that asks AWS, by the name of its folder


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests, and what becomes of them. `about` is searched in the subject; `nth` counts from 1, 0 is all."""

    service: str
    act: Act
    operation: str = ""
    about: str = ""
    nth: int = 0
    function: str = ""  # empty for any
    delay_s: float = 0.0
    code: str = ""  # of ANSWER, with the status
    status: int = 503

    def matches(self, asked: Asked, only: bytes) -> bool:
        return (
            asked.service == self.service
            and self.operation in ("", asked.operation)
            and self.function in ("", asked.function)
            and only in asked.subject
            and re.search(self.about.encode(), asked.subject, re.DOTALL) is not None
        )


@dataclass(slots=True)
class _InForce:
    rule: Rule
    only: bytes
    ended: threading.Event = field(default_factory=threading.Event)
    seen: int = 0
    applied: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule that a request met; `ended` is set when it is no longer in force."""

    rule: Rule
    ended: threading.Event


@dataclass(slots=True)
class Rules:
    """The rules in force, which any number of proxies ask. The first that matches is applied."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _in_force: list[_InForce] = field(default_factory=list)

    def meet(self, asked: Asked) -> Applied | None:
        """What is to become of the request. A rule that names the nth of its requests is applied to that one alone."""
        with self._lock:
            for one in self._in_force:
                if not one.rule.matches(asked, one.only):
                    continue
                one.seen += 1
                if one.rule.nth in (0, one.seen):
                    one.applied += 1
                    return Applied(one.rule, one.ended)
        return None

    @contextmanager
    def force(self, rules: Sequence[Rule], *, only: str = "") -> Iterator[list[_InForce]]:
        """In force until the block ends, for requests that speak of `only`; what hangs then is cut."""
        added = [_InForce(rule, only.encode()) for rule in rules]
        with self._lock:
            self._in_force += added
        try:
            yield added
        finally:
            with self._lock:
                self._in_force = [one for one in self._in_force if one not in added]
            for one in added:
                one.ended.set()


def applied(in_force: Sequence[_InForce]) -> int:
    """How often rules were applied: a fault that met nothing shows nothing."""
    return sum(one.applied for one in in_force)

"""A bounded, repeatable search for a statement that tells two worlds apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.noninterference.statement import Statement
from tests.noninterference.twins import Delivered, Twins, difference
from tests.noninterference.writer import Templates, relations_of, statements


class ToldApart(AssertionError):
    """Raised by a search: its message is the smallest statement that was found, and what each world delivered."""


@dataclass(slots=True)
class Tally:
    """What a search has asked, by outcome; a search whose statements all fail would show nothing."""

    outcomes: Counter[str] = field(default_factory=Counter)
    with_rows: int = 0

    def count(self, delivered: Delivered) -> None:
        self.outcomes[delivered.outcome] += 1
        self.with_rows += bool(delivered.row_count)

    @property
    def asked(self) -> int:
        return sum(self.outcomes.values())

    @property
    def refused(self) -> int:
        """By the guard: such a statement shows nothing."""
        return sum(count for outcome, count in self.outcomes.items() if outcome.startswith("guard."))

    def __str__(self) -> str:
        answers = self.outcomes["answer"]
        named = ", ".join(f"{outcome} {count}" for outcome, count in self.outcomes.most_common(4))
        return f"{self.asked} statements, {answers} answered, {self.with_rows} with rows ({named})"


def search(
    pair: Twins,
    examples: int,
    *,
    random_seed: int | None = None,
    shrink: bool = True,
    guarded: bool = True,
    extra: Templates | None = None,
) -> Tally:
    """Asks both worlds `examples` generated statements. Raises `ToldApart` at a difference.

    Without a seed every search asks the same statements, today and tomorrow.
    """
    tally = Tally()

    def ask(statement: Statement) -> None:
        one, other = pair.ask(statement, guarded=guarded)
        tally.count(one)
        if one != other and not (one.was_stopped or other.was_stopped):
            raise ToldApart(difference(statement, one, other))

    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    bounded = settings(
        max_examples=examples,
        derandomize=random_seed is None,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run = bounded(given(statements(relations_of(pair.views), extra, plans=guarded))(ask))
    if random_seed is not None:
        run = seed(random_seed)(run)
    run()
    return tally

"""Whether a process holds more and more: its end against what it held once it was warm, and the slope between."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.soak.load.processes import Held, Process, by_part

WARM_AFTER = 0.3  # of a process's own life: caches fill, pools open
ENOUGH = 12  # looks at a process; about one that was there for less nothing can be said
# What may be between warm and end and is no leak: a pool of threads that begins, a connection, an arena of malloc's.
MEMORY_KB, MEMORY_SHARE = 8 * 1024, 0.15
THREADS, DESCRIPTORS = 16, 12
# Threads and descriptors that each worker takes of the processes that drive it: to hand it calls, to wait for its end.
OF_A_WORKER = {"gateway": (4, 5), "workers' parent": (0, 2)}
# These keep what they are given, as what they stand for does: all objects, all items, all that was logged.
KEEPS = frozenset({"AWS (moto)"})

Samples = Sequence[tuple[float, Held]]


@dataclass(frozen=True, slots=True)
class Trend:
    """One quantity of a process: the median once it was warm, that of its last looks, and the slope between."""

    warm: float
    end: float
    a_minute: float


def trend_of(samples: Samples, what: Callable[[Held], float]) -> Trend:
    """Of all looks after it was warm: the first and last quarter, and the least squares of all."""
    after = samples[int(len(samples) * WARM_AFTER) :]
    times, values = [at for at, _ in after], [what(held) for _, held in after]
    quarter = max(1, len(after) // 4)
    slope = statistics.linear_regression(times, values).slope if len(set(times)) > 1 else 0.0
    return Trend(statistics.median(values[:quarter]), statistics.median(values[-quarter:]), slope * 60)


def memory(held: Held) -> float:
    return held.memory_kb


def threads(held: Held) -> float:
    return held.threads


def descriptors(held: Held) -> float:
    return held.descriptors


def leaks(samples: Mapping[Process, Samples]) -> Iterator[str]:
    """The processes that hold more at the end than when they were warm, by more than what comes and goes."""
    for process, looks in without_workers(samples).items():
        if len(looks) < ENOUGH or process.part.startswith("database"):
            continue  # a session's process lives as long as its session: sessions are counted
        for name, what, bound in (("threads", threads, THREADS), ("descriptors", descriptors, DESCRIPTORS)):
            trend = trend_of(looks, what)
            if trend.end > trend.warm + bound:
                yield f"{process.part} {process.pid}: expected about {trend.warm:.0f} {name}, got {trend.end:.0f}"
        trend = trend_of(looks, memory)
        most = trend.warm * (1 + MEMORY_SHARE) + MEMORY_KB
        if process.part not in KEEPS and trend.end > most:
            yield (
                f"{process.part} {process.pid}: expected at most {most / 1024:.0f} MB, got {trend.end / 1024:.0f} MB,"
                f" {trend.a_minute:+.0f} KB a minute"
            )


def without_workers(samples: Mapping[Process, Samples]) -> dict[Process, Samples]:
    """The samples, those of who drives workers less what these take: a pool that grows to its limit is no leak."""
    workers = Counter(at for process, looks in samples.items() if _is_worker(process) for at, _ in looks)
    return {
        process: [(at, _less(held, *(workers[at] * each for each in OF_A_WORKER[process.part]))) for at, held in looks]
        if process.part in OF_A_WORKER
        else looks
        for process, looks in samples.items()
    }


def _is_worker(process: Process) -> bool:
    return process.part.startswith("function ")


def _less(held: Held, threads: int, descriptors: int) -> Held:
    return Held(held.memory_kb, held.threads - threads, held.descriptors - descriptors)


def trends(samples: Mapping[Process, list[tuple[float, Held]]]) -> Iterator[tuple[str, int, Trend, Trend, Trend]]:
    """Each part's longest-lived process: part, how many there were, and its memory, threads and descriptors."""
    for part, processes in sorted(by_part(samples).items()):
        looks = samples[processes[0]]
        if len(looks) >= ENOUGH:
            yield part, len(processes), trend_of(looks, memory), trend_of(looks, threads), trend_of(looks, descriptors)

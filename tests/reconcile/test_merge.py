"""Several files as one log: in order, each opened when it is needed and not before."""

from __future__ import annotations

from collections.abc import Iterator

from postern.reconcile.entries import Entry
from postern.reconcile.merge import LogFile, in_order


def entry(name: str, time_us: int) -> Entry:
    return Entry(file=name, line=1, time_us=time_us, session="", pid=1, user="", severity="LOG", message="")


def told(files: dict[str, list[int]]) -> tuple[list[tuple[str, int]], int]:
    """The messages' files and times in the order in which they come, and how many files were open at once at most."""
    at_once, most = 0, 0

    def read(name: str) -> Iterator[Entry]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        yield from (entry(name, time) for time in files[name])
        at_once -= 1

    made = [LogFile(times[0], lambda name=name: read(name)) for name, times in files.items()]  # type: ignore[misc]
    return [(one.file, one.time_us) for one in in_order(made)], most


def test_files_that_follow_each_other_are_open_one_at_a_time() -> None:
    entries, most = told({f"{hour:02}": [hour * 10, hour * 10 + 9] for hour in (2, 0, 4, 1, 3)})
    assert entries == sorted(entries)
    assert most == 1


def test_files_that_overlap_are_merged_by_time() -> None:
    entries, _ = told({"a": [1, 4, 9], "b": [3, 5], "c": [20]})
    assert entries == [("a", 1), ("b", 3), ("a", 4), ("b", 5), ("a", 9), ("c", 20)]


def test_a_files_own_order_stays_where_its_times_do_not() -> None:
    entries, _ = told({"a": [5, 3, 6], "b": [4, 7]})
    assert entries == [("b", 4), ("a", 5), ("a", 3), ("a", 6), ("b", 7)]


def test_no_files_are_no_messages() -> None:
    assert told({}) == ([], 0)

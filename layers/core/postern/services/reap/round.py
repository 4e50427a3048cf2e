"""What is known of a log while it is listed, pass by pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.log_ports import WalVersion
from postern.reap_ports import Watermark
from postern.services.reap.listing import Folder, Listing, Part

SKEW_US = 120_000_000  # by how much the reaper's, the writers' and the bucket's clocks may differ
_NEVER = 1 << 62


@dataclass(slots=True)
class Round:
    """What is known of a log's listing so far, beside the listing itself."""

    began_us: int
    mark: Watermark | None  # as it was then
    listing: Listing
    waiting: list[WalVersion] = field(default_factory=list)  # not known to be covered, oldest first
    first_us: int = _NEVER  # when the first object was stored
    newest_us: int = 0
    open_us: int = _NEVER  # the earliest last object of a command that is open, or was not read

    def add(self, part: Part) -> None:
        since_us = 0 if self.mark is None else self.mark.at_us
        # What was stored before the watermark is covered: that is what it says.
        new = [version for version in part.versions if version.last_modified_us >= since_us]
        self.waiting = sorted([*self.waiting, *new], key=_stored_us)
        times = [version.last_modified_us for version in part.versions]
        self.newest_us = max([self.newest_us, *times])
        self.first_us = min([self.first_us, *times])

    def keep_open(self, open_: Sequence[Folder]) -> None:
        self.open_us = min([self.open_us, *(folder.newest_us for folder in open_)])

    @property
    def is_closed(self) -> bool:
        """Whether no command that was listed is open."""
        return self.open_us == _NEVER

    @property
    def covered_us(self) -> int:
        """What was stored before this is covered."""
        return min([self.began_us, *(version.last_modified_us for version in self.waiting[:1])]) - SKEW_US


def _stored_us(version: WalVersion) -> int:
    return version.last_modified_us

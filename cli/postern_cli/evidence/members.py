"""The members of a record, which anybody with a writer's rights chose: each is read as its documented form, or left.

A member of another form counts as absent, and the record as odd. Numbers stay below a bound so that no sum of them
passes what the scratch database can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_NUMBER = 10**9  # of rows, bytes, milliseconds in one record; nine billion records then stay below 2**63
_MAX_SECONDS = 253_402_300_799  # the end of the year 9999
_BLOB = frozenset({"blob", "sha256", "bytes"})
Blob = Callable[[int, str, int], object]  # the value in a blob of this record, by place, SHA-256 and length


@dataclass(slots=True)
class Odd:
    """Names of the members that had not their form; one for a record, shared by all its parts."""

    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Members:
    """One object of a record. `blob` gives what a record was too short for; None where it has not what was named."""

    value: Mapping[str, object]
    blob: Blob
    odd: Odd

    def text(self, name: str) -> str | None:
        """The text. What is in a blob is named, not fetched."""
        value = self.value.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, dict) and value.keys() == _BLOB:
            return f"[in a blob: {value['bytes']} bytes, SHA-256 {value['sha256']}]"
        self._left(name)
        return None

    def number(self, name: str) -> int | None:
        return self._up_to(name, MAX_NUMBER)

    def moment(self, name: str) -> int | None:
        """Seconds since 1970, of a year that has four digits."""
        return self._up_to(name, _MAX_SECONDS)

    def flag(self, name: str) -> bool | None:
        value = self.value.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._left(name)
        return None

    def inside(self, name: str) -> Members:
        """The object; one without members where there is none."""
        value = self.value.get(name)
        if value is None or isinstance(value, dict):
            return Members(value or {}, self.blob, self.odd)
        self._left(name)
        return Members({}, self.blob, self.odd)

    def texts(self, name: str) -> list[str]:
        return [one for one in self._listed(name) if self._is(name, one, str)]  # type: ignore[misc]

    def objects(self, name: str) -> list[Members]:
        kept = [one for one in self._listed(name) if self._is(name, one, dict)]
        return [Members(one, self.blob, self.odd) for one in kept]  # type: ignore[arg-type]

    def _up_to(self, name: str, most: int) -> int | None:
        value = self.value.get(name)
        if type(value) is int and 0 <= value <= most:  # true and false are numbers to isinstance
            return value
        if value is not None:
            self._left(name)
        return None

    def _listed(self, name: str) -> list[object]:
        value = self.value.get(name)
        is_aside = isinstance(value, dict) and value.keys() == _BLOB
        if isinstance(value, dict) and is_aside:
            value = self.blob(value["blob"], value["sha256"], value["bytes"])
        if isinstance(value, list):
            return value
        if value is not None or is_aside:
            self._left(name)
        return []

    def _is(self, name: str, value: object, type_: type) -> bool:
        if isinstance(value, type_):
            return True
        self._left(name)
        return False

    def _left(self, name: str) -> None:
        self.odd.names.append(name)

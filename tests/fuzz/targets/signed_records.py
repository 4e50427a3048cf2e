"""Records of any content, signed all the same: by somebody who owns the key, or by a later version."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from postern.audit.canonical import canonical_bytes
from postern.errors import IntegrityError
from tests.fuzz.command import check, folder
from tests.fuzz.json_mutation import VALUES
from tests.fuzz.target import Target
from tests.fuzz.targets.command_line import EXPORT, REPLAY, REPORT, copied
from tests.support.report_log import VKEY, Work, told_log


def _is_held(value: object) -> bool:
    """Whether a record can hold it: nobody can sign what has no canonical form."""
    try:
        canonical_bytes({"x": value})
    except IntegrityError:
        return False
    return True


_VALUES = st.sampled_from([one for one in VALUES if _is_held(one)])
_CHANGE = st.tuples(st.integers(0, 60), st.lists(st.integers(0, 8), min_size=1, max_size=4), _VALUES).map(list)


class ChangedWork(Work):
    """A log in which some records' bodies have another value in some place."""

    def __init__(self, changes: Sequence[tuple[int, Sequence[int], object]]) -> None:
        self._changes = changes
        super().__init__()

    def write(self, function: str, make: Callable[..., object], id_: object = None) -> object:  # type: ignore[override]
        def changed(id_: object, at_us: int) -> object:
            record = make(id_, at_us)
            for number, way, value in self._changes:
                if number == self.count:
                    put(record.body, way, value)
            return record

        return super().write(function, changed, id_)


def put(body: Any, way: Sequence[int], value: object) -> None:
    """Puts the value where the way leads: at each level to the member of that number, round and round."""
    for depth, number in enumerate(way):
        names = sorted(body) if isinstance(body, dict) else list(range(len(body))) if isinstance(body, list) else []
        if not names:
            return
        name = names[number % len(names)]
        if depth == len(way) - 1 or not isinstance(body[name], dict | list):
            body[name] = value
            return
        body = body[name]


def _signed(words: Sequence[str], changes: Sequence[tuple[int, Sequence[int], object]]) -> None:
    with patch("tests.support.report_log.Work", partial(ChangedWork, changes)):
        files = copied(told_log())
    here, out = Path(tempfile.mkdtemp(dir=folder())), folder() / "out"
    try:
        for path, data in files.items():
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_bytes(data)
        check(*(word.format(here, out=out) for word in words))
    finally:
        shutil.rmtree(here)
        shutil.rmtree(out, ignore_errors=True)


TARGETS = tuple(
    Target(f"cli signed {name}", st.lists(_CHANGE, min_size=1, max_size=4), partial(_signed, words), slow=True)
    for name, words in (("report", REPORT), ("export", EXPORT), ("replay", (*REPLAY, "--vkey", VKEY)))
)

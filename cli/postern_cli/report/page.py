"""The page of a pack: one file, without scripts and without anything from elsewhere.

Every text goes through autoescape; what strangers wrote is made printable and cut before. The one style element is
named by its digest in the page's policy, so nothing else could style it, run, or load anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from postern_cli.evidence.words import shown
from postern_cli.report.criteria import CRITERIA, Criterion
from postern_cli.report.extracts import FOLDER, Extract
from postern_cli.report.named_records import NamedRecord, Place
from postern_cli.report.tables import Answer, Picture, Table
from postern_cli.report.verdict import Verdict

_HERE = Path(__file__).parent
_CELL = 160  # characters of one text on the page
_GLANCE = (
    ("tasks", "tasks granted"),
    ("statements", "statements, refused ones too"),
    ("refusals", "refusals, of tasks too"),
    ("approvals", "approvals"),
    ("revocations", "revocations"),
    ("open_intents", "open intents"),
    ("odd_records", "odd entries"),
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that stands on the page."""

    begin: str
    end: str
    verdict: Verdict
    vkeys: tuple[str, ...]
    steps: list[tuple[int, str, str]]
    answers: tuple[Answer, ...]
    pictures: tuple[Picture, ...]
    extracts: list[Extract]
    placement: Table
    named: Table
    records: Mapping[Place, NamedRecord]
    seed: str
    seed_is_given: bool
    sample_size: int
    command: str
    is_empty: bool
    criteria: tuple[Criterion, ...] = CRITERIA
    glance: tuple[tuple[str, str], ...] = _GLANCE

    @property
    def entries(self) -> int:
        return sum(log.head.size for log in self.verdict.logs)

    @property
    def rows_of(self) -> Mapping[str, int]:
        return {one.population.name: one.rows for one in self.extracts}

    @property
    def style(self) -> Markup:
        return Markup(_style())  # noqa: S704 - our own file

    @property
    def style_digest(self) -> str:
        return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()


def render(page: Page) -> bytes:
    """The page's bytes: the same for equal content."""
    return _environment().get_template("page.html").render(page=page).encode("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        newline_sequence="\n",
    )
    made.filters.update(grouped=_grouped, bounded=_bounded, source=_source, moment=_moment)
    made.tests.update(place=_is_place, digest=_is_digest, numeric=_numeric)
    return made


def _grouped(number: int) -> str:
    return f"{number:,}"


def _is_place(value: object) -> bool:
    return isinstance(value, Place)


def _is_digest(value: object) -> bool:
    return _DIGEST.fullmatch(str(value)) is not None


def _style() -> str:
    return (_HERE / "page.css").read_text("utf-8")


def _moment(time: str) -> str:
    """A midnight as its date."""
    return time.removesuffix("T00:00:00.000000Z")


def _bounded(text: str, limit: int = _CELL) -> str:
    return shown(text, limit)


def _source(name: str) -> str:
    """The file that a figure's source names: itself, or a population."""
    return name if "." in name else f"{FOLDER}/{name}.csv"


def _numeric(table: Table, column: int) -> bool:
    return bool(table.rows) and all(isinstance(row[column], int) or row[column] is None for row in table.rows)

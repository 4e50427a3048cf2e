"""What the demo prints: headings, short tables, and a mark for each thing that is as it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDEST = 44


@dataclass(slots=True)
class Page:
    """Prints a story and keeps what differed from it."""

    console: Console = field(default_factory=lambda: Console(highlight=False))
    differences: list[str] = field(default_factory=list)

    def scene(self, title: str, why: str) -> None:
        self.console.print(f"\n[bold]{escape(title)}[/bold]")
        self.console.print(f"[dim]{escape(why)}[/dim]")

    def say(self, line: str) -> None:
        self.console.print(f"  {escape(line)}")

    def sql(self, statement: str) -> None:
        self.console.print(f"  [cyan]{escape(statement)}[/cyan]")

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        table = Table(box=None, padding=(0, 2), header_style="dim", show_edge=False)
        for column in columns:
            table.add_column(escape(column), overflow="fold")
        for row in rows:
            table.add_row(*(escape(_short(cell)) for cell in row))
        self.console.print(table)

    def holds(self, what: str, held: bool) -> None:  # noqa: FBT001 - reads as a sentence
        """Notes that something is as it must be, or that it is not: then the demo fails."""
        if held:
            self.console.print(f"  [green]✓[/green] {escape(what)}")
        else:
            self.differences.append(what)
            self.console.print(f"  [bold red]✗ {escape(what)}[/bold red]")


def _short(cell: object) -> str:
    text = "NULL" if cell is None else str(cell)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"

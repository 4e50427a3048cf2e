"""Scenes drawn on a terminal. All text is plain: nothing in it is taken for markup."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from postern.audit.times import format_time
from postern_cli.replay.scenes import Scene, Tone

_STYLES: dict[Tone, str] = {"good": "green", "bad": "bold red", "plain": "yellow"}
_INDENT = (0, 0, 0, 4)


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a replay is drawn."""

    console: Console

    def head(self, task: str, scenes: int, checked: str) -> None:
        line = Text.assemble("task ", (task, "bold"), f", {scenes:,} scenes; ", (checked, "dim"))
        self.console.print(line)

    def cut(self, passed_s: float) -> None:
        """Says how long a pause was that is cut short."""
        self.console.print(Text(f"  … {spoken(passed_s)} pass", "dim"))

    def draw(self, scene: Scene) -> None:
        self.console.print()
        time = format_time(scene.time_us)
        self.console.print(
            Text.assemble((f"{time[:10]} {time[11:19]}  ", "dim"), (scene.title, "bold"), "  "),
            Text(scene.verdict, _STYLES[scene.tone]),
            end="\n",
            sep="",
        )
        if scene.sql is not None:
            self._draw_sql(scene.sql)
        for name, value in scene.facts:
            for at, line in enumerate(value.split("\n")):
                label = f"{name:<12}" if at == 0 else " " * 12
                self.console.print(Padding(Text.assemble((label, "dim"), line), _INDENT, expand=False))

    def _draw_sql(self, sql: str) -> None:
        """Each line behind a bar: who wrote the statement cannot write a line that looks like one of ours."""
        code = Syntax(sql, "postgresql", theme="ansi_dark", background_color="default").highlight(sql)
        code.rstrip()
        for line in code.split("\n"):
            line.expand_tabs(4)
            for part in line.wrap(self.console, max(20, self.console.width - 6)) or [Text()]:
                self.console.print(Text.assemble(("    │ ", "dim"), part))

    def tail(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(text, "dim"))


def spoken(seconds: float) -> str:
    """`2 h 3 min`, `45 s`."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole % 86_400 // 3600, whole % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"

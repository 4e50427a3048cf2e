"""The prompt: statements up to their `;`, and a few commands that begin with a backslash."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.history import DummyHistory, History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from postern.edges.contract import SchemaAnswer
from postern_cli.gate.shapes import convert_answer
from postern_cli.query.completeness import is_whole
from postern_cli.query.formats import notes, print_expanded, print_rows, tail
from postern_cli.query.history import PrivateHistory, history_path
from postern_cli.query.session import Session
from postern_cli.stop import Exit, Stop
from postern_cli.tables import print_table
from postern_cli.terminal import printable

HELP = """\
\\d            tables of this task
\\d TABLE      columns of a table, with their masks
\\x            a column a line, on and off
\\timing       how long each statement took, on and off
\\q            leave (or Ctrl-D)
A statement ends with `;`. Ctrl-C drops what was typed."""
# An answer of these kinds ends the prompt: the same would come to the next statement.
_FINAL = frozenset({"task.expired", "task.revoked", "task.unknown", "task.state", "task.policy_changed"})


@dataclass(slots=True)
class Prompt:
    """One session at a terminal. `output` is a format of rows."""

    session: Session
    output: str
    is_expanded: bool = False
    is_timed: bool = False

    def run(self, ask: Callable[[], str]) -> None:
        """Answers what `ask` gives until it raises EOFError, or the task is no more (then raises `Stop`)."""
        while True:
            try:
                text = ask().strip()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if text in ("\\q", "exit", "quit", "exit;", "quit;"):
                return
            try:
                if text:
                    self._take(text)
            except KeyboardInterrupt:
                print("\ninterrupted: the statement may run to its end; a write is on record", file=sys.stderr)

    def _take(self, text: str) -> None:
        try:
            self._command(text) if text.startswith("\\") else self._statement(text)
        except Stop as stop:
            if stop.problem.get("code") in _FINAL:
                raise
            print(f"postern: {printable(' '.join(stop.line.splitlines()))}", file=sys.stderr)

    def _statement(self, text: str) -> None:
        begun = time.monotonic()
        _, answer = self.session.run(text.rstrip().removesuffix(";"), [])
        if self.is_expanded:
            print_expanded(answer)
        else:
            print_rows(answer, self.output)
        print(tail(answer) + (f", {time.monotonic() - begun:.3f} s" if self.is_timed else ""))
        for note in notes(answer, self.output, self.session.max_rows):
            print(printable(note))

    def _command(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        match name:
            case "\\d" | "\\dt":
                self._describe(rest.strip())
            case "\\x":
                self.is_expanded = not self.is_expanded
                print(f"a column a line: {'on' if self.is_expanded else 'off'}")
            case "\\timing":
                self.is_timed = not self.is_timed
                print(f"timing: {'on' if self.is_timed else 'off'}")
            case "\\?" | "\\h":
                print(HELP)
            case _:
                raise Stop(Exit.USAGE, f"{name}: expected a command of the prompt; \\? lists them")

    def _describe(self, wanted: str) -> None:
        schema = convert_answer(self.session.schema(), SchemaAnswer)
        if not wanted:
            rows = [
                [printable(one.table), str(len(one.columns)), printable(", ".join(one.key))] for one in schema.tables
            ]
            print_table("", ["table", "columns", "key"], rows)
            return
        found = [one for one in schema.tables if wanted in (one.table, one.table.rpartition(".")[2])]
        if not found:
            raise Stop(Exit.USAGE, f"{wanted}: expected a table of this task; \\d lists them")
        for table in found:
            rows = [
                [printable(text) for text in (one.name, one.type or "", one.class_name, one.mask or "")]
                for one in table.columns
            ]
            print_table(printable(table.table), ["column", "type", "class", "mask"], rows)


def at_terminal(session: Session, output: str, *, keep_history: bool) -> None:
    """Asks the person at the terminal until they leave."""
    kept: History = PrivateHistory(history_path()) if keep_history else DummyHistory()
    terminal: PromptSession[str] = PromptSession(
        "postern> ", history=kept, multiline=True, key_bindings=_keys(), prompt_continuation="      -> "
    )
    print("\\? for help, \\q to leave; a statement ends with `;`")
    Prompt(session, output).run(terminal.prompt)


def _keys() -> KeyBindings:
    """Enter ends what is whole, and begins a line otherwise."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text.strip()
        if not text or text.startswith("\\") or text in ("exit", "quit") or is_whole(text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys

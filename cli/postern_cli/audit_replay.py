"""`postern audit replay`: what one task did, in the order and rhythm in which it did it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern_cli.audit import app
from postern_cli.gate.options import JsonOption
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable
from postern_cli.vkeys import read_vkey

if TYPE_CHECKING:
    from postern_cli.replay.rhythm import Pace
    from postern_cli.replay.scenes import Scene

_MAX_TASK = 100


@app.command()
def replay(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")],
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    vkey: Annotated[
        list[str] | None, typer.Option(help="The log's public key: only what it signed is played. Once for each key.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=10_000, help="How many times as fast as it happened.")] = 1.0,
    step: Annotated[bool, typer.Option("--step", help="Wait for a key after each scene; q ends it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Play a task: who asked for what, each statement with its decision and answer, approvals, the teardown's proof.

    Pauses of the task are kept, but none longer than three seconds. Where the output is no terminal nothing waits.

    Exit code: 0 played; 1 the copy is not what was signed; 2 usage; 3 nothing of the task is there.
    """
    from postern_cli.pulled import PulledFolder
    from postern_cli.replay.gather import gather
    from postern_cli.replay.scenes import json_of, scene_of

    if step and speed != 1.0:
        raise Stop(Exit.USAGE, "replay: expected --speed or --step, got both")
    if not 0 < len(task) <= _MAX_TASK or not task.isprintable():
        raise Stop(Exit.USAGE, f"TASK: expected a task's id, got {printable(task[:_MAX_TASK])!r}")
    if not (folder / "versions.jsonl").is_file():
        raise Stop(Exit.UNKNOWN, f"{folder}: expected a finished pull with versions.jsonl; run `postern audit pull`")
    keys = [read_vkey(text) for text in vkey or ()]
    found = gather(PulledFolder(folder), keys, task)
    scenes = [scene_of(command) for command in found.commands]
    if not scenes:
        raise Stop(
            Exit.UNKNOWN,
            f"{task}: expected records of this task in {folder}, got none; is it the right log, and pulled since?",
        )
    if as_json:
        for scene in scenes:
            print(json.dumps({"task": task, "is_signed": bool(keys), **json_of(scene)}))
        return
    _play(task, scenes, _pace(speed, is_step=step), is_signed=bool(keys))


def _pace(speed: float, *, is_step: bool) -> Pace:
    from postern_cli.replay.keyboard import read_key
    from postern_cli.replay.rhythm import Rhythm, Steps, at_once

    if not sys.stdout.isatty() or (is_step and not sys.stdin.isatty()):
        return at_once
    return Steps(read_key) if is_step else Rhythm(time.sleep, speed)


def _play(task: str, scenes: Sequence[Scene], pace: Pace, *, is_signed: bool) -> None:
    from rich.console import Console

    from postern_cli.replay.rhythm import Steps, played
    from postern_cli.replay.screen import Screen

    screen = Screen(Console(markup=False, highlight=False, emoji=False))
    screen.head(
        task, len(scenes), "as the log's signed root has them" if is_signed else "not checked: no --vkey was given"
    )
    if isinstance(pace, Steps):
        screen.tail("a key shows the next scene, q ends it")
    shown = 0
    for scene in played(scenes, pace, screen.cut):
        screen.draw(scene)
        shown += 1
    screen.tail("the end" if shown == len(scenes) else f"left after {shown} of {len(scenes)}")

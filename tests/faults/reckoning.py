"""The end of a run: what was left unfinished is finished, the reaper has its way, and everything is held together."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern_cli.main import main as postern
from tests.faults import checks
from tests.faults.agents import Agent, is_told
from tests.faults.checks import Left, Wrong
from tests.faults.evidence import Command, read_evidence
from tests.faults.ledger import Call, Ledger
from tests.faults.rig import REAP, Rig
from tests.soak.checks import left_in_database
from tests.support.watched_stack import leaks_of

FINISHED_WITHIN_S = 540.0  # the reaper takes an intent for dead after five minutes, gives back a minute later
_PAUSE_S = 5.0
_OPEN_STATES = frozenset({"active", "provisioning", "ending", "suspending"})


@dataclass(slots=True)
class Reckoning:
    """Everything that is there once nothing moves any more."""

    rig: Rig
    ledger: Ledger
    agents: Sequence[Agent]
    folder: Path
    say: Callable[[str], None]
    named: frozenset[str] = (
        frozenset()
    )  # what the evidence may be found to show: steps of `verify`, kinds of `reconcile`, or `budgets`

    def run(self) -> tuple[dict[str, Command], list[Wrong]]:
        """What is on record, and what does not hold."""
        begun = time.monotonic()
        self.rig.invoke(REAP, b'{"action": "reap"}')
        self._finish_calls()
        left = self._end_tasks()
        wrong: list[Wrong] = list(self._wait_for_database())
        wrong += self._pull_and_verify()
        commands = read_evidence(self.folder)
        rows = dict(self.rig.sql("SELECT mark, count(*) FROM marks GROUP BY mark"))
        everything = list(commands.values())
        wrong += checks.wrong_rows(self.ledger, rows)
        wrong += checks.wrong_records(self.ledger, everything, rows)
        wrong += checks.lost_receipts(self.ledger, commands)
        wrong += checks.left_open(self.ledger, everything)
        if "budgets" not in self.named:
            wrong += checks.wrong_budgets(self.ledger, self.ledger.tasks, everything, left)
        wrong += self._reconcile()
        wrong += [("", f"leaked: {leak}") for leak in leaks_of(self.rig.stack, self.rig.answers)]
        self.say(f"reckoned in {time.monotonic() - begun:.0f} s")
        return commands, wrong

    def _finish_calls(self) -> None:
        """Each call with a key is repeated until it is told: not before the reaper has closed what died."""
        until = time.monotonic() + FINISHED_WITHIN_S
        while any(agent.unfinished for agent in self.agents) and time.monotonic() < until:
            self.say(f"calls that are not told yet: {sum(len(agent.unfinished) for agent in self.agents)}")
            for agent in self.agents:
                agent.unfinished = [
                    one
                    for one in agent.unfinished
                    if not _is_final(agent.write(one.task, one.mark, key=one.key, pad=one.pad))
                ]
            self._reap_again()
        for agent in self.agents:
            for one in agent.unfinished:
                self.ledger.fail("", f"{one.mark}: expected its key to be answered in the end, got none")

    def _reap_again(self) -> None:
        time.sleep(_PAUSE_S)
        self.rig.invoke(REAP, b'{"action": "reap"}')

    def _end_tasks(self) -> dict[str, Left]:
        """What each has left, read before it is ended: what was never told of is ended, too."""
        left: dict[str, Left] = {}
        mine = {agent.who: agent for agent in self.agents}
        for task in self.ledger.tasks:
            body = mine[task.who].task(task.id)
            if "budgets" in body:
                left[task.id] = Left(body["budgets"]["statements"], body["budgets"]["rows"])
        for agent in self.agents:
            for shown in agent.tasks():
                if shown["state"] in _OPEN_STATES:
                    agent.end(shown["task_id"])
        return left

    def _wait_for_database(self) -> Iterator[Wrong]:
        until = time.monotonic() + FINISHED_WITHIN_S
        while any(left_in_database(self.rig.stack)) and time.monotonic() < until:
            self.say(f"left in the database: {len(list(left_in_database(self.rig.stack)))}")
            self._reap_again()
        yield from (("", what) for what in left_in_database(self.rig.stack))

    def _pull_and_verify(self) -> Iterator[Wrong]:
        """Until the log covers all that was written, and every command in it has an end."""
        ready = str(Path(self.rig.stack.ready.state) / "ready.json")
        until = time.monotonic() + FINISHED_WITHIN_S
        while True:
            pulled, _ = _postern("audit", "pull", "--ready", ready, "--dir", str(self.folder))
            vkey = self.rig.stack.ready.vkey
            status, said = _postern("audit", "verify", "--dir", str(self.folder), "--vkey", vkey, "--json")
            report = _json(said)
            open_, waiting = len(report.get("open", ())), report.get("counts", {}).get("unsequenced")
            found = [one for one in report.get("findings", ()) if one["step_name"] not in self.named]
            holds = pulled == 0 and (status == 0 or (status == 1 and not found))
            if holds and not open_ and not waiting:
                self.say(f"verified; {report.get('wrong', 0)} findings of what was to be found")
                return
            if time.monotonic() > until or found:
                found = found or [{"pulled": pulled, "verified": status, "open": open_, "waiting": waiting}]
                yield from (("", f"postern audit verify: {json.dumps(finding)}") for finding in found[:10])
                return
            self.say(f"open on record: {open_}; under no checkpoint: {waiting}")
            self._reap_again()

    def _reconcile(self) -> Iterator[Wrong]:
        """The database's own log against the records."""
        log = str(self.rig.stack.postgres.log)
        status, said = _postern("audit", "reconcile", "--dir", str(self.folder), "--database-log", log, "--json")
        report = _json(said)
        if status == 0:
            return
        for finding in report.get("findings", ({"kind": status, "where": "", "what": said[-600:]},)):
            if finding["kind"] not in self.named:
                yield "", f"reconcile: {finding['kind']} {finding['where']} {finding['what']}"


def _is_final(call: Call) -> bool:
    """Where nothing is in force any more, `outcome.unknown` is of a call whose settlement is that, for ever."""
    return is_told(call) or call.code == "outcome.unknown"


def _postern(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        status = postern(list(arguments))
    return status, said.getvalue()


def _json(said: str) -> dict[str, Any]:
    try:
        return dict(json.loads(said))
    except ValueError:
        return {}

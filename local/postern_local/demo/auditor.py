"""The auditor's part of the story: pull the log, verify it, prove one query, and find a byte that was changed."""

from __future__ import annotations

import contextlib
import io
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli.main import main as postern
from postern_local.demo.caller import Caller
from postern_local.demo.page import Page
from postern_local.ready import Ready

_LOGGED_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Auditor:
    """Holds the log's public key, which it was given by hand, and read access to the bucket. Needs nothing else."""

    ready: Ready
    page: Page

    @property
    def copy(self) -> Path:
        return Path(self.ready.state) / "evidence"

    def check(self, agent: Caller, command: dict[str, Any]) -> None:
        """Goes through what an auditor does, with one query of the agent to prove."""
        held = self._is_logged(agent, str(command["command_id"]))
        self.page.holds("the statement is under a signed checkpoint", held)
        ready = str(Path(self.ready.state) / "ready.json")
        self.page.say("$ postern audit pull && postern audit verify --vkey …")
        pulled = postern(["audit", "pull", "--ready", ready, "--dir", str(self.copy)])
        verified = self._verify(self.copy)
        self.page.holds(
            "the pulled log verifies, offline: nothing altered, removed or inserted", pulled == verified == 0
        )
        self._prove(command)
        self._change_a_byte(command)

    def _is_logged(self, agent: Caller, command_id: str) -> bool:
        until = time.monotonic() + _LOGGED_WITHIN_S
        while time.monotonic() < until:
            if agent.call("GET", f"/v1/receipts/{command_id}").status == 200:
                return True
            time.sleep(0.5)
        return False

    def _verify(self, folder: Path) -> int:
        return postern(["audit", "verify", "--dir", str(folder), "--vkey", str(self.ready.vkey)])

    def _prove(self, command: dict[str, Any]) -> None:
        proofs = Path(self.ready.state) / "proofs"
        key = ["--vkey", str(self.ready.vkey)]
        self.page.say("$ postern audit prove && postern audit check-proof, with the key and the proof files alone")
        made = postern(["audit", "prove", command["command_id"], "--dir", str(self.copy), "--out", str(proofs), *key])
        checked = postern(["audit", "check-proof", *sorted(str(path) for path in proofs.iterdir()), *key])
        self.page.holds("one query is proved to be in the log", made == checked == 0)

    def _change_a_byte(self, command: dict[str, Any]) -> None:
        """In the intent's record: the statement that was asked would be another by one letter."""
        forged = Path(self.ready.state) / "forged"
        shutil.copytree(self.copy, forged)
        key = record_key(self.ready.log, RecordType.INTENT, CommandId(command["command_id"]))
        record = forged / "objects" / key
        record.chmod(0o600)
        record.write_bytes(record.read_bytes().replace(b"SELECT", b"SELECt", 1))
        self.page.say("$ postern audit verify, of a copy in which one byte of that query's record is another")
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = self._verify(forged)
        self.page.say(" ".join(said.getvalue().split()))
        self.page.holds(
            "it is refused, and the place is named", status == 1 and command["command_id"] in said.getvalue()
        )

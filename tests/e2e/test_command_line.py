"""The command line against a local stack: a program asks, a person signs in and approves, the program gets its rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from postern_cli.main import main
from postern_cli.sign_in import device, login
from postern_local.stack import Stack

S = 20
SECRET = "POSTERN_CLIENT_SECRET"


@pytest.fixture
def homes(shop: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A configuration folder each for the program and for the approver."""
    monkeypatch.setenv("POSTERN_URL", shop.ready.api)
    monkeypatch.delenv("POSTERN_TOKEN", raising=False)
    secrets = json.loads((Path(shop.ready.state) / "issuer" / "clients.json").read_text())
    monkeypatch.setenv("POSTERN_CLIENT_ID", "postern-agent")
    monkeypatch.setenv(SECRET, secrets["postern-agent"])
    return {name: tmp_path / name for name in ("program", "approver")}


def consent(started: device.Started) -> None:
    """What a person does who opens the page: types the code, and is erin."""
    page = requests.post(started.page, {"user_code": started.user_code}, timeout=S)
    [request] = set(re.findall(r'name="request" value="([^"]*)"', page.text))  # each of the page's forms has it
    [action] = set(re.findall(r'<form[^>]* action="([^"]*)"', page.text))
    chosen = requests.post(
        f"{started.page.removesuffix('/device')}{action}", {"request": request, "person": "0"}, timeout=S
    )
    chosen.raise_for_status()


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_program_asks_a_person_approves_and_the_rows_come(
    shop: Stack, homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(homes["program"]))
    assert main(["login", "--client-credentials", "--issuer", shop.ready.issuer, "--json"]) == 0
    assert said(capsys)["principal"].startswith("ci|repo:acme/shop")
    opening = ["--database", "shop", "--table", "orders", "--purpose", "why so many?", "--ttl", "2h", "--json"]
    assert main(["task", "open", *opening]) == 0
    task = said(capsys)
    assert task["state"] == "pending_approval"
    assert main(["task", "approve", task["task_id"], "--yes", "--comment", "mine"]) == 1  # four eyes

    monkeypatch.setenv("XDG_CONFIG_HOME", str(homes["approver"]))
    shown: list[device.Started] = []
    monkeypatch.setattr(login, "_show", shown.append)
    monkeypatch.setitem(device.wait.__kwdefaults__, "sleep", lambda _: consent(shown.pop()) if shown else None)
    assert main(["login"]) == 0
    capsys.readouterr()
    assert main(["task", "list", "--pending", "--json"]) == 0
    [waiting] = [one for one in said(capsys)["tasks"] if one["task_id"] == task["task_id"]]
    digest = waiting["review"]["scope_digest"]
    word = ["--yes", "--comment", "as agreed", "--scope-digest", digest]
    assert main(["task", "approve", task["task_id"], *word]) == 0

    monkeypatch.setenv("XDG_CONFIG_HOME", str(homes["program"]))
    statement = "SELECT count(*) AS n, min(customer_id) AS who FROM orders"
    capsys.readouterr()
    assert main(["query", statement, "--task", task["task_id"], "--output", "jsonl"]) == 0
    rows = capsys.readouterr()
    assert json.loads(rows.out)["n"] > 0
    assert main(["query", "SELECT 1 FROM customers", "--task", task["task_id"]]) == 1
    assert "guard.relation" in capsys.readouterr().err
    assert main(["task", "end", task["task_id"], "--json"]) == 0
    assert said(capsys)["state"] in ("ending", "ended")
    assert main(["logout"]) == 0
    assert main(["task", "list"]) == 2

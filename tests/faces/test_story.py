"""The whole story: an agent asks over MCP, a person consents in the console, the agent works, all is on record."""

from __future__ import annotations

import asyncio
import csv
import json
import queue
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from postern_local.stack import Stack
from tests.faces.test_local_stack import give_word, logged
from tests.faces.test_mcp_sdk import called, connected
from tests.support.browsing import go, picture, watched
from tests.support.people import sign_in_as
from tests.support.stack import postern

SQL = "SELECT region, count(*) AS customers FROM customers GROUP BY region ORDER BY region"
ASKED = {
    "database": "shop",
    "purpose": "how many customers has each region?",
    "ticket": "OPS-7",
    "access": [{"tables": ["customers"], "actions": ["select"]}],
    "ttl_s": 7200,
}


async def work(stack: Stack, opened: queue.Queue[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the agent does with the SDK's client: it asks, waits, queries and gives the access back."""
    async with connected(stack, "auto") as client:
        task = await called(client, "open_task", **ASKED)
        opened.put(task)
        seen = task
        while seen["state"] in {"pending_approval", "provisioning"}:
            await asyncio.sleep(0.3)
            seen = await called(client, "task_status", task_id=task["task_id"])
        answer = await called(client, "query", task_id=task["task_id"], sql=SQL)
        ended = await called(client, "end_task", task_id=task["task_id"])
        return [seen, answer, ended]


def test_an_agent_over_mcp_a_person_in_the_console_and_an_auditor_with_the_report(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    opened: queue.Queue[dict[str, Any]] = queue.Queue()
    with ThreadPoolExecutor(1) as agent, watched(browser) as eyes:
        working = agent.submit(lambda: asyncio.run(work(stack, opened)))
        asked = opened.get(timeout=60)
        task = asked["task_id"]
        assert asked["state"] == "pending_approval"

        sign_in_as(eyes.page, stack, "person:erin")
        go(eyes.page, f"#/pending/{task}", "Waiting for approval")
        expect(eyes.page.locator("blockquote.own-words")).to_have_text(ASKED["purpose"])
        picture(eyes.page, "story-1-pending")
        give_word(eyes, task, "a", "as agreed in OPS-7")
        expect(eyes.page.locator(".notice")).to_contain_text("Approved. The task is active.")

        seen, answer, ended = working.result(timeout=120)
        assert (seen["state"], ended["state"]) == ("active", "ended")
        assert [row[0] for row in answer["rows"]] == ["east", "north", "south", "west"]

        logged(stack, task, 8)
        sign_in_as(eyes.page, stack, "person:ava")
        go(eyes.page, f"#/task/{task}", re.compile("Timeline of task"))
        titles = [text.replace("\n", " ") for text in eyes.page.locator(".entry h2").all_inner_texts()]
        assert titles == [
            "Task granted recorded",
            "Approval approved",
            "World built ok",
            "Statement ok",
            "World torn down ok",
        ]
        expect(eyes.page.locator(".entry").nth(1)).to_contain_text("ci|person:erin")
        expect(eyes.page.locator(".entry .sql")).to_have_text(SQL)
        picture(eyes.page, "story-2-timeline")

    pack = reported(stack, tmp_path)
    [approval] = rows_of(pack, "approvals", task)
    assert (approval["approver"], approval["decision"]) == ("ci|person:erin", "approve")
    for population in ("tasks", "statements", "provisions", "teardowns"):
        assert len(rows_of(pack, population, task)) == 1, population


def reported(stack: Stack, folder: Path) -> Path:
    """The pack of what the stack's log holds of today, by the commands that an auditor runs."""
    ready = Path(stack.ready.state) / "ready.json"
    today = datetime.now(UTC).date()
    period = ["--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))]
    pulled = postern("audit", "pull", "--ready", ready, "--dir", folder / "copy", cwd=folder)
    assert pulled.returncode == 0, pulled.stderr
    done = postern(
        *("audit", "report", "--dir", folder / "copy", "--vkey", stack.ready.vkey, *period, "--out", folder / "pack"),
        "--json",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["out"] == str(folder / "pack")
    return folder / "pack"


def rows_of(pack: Path, population: str, task: str) -> list[dict[str, str]]:
    """The rows of a population that are about the task."""
    with (pack / "populations" / f"{population}.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["task"] == task]

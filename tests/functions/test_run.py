"""The function `run`: which event does what, and what it says of itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from postern.services.run_services import RunServices
from postern.types import TaskState
from tests.support.domain import TASK_ID
from tests.support.runs import RunSite

HANDLER = Path(__file__).parents[2] / "functions" / "run" / "handler.py"


@pytest.fixture(scope="module")
def function() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def respond(function: ModuleType, site: RunSite, **event: str) -> dict[str, object]:
    services = RunServices(site.service, site.trying, site.clock)
    answer: dict[str, object] = function.respond(event, services, site.watch())
    return answer


def test_runs_a_task_once_and_refuses_the_second_event(function):
    site = RunSite()
    assert respond(function, site, action="run", task_id=TASK_ID) == {"status": "done", "error": None}
    assert respond(function, site, action="run", task_id=TASK_ID) == {"status": "refused", "error": "task.state"}


def test_a_dry_run_that_nobody_asked_for_is_refused(function):
    site = RunSite(state=TaskState.PENDING_APPROVAL)
    answer = respond(function, site, action="dry_run", task_id=TASK_ID, dry_run_id="f" * 32)
    assert answer == {"status": "refused", "error": "task.state"}
    assert site.database.opened == []


def test_any_other_event_is_a_fault(function):
    with pytest.raises(ValueError, match="run or dry_run"):
        respond(function, RunSite(), action="query")

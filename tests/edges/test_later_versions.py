"""What a later version of this one leaves in the tables is read: during a canary, and after going back.

Members that are not known are passed over, and those that are mean what they meant: docs/deploys.md has the rule.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from postern.edges.denial_items import format_denial, parse_denial
from postern.edges.task_items import format_scope, format_task, parse_scope, parse_task
from tests.support.denials import DENIAL
from tests.support.domain import a_task

ADDED: dict[str, Any] = {"added": {"S": "by a later version"}}


def test_a_task_with_members_that_are_not_known() -> None:
    task = a_task()
    item = format_scope(task, 1)
    scope = json.loads(zlib.decompress(item["scope"]["B"]))
    scope |= {"added": 1, "grant": {**scope["grant"], "added": 1}, "principal": {**scope["principal"], "added": 1}}
    later = {**item, **ADDED, "scope": {"B": zlib.compress(json.dumps(scope).encode())}}

    assert parse_task({**format_task(task), **ADDED}, parse_scope(later)) == parse_task(
        format_task(task), parse_scope(item)
    )


def test_a_denial_with_members_that_are_not_known_still_denies() -> None:
    assert parse_denial({**format_denial(DENIAL), **ADDED}) == DENIAL

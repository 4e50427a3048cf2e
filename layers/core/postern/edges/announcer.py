"""Announcements as events on EventBridge: source `postern`, detail-type `Task state changed`.

    {deployment, task_id, database, state, ends_as?, before?, principal, on_behalf_of?, approvals: {needed, given?}, at}

`ends_as` is there while a task is `ending`. Members may be added, none changes its meaning.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from postern.announcements import Announcement
from postern.audit.times import format_time
from postern.edges.meter import Meter
from postern.edges.metric_names import ANNOUNCEMENTS_LOST
from postern.ports import Clock

SOURCE = "postern"
DETAIL_TYPE = "Task state changed"
QUIET_S = 10.0  # after the bus did not answer: what comes meanwhile is lost at once, and delays nobody


class EventsClient(Protocol):
    """EventBridge's client, as far as it is used."""

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]: ...  # noqa: N803 - the SDK's name


@dataclass(slots=True)
class EventBridgeAnnouncer:
    """Implements `approval_ports.Announcer`. The client, made when it is first needed, bounds how long it takes."""

    connect: Callable[[], EventsClient]
    bus: str
    deployment: str
    clock: Clock
    logger: Logger
    meter: Meter
    _quiet_until_s: float = 0.0
    _client: EventsClient | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def announce(self, announcement: Announcement) -> None:
        now_us = self.clock.now_us()
        entry = {
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "EventBusName": self.bus,
            "Detail": json.dumps(detail(announcement, self.deployment, now_us)),
        }
        if self.clock.monotonic_s() < self._quiet_until_s:
            self._lose(announcement, "quiet")
            return
        try:
            answer = self._connected().put_events(Entries=[entry])
        except (ClientError, BotoCoreError) as error:
            self._quiet_until_s = self.clock.monotonic_s() + QUIET_S
            self._lose(announcement, type(error).__name__)
            return
        if answer.get("FailedEntryCount"):
            self._lose(announcement, "refused")

    def _connected(self) -> EventsClient:
        with self._lock:  # the reaper's threads announce side by side, and a session makes one client at a time
            if self._client is None:
                self._client = self.connect()
            return self._client

    def _lose(self, announcement: Announcement, why: str) -> None:
        task = announcement.task
        self.logger.warning("announcement lost", extra={"task": task.id, "state": task.state.value, "why": why})
        self.meter.add(ANNOUNCEMENTS_LOST, 1)


def detail(announcement: Announcement, deployment: str, now_us: int) -> dict[str, object]:
    """What an event says: ids, states, names of who asked, counts."""
    task = announcement.task
    approvals: dict[str, object] = {"needed": task.approvals_needed}
    if announcement.approvals_given is not None:
        approvals["given"] = announcement.approvals_given
    told: dict[str, object] = {
        "deployment": deployment,
        "task_id": task.id,
        "database": task.grant.database,
        "state": task.state.value,
        "principal": task.principal.id,
        "approvals": approvals,
        "at": format_time(now_us),
    }
    if task.ends_as is not None:
        told["ends_as"] = task.ends_as.value
    if announcement.before is not None:
        told["before"] = announcement.before.value
    if task.principal.on_behalf_of is not None:
        told["on_behalf_of"] = task.principal.on_behalf_of
    return told

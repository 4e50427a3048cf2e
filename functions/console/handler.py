"""The console: a page for approvers, operators and auditors. It hands out files, and has no right to anything.

What the page shows it asks of the API, in the browser, with the token of who looks at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postern.edges import console_files, http
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.edges.issuers_file import load_issuers
from postern.edges.system import SystemClock

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from postern.identity.issuers import IssuerRules

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True, slots=True)
class Services:
    """What is handed out: the files, and the issuers that people sign in with."""

    files: Mapping[str, console_files.ConsoleFile]
    issuers: tuple[IssuerRules, ...]


def respond(event: http.Event, services: Services) -> http.Response:
    name = http.path_parameter(event, "file") if "{file}" in event["resource"] else console_files.PAGE
    if name == console_files.CONFIG:
        return console_files.config_answer(services.issuers)
    policy = console_files.content_security_policy(console_files.sign_in_origins(services.issuers))
    known_etags = http.header(event, "If-None-Match")
    return console_files.file_answer(services.files, name, policy, known_etags=known_etags)


@cache
def services() -> Services:
    return Services(console_files.load_files(ASSETS), load_issuers(environ))


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("console", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    return guarded(lambda: respond(event, services()), told, told.stopwatch(SystemClock()))

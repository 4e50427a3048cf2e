"""The functions' own log: one JSON object a line, whose fields are listed here and nowhere else.

It is for who operates: codes, ids, counts and times. A field that `FIELDS` does not list is not written, whoever passes
it; a message is written as it stands in the code, without arguments; an exception by type and place, without its text,
which may quote a statement or a value. What libraries log is told by its place in their code alone: at level DEBUG,
which a function's configuration can set, the SDK would print bodies and credentials.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import IO, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from postern.edges import correlation

# What a line may hold beside level, place, message, time, service and the ids of `correlation`.
FIELDS: Mapping[str, str] = {
    "action": "what an invoked function was asked for, of those that it knows",
    "causes": "what an error was raised from: types, the SDK's code and operation",
    "cold_start": "whether the environment was new",
    "code": "a code of docs/errors.md",
    "counts": "what a run without a caller did, by the names of the metrics",
    "database": "the name that the policy layer gives a database",
    "deployment": "CodeDeploy's id of a deployment",
    "detail": "what an error of ours says: names, keys and numbers, by the rule of errors.py",
    "error": "a code of docs/errors.md that a run ended with",
    "fault": "an exception's type",
    "frames": "an exception's frames as file:line",
    "issuer": "the name that the policy layer gives an issuer",
    "library": "the logger of a library, and the line in it",
    "state": "a task's state",
    "status": "an answer's status",
    "steps_ms": "the time of each step",
    "task": "a task's id where a run is about many",
    "why": "a reason of those that the code names",
}
MAX_TEXT = 500  # characters of one value
_LINE = json.JSONEncoder(default=str, separators=(",", ":"))  # `json.dumps` would make one with each line


@cache
def logger(service: str) -> Logger:
    """The one logger of an environment."""
    return make_logger(service)


def make_logger(service: str, stream: IO[str] | None = None) -> Logger:
    """A logger that writes such lines and no others."""
    return Logger(service=service, stream=stream, logger_formatter=Lines(json_serializer=_LINE.encode), utc=True)


class Lines(LambdaPowertoolsFormatter):
    """Writes a record as a line of the fields that are listed."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": record.msg if isinstance(record.msg, str) else "",
            "timestamp": self.formatTime(record, self.datefmt),
            "service": record.name,
            "location": f"{record.funcName}:{record.lineno}",
            **correlation.ids(),
        }
        trace_id = correlation.trace_id(os.environ)
        if trace_id is not None:
            line["xray_trace_id"] = trace_id
        for name, value in record.__dict__.items():
            if name in FIELDS and value is not None:
                line[name] = _bounded(value)
        if record.exc_info and record.exc_info[1] is not None:
            line |= {"fault": type(record.exc_info[1]).__name__, "frames": frames(record.exc_info[2])}
        return self.serialize(line)


def frames(traceback: TracebackType | None) -> list[str]:
    """Where an exception passed, innermost last: file and line of our code and the libraries'."""
    found = []
    while traceback is not None:
        found.append(f"{traceback.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return found


def _bounded(value: object) -> object:
    match value:
        case bool() | int() | float():
            return value
        case Mapping():
            return {str(name)[:MAX_TEXT]: _bounded(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_bounded(one) for one in value]
        case _:
            return str(value)[:MAX_TEXT]


class Foreign(logging.Filter):
    """Lets a library's warning through as its place in the library's code; its text and all below go nowhere."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return False
        record.msg, record.args = f"{record.name} {record.module}:{record.lineno}", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def silence_libraries(service: str) -> None:
    """Bounds all that is written past the logger: libraries' records, warnings, exceptions that nobody caught.

    Once an environment, before anything is handled. Whoever sets a level or a variable of a library does not undo it.
    """
    logging.captureWarnings(capture=True)
    # lastResort writes where the runtime set no handler up.
    for handler in (*logging.root.handlers, *filter(None, [logging.lastResort])):
        if not any(isinstance(one, Foreign) for one in handler.filters):
            handler.addFilter(Foreign())
    # Powertools writes by a handler of its own where POWERTOOLS_DEBUG is set.
    logging.getLogger("aws_lambda_powertools").setLevel(logging.CRITICAL)
    sys.excepthook = lambda kind, _, at: _uncaught(service, kind, at)
    threading.excepthook = lambda args: _uncaught(service, args.exc_type, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(service, args.exc_type, args.exc_traceback)


def _uncaught(service: str, kind: type[BaseException] | None, at: TracebackType | None) -> None:
    name = "none" if kind is None else kind.__name__
    logger(service).critical("uncaught", extra={"fault": name, "frames": frames(at)})

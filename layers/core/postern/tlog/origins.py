"""What a log is called outside its bucket: `postern.<deployment>/<log>`, the first line of its checkpoints."""

from __future__ import annotations

import re

from postern.tlog.spelling import malformed

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_PREFIX = "postern."


def origin_of(deployment: str, log: str) -> str:
    """The origin of a deployment's log, which is its keys' name too. Raises `IntegrityError` (`evidence.malformed`)."""
    for what, name in (("deployment", deployment), ("log", log)):
        if _NAME.fullmatch(name) is None:
            raise malformed(f"name of a {what}", "1 to 40 of a-z, 0-9 and -", repr(name))
    return f"{_PREFIX}{deployment}/{log}"


def log_of(origin: str) -> str:
    """The name of the log with this origin. Raises `IntegrityError` (`evidence.malformed`) for one that is not ours."""
    deployment, _, log = origin.removeprefix(_PREFIX).partition("/")
    if origin_of(deployment, log) != origin:
        raise malformed("origin", "postern.<deployment>/<log>", repr(origin))
    return log

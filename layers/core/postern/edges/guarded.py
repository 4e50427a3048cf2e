"""What every handler does around its one call: errors become answers, answers tell their timing, the log tells both.

The log names codes, ids and times. It never holds a token, a statement or a row value.
"""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools import Logger

from postern.edges import http
from postern.edges.causes import causes
from postern.errors import IntegrityError, PosternError, Unauthenticated, UpstreamError
from postern.services.stopwatch import Stopwatch


def guarded(call: Callable[[], http.Response], logger: Logger, watch: Stopwatch, request_id: str) -> http.Response:
    """The call's answer, or the error's; never raises. A fault of ours is logged by type and place, told to nobody."""
    code, command_id = "ok", None
    try:
        response = call()
    except PosternError as error:
        code, command_id = error.code, error.command_id
        response = http.problem(error)
        if isinstance(error, IntegrityError):
            logger.critical("integrity", extra={"code": code, "command_id": command_id, "detail": error.detail})
        elif isinstance(error, UpstreamError):
            logger.warning("upstream", extra={"code": code, "command_id": command_id, "causes": causes(error)})
        elif isinstance(error, Unauthenticated):
            logger.warning("no principal reached the function: the route has no authorizer", extra={"code": code})
    except Exception as error:  # noqa: BLE001 - the last line of a handler: whatever it is, nothing leaves but a code
        code = "internal"
        # The traceback's frames without the exception's text, which may quote a statement or a value.
        logger.critical(
            "fault", extra={"fault": type(error).__name__, "frames": _frames(error), "request_id": request_id}
        )
        response = http.fault()
    timing = watch.server_timing()
    if timing:
        response["headers"]["Server-Timing"] = timing
    logger.info(
        "answered",
        extra={
            "status": response["statusCode"],
            "code": code,
            "command_id": command_id,
            "request_id": request_id,
            "steps_ms": {name: round(spent, 2) for name, spent in watch.steps_ms.items()},
        },
    )
    return response


def _frames(error: BaseException) -> list[str]:
    frames = []
    at = error.__traceback__
    while at is not None:
        frames.append(f"{at.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{at.tb_lineno}")
        at = at.tb_next
    return frames

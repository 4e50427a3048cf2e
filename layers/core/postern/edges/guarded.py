"""What every handler behind the gateway does around its one call: errors become answers, answers tell their timing."""

from __future__ import annotations

from collections.abc import Callable

from postern.edges import http
from postern.edges.invocation import Invocation
from postern.errors import PosternError
from postern.services.stopwatch import Stopwatch


def guarded(call: Callable[[], http.Response], told: Invocation, watch: Stopwatch) -> http.Response:
    """The call's answer, or the error's; never raises. A fault of ours is logged by type and place, told to nobody."""
    try:
        response = call()
    except PosternError as error:
        told.failed(error)
        response = http.problem(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem body that says nothing
        told.fault(error)
        response = http.fault()
    told.status = response["statusCode"]
    timing = watch.server_timing()
    if timing:
        response["headers"]["Server-Timing"] = timing
    return response

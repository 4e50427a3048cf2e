"""What runs in a worker's process: a Lambda runtime, that ends when the local stack does.

Started as `python -m postern_local.worker RUNTIME HANDLER` with the function's folder as working
directory. `aws` is AWS's own runtime, `own` the loop below for systems that it has no wheel for. The
process holds the read end of a pipe on standard input; at its end, whatever the reason, it is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1  # prctl(2), Linux
# No function is deployed with these. The SDK loads them where it finds them, as beside the tools of a developer,
# and that takes a fifth of a worker's start.
_NOT_DEPLOYED = ("awscrt", "OpenSSL")


def main(runtime: str, handler: str) -> None:
    """Serves invocations until the process is killed."""
    die_with_parent()
    hide_what_is_not_deployed()
    if runtime == "aws":
        from awslambdaric.__main__ import main as serve

        serve(["awslambdaric", handler])
    else:
        from postern_local.runtime_loop import serve as serve_here

        serve_here(handler, os.environ["AWS_LAMBDA_RUNTIME_API"])


def hide_what_is_not_deployed() -> None:
    """To be called before any library is imported."""
    sys.modules.update(dict.fromkeys(_NOT_DEPLOYED))  # type: ignore[arg-type]  # with None the import fails


def die_with_parent() -> None:
    """Two ways, since one may not be there: the kernel's signal on Linux, the end of standard input anywhere."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_watch_input, daemon=True).start()


def _watch_input() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)  # the process group is the worker's own


if __name__ == "__main__":
    main(*sys.argv[1:])

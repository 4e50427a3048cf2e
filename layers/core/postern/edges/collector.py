"""The garbage collector rests while a function starts, until its first answer is given.

What a start makes (modules, classes, clients) stays for the life of the environment, and the collector would look
through all of it some thirty times: a tenth of a cold start's processor time. Counting references goes on, so all that
waits is garbage in cycles, of one start.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping

_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"  # set by Lambda: nothing rests in a command or a test that imports the package


def rest(environment: Mapping[str, str]) -> None:
    """Lets it rest in a function, until `resume`."""
    if _FUNCTION in environment:
        gc.disable()


def resume() -> None:
    """Has it look again, but never at what the start made. Does nothing where it does not rest."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()

"""Which services moto has, asked of its folder once.

Correction of moto 5.2.5, which lists that folder of some two hundred anew for each request: a third of what it costs.
"""

from __future__ import annotations

from functools import cache

from moto import backends

from postern_local.aws.replacement import Method, replace


def install() -> None:
    """Puts the correction in place. Call once, before the first request."""
    replace(backends, "list_of_moto_modules", _listed_once)


def _listed_once(original: Method) -> Method:
    return cache(lambda: tuple(original()))

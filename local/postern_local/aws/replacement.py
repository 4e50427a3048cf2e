"""How moto's behaviour is corrected: a method of one of its classes is replaced by one of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


def replace(owner: type, name: str, wrap: Callable[[Method], Method]) -> None:
    """Replaces `owner.name` by `wrap(original)`. Raises `AttributeError` where moto has no such method any more."""
    setattr(owner, name, wrap(getattr(owner, name)))

"""How moto's behaviour is corrected: a method of one of its classes, or a function of a module, is replaced by ours."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

Method = Callable[..., Any]


def replace(owner: type | ModuleType, name: str, wrap: Callable[[Method], Method]) -> None:
    """Replaces `owner.name` by `wrap(original)`. Raises `AttributeError` where moto has no such method any more."""
    setattr(owner, name, wrap(getattr(owner, name)))

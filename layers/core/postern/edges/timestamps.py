"""Times as the SDK reads them out of answers. S3 tells one for each object that it lists."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from botocore.utils import parse_timestamp

_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?Z")


def read_timestamp(value: Any) -> datetime:  # noqa: ANN401 - text or a number, as the service's protocol has it
    """What botocore's own reader gives, which tries every form there is: a tenth of a millisecond for each time.

    Raises `ValueError` for what is no time.
    """
    if isinstance(value, str) and _UTC.fullmatch(value):
        return datetime.fromisoformat(value)
    return parse_timestamp(value)

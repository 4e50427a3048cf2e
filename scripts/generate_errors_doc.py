"""Writes docs/errors.md from the table of codes. Run it after a change of `postern.errors.CODES`."""

from __future__ import annotations

from pathlib import Path

from postern.errors import CODES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"

_HEAD = """\
# Error codes

Every error is a body of `application/problem+json` (RFC 9457). `code` is stable; `detail` says what to do next;
`command_id` is there where the call is on record. A refusal of policy lists each refused part under `refusals`; a
statement that the database refused has `sqlstate` and, where there is a place to point at, `position`.

The status follows the code's kind: 400 the request is not of the contract's shape, 401 no valid token, 403 refused by
policy or guard, 404 not there or not yours, 409 the state forbids it, 413 too large, 422 the SQL does not parse or the
database refused it, 429 a budget is used up, 503 a part is away and the same call may succeed later.

This page is generated from `layers/core/postern/errors.py`.

| code | what it means and what to do |
|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"| `{code}` | {meaning} |\n" for code, meaning in CODES.items())


if __name__ == "__main__":
    PAGE.write_text(page())

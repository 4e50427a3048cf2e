"""The major versions of PostgreSQL that Postern stands in front of."""

from __future__ import annotations

# The guard has lists of functions and types for exactly these. A server of another version may have others, so no
# session is opened on it and no statement for it is allowed.
SUPPORTED_MAJORS = (16, 17, 18)

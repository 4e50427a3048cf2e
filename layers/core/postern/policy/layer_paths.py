"""The paths of a policy layer's files, with `/`."""

from __future__ import annotations

import re

ISSUERS = "issuers.yaml"
DATABASES = "databases.yaml"
APPROVALS = "approvals.yaml"
LIMITS = "limits.yaml"
SINGLE = frozenset({ISSUERS, DATABASES, APPROVALS, LIMITS})  # beside the two folders
CATALOG = re.compile(r"catalog/(?P<database>[^/]+)\.yaml")  # each catalog is held to its file's name
CEDAR = re.compile(r"policy/[^/]+\.cedar")

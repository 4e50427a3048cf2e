"""Holds BOMs against the schema of CycloneDX 1.6. Runs in .venv-scan, which has the schema: `make sbom`."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(paths: list[str]) -> int:
    """1 where a document does not hold, or there is none."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    wrong = {path: validator.validate_str(Path(path).read_text()) for path in paths}
    for path, error in wrong.items():
        sys.stderr.write(f"{path}: {str(error)[:400]}\n" if error else "")
    return 1 if not paths or any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

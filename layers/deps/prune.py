"""Takes out of the layer what no function can use: parts of wheels, whole ones that only a build needs.

What is listed is gone whether or not it is there; `scripts/check_build.py` looks at what is left. The licences stay
with their wheels.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

# botocore's descriptions of the services that a function calls, and of none of the other four hundred. One that is
# missing stops the function with UnknownServiceError when it makes the client, in the first test that does.
# It looks through all of them for the name that it is asked for, so each start takes less, too.
# xray: no function calls it, but the tracer makes its client when it is loaded, for a sampler that Lambda never asks.
SERVICES = frozenset({"codedeploy", "dynamodb", "events", "kms", "lambda", "s3", "sqs", "sts", "xray"})

# Distributions that go as a whole: the bill of materials leaves them out. pycparser turns C declarations into
# extensions, as cffi's Python part does; cryptography needs nothing but the compiled `_cffi_backend` of the two.
LEFT_OUT = ("pycparser",)

UNUSED = (
    "bin",
    "cffi",
    *(pattern for name in LEFT_OUT for pattern in (name, f"{name}-*.dist-info")),
    # Where a telephone number belongs, and whose it is: that it is one is all that is looked for.
    "phonenumbers/carrierdata",
    "phonenumbers/geodata",
    "phonenumbers/tzdata",
    "botocore/data/*/*/examples-1.json",
    "**/tests",
    "**/test",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.c",
    "**/*.h",
)


def main(root: Path) -> None:
    data = root / "botocore/data"
    slim_endpoints(data / "endpoints.json")
    unused = [one for one in data.iterdir() if one.is_dir() and one.name not in SERVICES]
    unused += [path for pattern in UNUSED for path in root.glob(pattern)]
    for path in unused:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for model in data.glob("*/*/service-2.json.gz"):
        slim_model(model)
    for metadata in root.glob("*.dist-info/METADATA"):
        slim_metadata(metadata)


def slim_endpoints(path: Path) -> None:
    """Leaves the endpoints of our services, of four hundred that each start would parse."""
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in SERVICES}
    path.write_text(json.dumps(endpoints, separators=(",", ":")))


def slim_model(path: Path) -> None:
    """Empties the prose of a service's description, four fifths of it: it is for docstrings and nothing else."""
    model = json.loads(gzip.decompress(path.read_bytes()))
    # Without a time in it, the same bytes come of every build.
    path.write_bytes(gzip.compress(json.dumps(without_prose(model), separators=(",", ":")).encode(), mtime=0))


def slim_metadata(path: Path) -> None:
    """Leaves the fields of a wheel's metadata and not its README, which a start reads through for the version."""
    fields, _, _ = path.read_text(encoding="utf-8").partition("\n\n")
    path.write_text(fields + "\n", encoding="utf-8")


def without_prose(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """The node with `documentation` empty where it is text: botocore expects it in places, and never reads it."""
    if isinstance(node, list):
        return [without_prose(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        name: "" if name == "documentation" and isinstance(one, str) else without_prose(one)
        for name, one in node.items()
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))

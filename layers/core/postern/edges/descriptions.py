"""botocore's descriptions of services, read faster: they are a tenth of a cold start.

botocore parses each into ordered dictionaries, with a call for each object in it; dictionaries have kept their order
since. Everything else is botocore's own loader.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader


class Descriptions(JSONFileLoader):
    """Gives what botocore's own gives, for the same path without its suffix."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - any JSON
        """The parsed file; None where there is none, as the loader expects while it searches."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return msgspec.json.decode(plain.read_bytes())
        if packed.is_file():
            return msgspec.json.decode(gzip.decompress(packed.read_bytes()))
        return None


def loader() -> Loader:
    """botocore's loader over these."""
    return Loader(file_loader=Descriptions())

"""A template as it is written, and as the SAM transform makes it: plain CloudFormation, no AWS call."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postern_local.failure import StackFailure

if TYPE_CHECKING:
    import yaml

# The transform takes code from S3 only, so a folder is given to it as an object of this bucket.
FOLDER_BUCKET = "folder-of-the-project"
_CODE = ("CodeUri", "ContentUri")


def read_yaml(path: Path) -> dict[str, Any]:
    """The template's document with CloudFormation's tags spelt out. Raises `StackFailure`."""
    import yaml

    try:
        document = yaml.load(path.read_text(), _loader())  # noqa: S506 - a safe loader
    except OSError as error:
        raise StackFailure(f"{path}: expected a template, got: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise StackFailure(f"{path}: expected YAML, got: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise StackFailure(f"{path}: expected a template with Resources, got another document")
    return document


def _loader() -> type[yaml.CSafeLoader | yaml.SafeLoader]:
    """The loader of SAM's own parser, over libyaml where that is there: Python's takes longer than the transform."""
    import yaml
    from samtranslator.yaml_helper import intrinsics_multi_constructor

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """A safe loader that knows the short forms of CloudFormation's functions."""

    Loader.add_multi_constructor("!", intrinsics_multi_constructor)
    return Loader


def transform(document: dict[str, Any], parameters: Mapping[str, str], *, region: str, where: Path) -> dict[str, Any]:
    """The document with SAM's resource types replaced by CloudFormation's. Raises `StackFailure`."""
    if document.get("Transform") is None:
        return document
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    for resource in document["Resources"].values():
        for name in _CODE:
            folder = resource.get("Properties", {}).get(name)
            if isinstance(folder, str):
                resource["Properties"][name] = f"s3://{FOLDER_BUCKET}/{folder}"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        transformed: dict[str, Any] = translator.translate(document, dict(parameters))
    except InvalidDocumentException as error:
        reasons = "; ".join(str(cause.message) for cause in error.causes)
        raise StackFailure(f"{where}: {reasons}") from error
    return transformed
